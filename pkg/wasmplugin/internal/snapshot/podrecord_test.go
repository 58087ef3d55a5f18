// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

func maximalPod(t *testing.T) *v1.Pod {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "maximal-pod.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	pod := &v1.Pod{}
	if err := yaml.UnmarshalStrict(b, pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

func encodedPod(t *testing.T, pod *v1.Pod, parts abi.Parts, opts snapshot.Options) podView {
	t.Helper()
	s := newStore(t, opts)
	r := newReader(t)
	r.strides = s.Strides()
	return r.decodePod(s.EncodePod(pod, parts))
}

// maximalView is the record of testdata/maximal-pod.yaml. cpu: the init container's 3 and the
// sidecar's absence at its time exceed 1.5 + 0.1; overhead comes on top.
var maximalView = podView{
	Name: "trainer-0", Namespace: "team-a", UID: "11111111-2222-3333-4444-555555555555",
	SchedulerName: "stowage", PriorityClass: "high", ServiceAccount: "runner", RuntimeClass: "gvisor", NominatedNode: "node-5",
	Priority:             -7,
	Flags:                abi.PodHostNetwork | abi.PodHostPID | abi.PodHostIPC | abi.PodNeverPreempts | abi.PodTerminating,
	CreatedUnixNano:      time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC).UnixNano(),
	TerminationGraceSecs: 45,
	Requests:             abi.Resources{MilliCPU: 3050, Memory: 1<<30 + 10<<20, EphemeralStorage: 2 << 30},
	Limits:               abi.Resources{MilliCPU: 2050, Memory: 2<<30 + 10<<20},
	ExtendedRequests:     []amount{{"hugepages-2Mi", 4 << 20}, {"nvidia.com/gpu", 2}},
	ExtendedLimits:       []amount{{"hugepages-2Mi", 4 << 20}, {"nvidia.com/gpu", 2}},
	Labels:               []pair{{"app", "trainer"}, {"tier", "batch"}},
	Annotations:          []pair{{"cost-center", "42"}, {"note", ""}},
	Owners:               []ownerView{{"v1", "ConfigMap", "other", "o-1", false}, {"batch/v1", "Job", "trainer", "o-2", true}},
	NodeSelector:         []pair{{"arch", "arm64"}, {"disk", "ssd"}},
	Tolerations: []tolerationView{
		{"a", "b", abi.OpEqual, abi.EffectNoExecute, 30},
		{"", "", abi.OpExists, abi.EffectAll, -1},
		{"c", "d", abi.OpEqual, abi.EffectPreferNoSchedule, -1},
		{"level", "3", abi.OpGt, abi.EffectNoSchedule, -1},
		{"level", "9", abi.OpLt, abi.EffectAll, -1},
	},
	HasRequiredNodeTerms: true,
	RequiredNodeTerms: []nodeTermView{
		{
			Labels: []expressionView{{"zone", abi.OpIn, []string{"a", "b"}}, {"gpu", abi.OpExists, nil}},
			Fields: []expressionView{{"metadata.name", abi.OpNotIn, []string{"node-9"}}},
		},
		{Labels: []expressionView{{"spot", abi.OpDoesNotExist, nil}}},
	},
	PreferredNodeTerms: []nodeTermView{{
		Labels: []expressionView{{"cores", abi.OpGt, []string{"8"}}, {"cores", abi.OpLt, []string{"64"}}}, Weight: 5,
	}},
	RequiredPodAffinity: []podTermView{{
		TopologyKey: "zone", Namespaces: []string{"team-a", "team-b"},
		Selector: []expressionView{
			{"w", abi.OpIn, []string{"1"}}, {"x", abi.OpIn, []string{"2"}}, {"z", abi.OpNotIn, []string{"q"}},
		},
		Flags: abi.TermHasSelector | abi.TermHasNamespaceSelector,
	}},
	PreferredPodAffinity: []podTermView{{TopologyKey: "rack", Weight: 11, Flags: abi.TermHasSelector}},
	RequiredPodAnti:      []podTermView{{TopologyKey: "host"}},
	PreferredPodAnti: []podTermView{{
		TopologyKey: "region", Weight: 13, Flags: abi.TermHasNamespaceSelector,
		NamespaceSelector: []expressionView{{"env", abi.OpIn, []string{"prod"}}, {"old", abi.OpDoesNotExist, nil}},
	}},
	Spread: []spreadView{
		{"zone", []expressionView{{"app", abi.OpExists, nil}}, 2, 3, abi.TermHasSelector | abi.SpreadDoNotSchedule},
		{"host", nil, 1, 0, 0},
	},
	Containers: []containerView{
		{Name: "fetch", Image: "fetcher", Kind: abi.ContainerInit, Requests: []amount{{"cpu", 3000}}},
		{Name: "proxy", Image: "envoy", Kind: abi.ContainerSidecar, Requests: []amount{{"cpu", 100}}},
		{
			Name: "main", Image: "registry.example/train:v1",
			Requests: []amount{{"cpu", 1500}, {"ephemeral-storage", 2 << 30}, {"memory", 1 << 30}, {"nvidia.com/gpu", 2}},
			Limits:   []amount{{"cpu", 2000}, {"memory", 2 << 30}, {"nvidia.com/gpu", 2}},
			Ports:    []portView{{"10.0.0.1", abi.ProtocolUDP, 8080, 80}, {"", abi.ProtocolTCP, 0, 443}},
		},
		{
			Name: "helper", Image: "helper", Requests: []amount{{"hugepages-2Mi", 4 << 20}}, Limits: []amount{{"hugepages-2Mi", 4 << 20}},
			Ports: []portView{{"", abi.ProtocolSCTP, 0, 9}},
		},
	},
	Volumes: []volumeView{
		{"v-claim", "data", abi.VolumePersistentVolumeClaim}, {"v-ephemeral", "", abi.VolumeEphemeral},
		{"v-config", "settings", abi.VolumeConfigMap}, {"v-secret", "password", abi.VolumeSecret},
		{"v-empty", "", abi.VolumeEmptyDir}, {"v-host", "/dev/fuse", abi.VolumeHostPath},
		{"v-projected", "", abi.VolumeProjected}, {"v-downward", "", abi.VolumeDownwardAPI},
		{"v-csi", "csi.example", abi.VolumeCSI}, {"v-nfs", "nas", abi.VolumeNFS},
		{"v-image", "model:v3", abi.VolumeImage}, {"v-other", "", abi.VolumeOther},
	},
}

func TestMaximalPod(t *testing.T) {
	for _, padding := range []int{0, 8, 64} {
		t.Run(fmt.Sprintf("padding %d", padding), func(t *testing.T) {
			got := encodedPod(t, maximalPod(t), allParts, snapshot.Options{Padding: padding})
			if diff := cmp.Diff(maximalView, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("pod (-want,+got):\n%s", diff)
			}
		})
	}
}

// The maximal pod must stay one: a field that is empty in it is not tested at all.
func TestMaximalPodLeavesNothingOut(t *testing.T) {
	v := reflect.ValueOf(maximalView)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is empty", v.Type().Field(i).Name)
		}
	}
}

