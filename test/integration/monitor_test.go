// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// A monitored policy would refuse every pod; the pods are placed, where the profile without it
// places them too, and the metrics and the log say what the policy would have done.
func TestMonitoredPolicyIsOnlyWatched(t *testing.T) {
	const pods = 20
	c := cluster.ForTest(t)
	createNodes(t, c, threeZones()...)
	watched := zoneAffinity
	watched.more = "mode: Monitor"
	s := startScheduler(t, c, profile{name: "watched", policies: []policy{watched}})
	for i := range pods {
		name := fmt.Sprintf("pod-%d", i)
		create(t, c, pod(name, "watched", "10m", inZone("nowhere")))
		nodeOf(t, c, name)
	}
	metrics, err := s.Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`stowage_policy_monitored_total{decision="reject",point="Filter",policy="zone-policy",profile="watched"} %d`, 3*pods)
	if !strings.Contains(string(metrics), want) {
		t.Errorf("the metrics do not have %s, but\n%s", want, lines(string(metrics), "stowage_policy_monitored_total"))
	}
}

// lines is those with a text in them.
func lines(s, text string) string {
	var found []string
	for line := range strings.Lines(s) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}
