// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestFlagsOfOptions(t *testing.T) {
	tests := map[string]struct {
		opts Options
		want []string
	}{
		"none": {},
		"gates on and off": {
			opts: Options{FeatureGates: map[string]bool{"B": true, "A": false}},
			want: []string{"--feature-gates=A=false,B=true"},
		},
		"both": {
			opts: PodGroups(),
			want: []string{
				"--feature-gates=GenericWorkload=true,TopologyAwareWorkloadScheduling=true",
				"--runtime-config=scheduling.k8s.io/v1beta1=true",
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.opts.apiServerFlags()); diff != "" {
				t.Errorf("flags differ (-want,+got):\n%s", diff)
			}
		})
	}
}

// The scheduler has the cluster's gates, and what a test adds wins.
func TestSchedulerHasTheGates(t *testing.T) {
	c := &Cluster{opts: PodGroups()}
	got := c.schedulerArgs(SchedulerOptions{ExtraArgs: []string{"--feature-gates=GenericWorkload=false"}}, "c.yaml", 1)
	want := []string{
		"--feature-gates=GenericWorkload=true,TopologyAwareWorkloadScheduling=true",
		"--feature-gates=GenericWorkload=false",
	}
	if diff := cmp.Diff(want, got[len(got)-2:]); diff != "" {
		t.Errorf("the last flags differ (-want,+got):\n%s", diff)
	}
}

// A cluster as by default has no pod groups: options are what turns them on, in TestPodGroupsAreServed.
func testNoPodGroups(t *testing.T, c *Cluster) {
	_, err := c.Client().SchedulingV1beta1().PodGroups("default").List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("listing pod groups: got %v, want that the server does not know them", err)
	}
}

func TestPodGroupsAreServed(t *testing.T) {
	c := ForTestWith(t, PodGroups())
	if _, err := c.Client().SchedulingV1beta1().PodGroups("default").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	scheduler, err := c.StartScheduler(t.Context(), SchedulerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := scheduler.Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for gate := range PodGroups().FeatureGates {
		on := regexp.MustCompile(`(?m)^kubernetes_feature_enabled\{name="` + gate + `"[^}]*\} 1$`)
		if !on.Match(metrics) {
			t.Errorf("the scheduler's metrics do not say that %s is on", gate)
		}
	}
}
