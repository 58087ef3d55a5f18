// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/ledger"
)

func requests(pairs ...string) v1.ResourceList {
	list := v1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[v1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return list
}

func containerOf(name string, pairs ...string) v1.Container {
	return v1.Container{Name: name, Resources: v1.ResourceRequirements{Requests: requests(pairs...)}}
}

func sidecarOf(pairs ...string) v1.Container {
	c := containerOf("sidecar", pairs...)
	c.RestartPolicy = new(v1.ContainerRestartPolicyAlways)
	return c
}

func podOf(uid, namespace string, containers ...v1.Container) *v1.Pod {
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: uid, UID: types.UID(uid), Namespace: namespace},
		Spec:       v1.PodSpec{Containers: containers},
	}
}

// cpuPod requests one CPU.
func cpuPod(uid string) *v1.Pod { return podOf(uid, "ns", containerOf("main", "cpu", "1")) }

func nodeOf(name string, pods ...*v1.Pod) *framework.NodeInfo {
	info := framework.NewNodeInfo(pods...)
	info.SetNode(&v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	return info
}

func listOf(infos ...*framework.NodeInfo) (out []fwk.NodeInfo) {
	for _, info := range infos {
		out = append(out, info)
	}
	return out
}

func TestRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*v1.Pod)
		want map[string]int64
	}{
		"nothing": {
			edit: func(p *v1.Pod) { p.Spec.Containers = []v1.Container{containerOf("main")} },
			want: map[string]int64{"pods": 1},
		},
		"containers are added": {
			edit: func(p *v1.Pod) { p.Spec.Containers = append(p.Spec.Containers, containerOf("b", "cpu", "250m")) },
			want: map[string]int64{"pods": 1, "cpu": 1250, "memory": 1 << 30},
		},
		"other resources": {
			edit: func(p *v1.Pod) {
				p.Spec.Containers[0] = containerOf("main", "nvidia.com/gpu", "2", "hugepages-2Mi", "4Mi",
					"ephemeral-storage", "1Gi", "attachable-volumes-x", "3", "kubernetes.io/odd", "1")
			},
			want: map[string]int64{
				"pods": 1, "nvidia.com/gpu": 2, "hugepages-2Mi": 4 << 20, "ephemeral-storage": 1 << 30,
				"attachable-volumes-x": 3, "kubernetes.io/odd": 1,
			},
		},
		"what no node has": {
			edit: func(p *v1.Pod) {
				p.Spec.Containers[0] = containerOf("main", "pods", "7", "storage", "1", "requests.example.com/x", "1")
			},
			want: map[string]int64{"pods": 1},
		},
		"the largest init container counts": {
			edit: func(p *v1.Pod) {
				p.Spec.InitContainers = []v1.Container{containerOf("init", "cpu", "3", "memory", "1")}
			},
			want: map[string]int64{"pods": 1, "cpu": 3000, "memory": 1 << 30},
		},
		"a sidecar is added": {
			edit: func(p *v1.Pod) { p.Spec.InitContainers = []v1.Container{sidecarOf("cpu", "500m")} },
			want: map[string]int64{"pods": 1, "cpu": 1500, "memory": 1 << 30},
		},
		"overhead is added": {
			edit: func(p *v1.Pod) { p.Spec.Overhead = requests("cpu", "100m") },
			want: map[string]int64{"pods": 1, "cpu": 1100, "memory": 1 << 30},
		},
		"the pod's own requests replace the containers'": {
			edit: func(p *v1.Pod) { p.Spec.Resources = &v1.ResourceRequirements{Requests: requests("cpu", "5")} },
			want: map[string]int64{"pods": 1, "cpu": 5000, "memory": 1 << 30},
		},
		"growing: what is desired": {
			edit: func(p *v1.Pod) {
				p.Status.ContainerStatuses = []v1.ContainerStatus{{Name: "main", AllocatedResources: requests("cpu", "500m")}}
			},
			want: map[string]int64{"pods": 1, "cpu": 1000, "memory": 1 << 30},
		},
		"shrinking: what is allocated": {
			edit: func(p *v1.Pod) {
				p.Status.ContainerStatuses = []v1.ContainerStatus{{Name: "main", AllocatedResources: requests("cpu", "4")}}
			},
			want: map[string]int64{"pods": 1, "cpu": 4000, "memory": 1 << 30},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := podOf("a", "ns", containerOf("main", "cpu", "1", "memory", "1Gi"))
			tc.edit(pod)
			onNode, reserved := ledger.New(), ledger.New()
			onNode.Account("")
			onNode.Sync(listOf(nodeOf("node", pod)))
			reserved.Account("")
			reserved.Reserve(pod, "node")
			for what, l := range map[string]*ledger.Ledger{"on a node": onNode, "reserved": reserved} {
				if diff := cmp.Diff(tc.want, l.Totals(0, "ns")); diff != "" {
					t.Errorf("%s (-want,+got):\n%s", what, diff)
				}
			}
		})
	}
}

func TestAccounts(t *testing.T) {
	pod := func(uid, namespace string, labels map[string]string) *v1.Pod {
		p := podOf(uid, namespace, containerOf("main", "cpu", "1"))
		p.Labels = labels
		return p
	}
	l := ledger.New()
	byTeam, byNamespace := l.Account("team"), l.Account("")
	if again := l.Account("team"); again != byTeam || byNamespace == byTeam {
		t.Errorf("Account = %d, %d and again %d", byTeam, byNamespace, again)
	}
	l.Sync(listOf(nodeOf("x",
		pod("1", "one", map[string]string{"team": "red"}), pod("2", "two", map[string]string{"team": "red"}),
		pod("3", "two", map[string]string{"team": ""}), pod("4", "two", map[string]string{"other": "red"}), pod("5", "three", nil),
	), nodeOf("y", pod("6", "one", map[string]string{"team": "red"}))))
	late := l.Account("other")
	l.Sync(nil)
	l.Sync(listOf(nodeOf("z", pod("7", "one", map[string]string{"team": "red", "other": "o"}))))
	want := usage{
		{"", "one"}:     {"pods": 1, "cpu": 1000},
		{"team", "red"}: {"pods": 1, "cpu": 1000},
		{"other", "o"}:  {"pods": 1, "cpu": 1000},
	}
	if diff := cmp.Diff(want, usageOf(l, []string{"", "team", "other"})); diff != "" {
		t.Errorf("usage (-want,+got):\n%s", diff)
	}
	if got := l.Used(late, "o", "pods"); got != 1 {
		t.Errorf("Used of the late way = %d, want 1", got)
	}
}

func TestUnknownIsZero(t *testing.T) {
	l := ledger.New()
	way := l.Account("")
	l.Sync(listOf(nodeOf("node", cpuPod("a"))))
	for _, tc := range []struct {
		way            int
		name, resource string
	}{
		{way, "ns", "nvidia.com/gpu"}, {way, "ns", ""}, {way, "ns", "memory"},
		{way, "other", "cpu"}, {way + 1, "ns", "cpu"}, {-1, "ns", "cpu"},
	} {
		if got := l.Used(tc.way, tc.name, tc.resource); got != 0 {
			t.Errorf("Used%v = %d, want 0", tc, got)
		}
	}
	if l.Totals(-1, "ns") != nil || l.Totals(9, "ns") != nil || l.Accounts(-1) != nil || l.Accounts(9) != nil {
		t.Error("there is something about ways that nobody registered")
	}
}