func TestMinimalPod(t *testing.T) {
	got := encodedPod(t, &v1.Pod{}, allParts, snapshot.Options{})
	if diff := cmp.Diff(podView{}, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("pod (-want,+got):\n%s", diff)
	}
}

// An empty requirement matches no node; an absent one matches all.
func TestEmptyNodeAffinity(t *testing.T) {
	pod := &v1.Pod{Spec: v1.PodSpec{Affinity: &v1.Affinity{NodeAffinity: &v1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &v1.NodeSelector{}}}}}
	got := encodedPod(t, pod, allParts, snapshot.Options{})
	if diff := cmp.Diff(podView{HasRequiredNodeTerms: true}, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("pod (-want,+got):\n%s", diff)
	}
}

// What nobody declared costs nothing; what is declared does not bring anything else along.
func TestPartsOfAPod(t *testing.T) {
	fields := map[string]abi.Parts{
		"Labels": abi.PodLabels, "Annotations": abi.PodAnnotations, "Owners": abi.PodOwners,
		"Tolerations": abi.PodTolerations, "Containers": abi.PodContainers, "Volumes": abi.PodVolumes,
		"NodeSelector": abi.PodAffinity, "HasRequiredNodeTerms": abi.PodAffinity, "RequiredNodeTerms": abi.PodAffinity,
		"PreferredNodeTerms": abi.PodAffinity, "RequiredPodAffinity": abi.PodAffinity, "PreferredPodAffinity": abi.PodAffinity,
		"RequiredPodAnti": abi.PodAffinity, "PreferredPodAnti": abi.PodAffinity, "Spread": abi.PodAffinity,
	}
	for name, parts := range map[string]abi.Parts{
		"none": 0, "labels": abi.PodLabels, "annotations": abi.PodAnnotations, "owners": abi.PodOwners,
		"tolerations": abi.PodTolerations, "containers": abi.PodContainers, "volumes": abi.PodVolumes, "affinity": abi.PodAffinity,
		"two": abi.PodLabels | abi.PodVolumes, "of nodes": abi.NodeLabels | abi.NodePods,
	} {
		t.Run(name, func(t *testing.T) {
			want := maximalView
			for field, part := range fields {
				if parts&part == 0 {
					reflect.ValueOf(&want).Elem().FieldByName(field).SetZero()
				}
			}
			got := encodedPod(t, maximalPod(t), parts, snapshot.Options{})
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("pod (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestEncodingAPodTwiceGivesTheSameBytes(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	first := s.EncodePod(maximalPod(t), allParts)
	for range 20 {
		if !slices.Equal(first, s.EncodePod(maximalPod(t), allParts)) {
			t.Fatal("the bytes differ")
		}
	}
}
