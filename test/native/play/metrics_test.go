// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

const scraped = `# TYPE scheduler_pending_pods gauge
scheduler_pending_pods{queue="active"} 2
scheduler_pending_pods{queue="gated"} 0
scheduler_queue_incoming_pods_total{event="AssignedPodDelete",queue="active"} 3
scheduler_queue_incoming_pods_total{event="AssignedPodDelete",queue="backoff"} 4
scheduler_queue_incoming_pods_total{event="BackoffComplete",queue="active"} 5
scheduler_schedule_attempts_total{profile="stowage",result="unschedulable"} 6
scheduler_schedule_attempts_total{profile="stowage",result="error"} 1
scheduler_event_handling_duration_seconds_count{event="NodeAdd"} 8
scheduler_event_handling_duration_seconds_bucket{event="NodeAdd",le="1"} 8
scheduler_cache_size{type="nodes"} 9
`

func TestReading(t *testing.T) {
	r := parse([]byte(scraped))
	want := map[string]int{
		`scheduler_pending_pods{queue="active"}`:                                      2,
		`scheduler_queue_incoming_pods_total{event="AssignedPodDelete"}`:              7,
		`scheduler_schedule_attempts_total{profile="stowage",result="unschedulable"}`: 6,
		`scheduler_schedule_attempts_total{profile="stowage",result="error"}`:         1,
	}
	if diff := cmp.Diff(want, r.counts()); diff != "" {
		t.Errorf("what does not depend on time (-want,+got):\n%s", diff)
	}
	if got := [3]int{r.failures(), r.pending("active"), r.heard("NodeAdd")}; got != [3]int{7, 2, 8} {
		t.Errorf("failures, pending pods and events = %v, want 7, 2 and 8", got)
	}
}

func TestFailuresAreReadFromTheLog(t *testing.T) {
	for line, want := range map[string]string{
		`I1123 14:59:54.205095   27026 schedule_one.go:1194] "Unable to schedule pod; no fit; waiting" pod="default/a" err="0/60 nodes: \"x\"."`:      `default/a: 0/60 nodes: \"x\".`,
		`E1123 15:00:37.014060   27019 schedule_one.go:1198] "Error scheduling pod; retrying" err="it broke" logger="UnhandledError" pod="default/b"`: `default/b: it broke`,
		`I1123 15:00:37.014060   27019 schedule_one.go:20] "Successfully bound pod to node" pod="default/c" node="n"`:                                 ``,
	} {
		if got := failureOf(line); got != want {
			t.Errorf("failure in %q = %q, want %q", line, got, want)
		}
	}
}

func TestUniqueNamesPods(t *testing.T) {
	id := types.UID("0b0d9f4e-8c4b-4a2e-9f6e-3a0f6f1f2a11")
	got := unique(map[types.UID]string{id: "pod-1"}, "Preempted by pod "+string(id)+" on node n")
	if want := "Preempted by pod pod-1 on node n"; got != want {
		t.Errorf("unique = %q, want %q", got, want)
	}
}
