// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	componentbaseconfig "k8s.io/component-base/config"
)

// self is what stands for this scheduler in events: its pod, which the downward API names in POD_NAME,
// POD_NAMESPACE and POD_UID, or else the lease that it competes for. Nil if it has neither, as on somebody's own machine.
// `kubectl describe pod` shows only events that have the pod's UID.
func self(env func(string) string, election componentbaseconfig.LeaderElectionConfiguration) *v1.ObjectReference {
	name, namespace := env("POD_NAME"), env("POD_NAMESPACE")
	switch {
	case name != "" && namespace != "":
		return &v1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: name, UID: types.UID(env("POD_UID"))}
	case election.LeaderElect:
		return &v1.ObjectReference{
			APIVersion: coordinationv1.SchemeGroupVersion.String(), Kind: "Lease",
			Namespace: election.ResourceNamespace, Name: election.ResourceName,
		}
	default:
		return nil
	}
}
