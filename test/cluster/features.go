// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PodGroups is Options for a cluster that schedules groups of pods as a whole, on placements that are
// compared. Kubernetes has both behind gates that are off, and the API of groups in beta.
func PodGroups() Options {
	return Options{
		FeatureGates:  map[string]bool{"GenericWorkload": true, "TopologyAwareWorkloadScheduling": true},
		RuntimeConfig: map[string]bool{"scheduling.k8s.io/v1beta1": true},
	}
}

// apiServerFlags is what the options add to the command line of kube-apiserver.
func (o Options) apiServerFlags() []string {
	return append(switches("feature-gates", o.FeatureGates), switches("runtime-config", o.RuntimeConfig)...)
}

// switches is a flag of the form "--name=a=true,b=false"; nothing if there is nothing to switch, because
// an empty list is an error. The order is fixed so that the same options make the same command line.
func switches(name string, on map[string]bool) []string {
	if len(on) == 0 {
		return nil
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(on)) {
		list = append(list, fmt.Sprintf("%s=%t", key, on[key]))
	}
	return []string{"--" + name + "=" + strings.Join(list, ",")}
}
