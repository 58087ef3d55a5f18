// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package integration tests the built scheduler against a real control plane: etcd,
// kube-apiserver and kwok as processes, the scheduler as the binary that users run. Each test
// has a cluster of its own. Run it with make test-integration, which builds what it needs.
package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// policy is one entry of a profile's pluginConfig.
type policy struct {
	name, module, config string
	// more is further args, in YAML's flow style.
	more   string
	weight int
	scores bool // the module answers Score
}

// profile is a scheduler profile with policies; bare leaves out the built-in plugins that
// score, so that the policies alone decide.
type profile struct {
	name     string
	bare     bool
	policies []policy
	// first is extension points at which the policies come before the built-in plugin of the name.
	first map[string]string
}

// startScheduler runs the built scheduler with the profiles.
func startScheduler(t *testing.T, c *cluster.Cluster, profiles ...profile) *cluster.Scheduler {
	t.Helper()
	s, err := c.StartScheduler(t.Context(), cluster.SchedulerOptions{ConfigFile: writeConfig(t, profiles)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func writeConfig(t *testing.T, profiles []profile) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n" +
		"leaderElection: {leaderElect: false}\npodInitialBackoffSeconds: 1\npodMaxBackoffSeconds: 1\nprofiles:\n")
	for _, p := range profiles {
		fmt.Fprintf(&b, "- schedulerName: %s\n  plugins:\n", p.name)
		if p.bare {
			writeScorers(&b, p.policies)
		}
		for point, builtin := range p.first {
			writeFirst(&b, point, builtin, p.policies)
		}
		b.WriteString("    multiPoint:\n      enabled:\n")
		for _, pol := range p.policies {
			fmt.Fprintf(&b, "      - {name: %s, weight: %d}\n", pol.name, max(1, pol.weight))
		}
		b.WriteString("  pluginConfig:\n")
		for _, pol := range p.policies {
			fmt.Fprintf(&b, "  - name: %s\n    args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path: %s}}, config: %s, %s}\n",
				pol.name, modulePath(t, pol.module), pol.config, pol.more)
		}
	}
	path := filepath.Join(t.TempDir(), "scheduler.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeScorers makes the policies that score the only plugins that do. What is disabled for one
// extension point is so for multiPoint too, hence they are named again.
func writeScorers(b *strings.Builder, policies []policy) {
	for _, point := range []string{"preScore", "score"} {
		fmt.Fprintf(b, "    %s:\n      disabled: [{name: '*'}]\n      enabled:\n", point)
		for _, pol := range policies {
			if pol.scores {
				fmt.Fprintf(b, "      - {name: %s, weight: %d}\n", pol.name, max(1, pol.weight))
			}
		}
	}
}

// writeFirst puts the policies before a built-in plugin, which multiPoint would have go first.
func writeFirst(b *strings.Builder, point, builtin string, policies []policy) {
	fmt.Fprintf(b, "    %s:\n      disabled: [{name: %s}]\n      enabled:\n", point, builtin)
	for _, pol := range policies {
		fmt.Fprintf(b, "      - {name: %s}\n", pol.name)
	}
	fmt.Fprintf(b, "      - {name: %s}\n", builtin)
}

// modulePath is a policy that make built.
func modulePath(t *testing.T, name string) string {
	t.Helper()
	root, err := cluster.SourceRoot()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "build", "policies", name+".wasm")
}

// zoneAffinity is the sample policy under the name that an operator might give it.
var zoneAffinity = policy{name: "zone-policy", module: "zone-affinity", config: "{}"}

// pod is a pod for the scheduler of that name, asking for some CPU.
func pod(name, scheduler, cpu string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", Labels: labels},
		Spec: corev1.PodSpec{
			SchedulerName: scheduler,
			Containers: []corev1.Container{{
				Name: "main", Image: "none",
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}},
			}},
		},
	}
}

func inZone(zone string) map[string]string { return map[string]string{"stowage.dev/zone": zone} }

func create(t *testing.T, c *cluster.Cluster, pods ...*corev1.Pod) {
	t.Helper()
	for _, p := range pods {
		if _, err := c.Client().CoreV1().Pods(p.Namespace).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
			t.Fatalf("creating pod %s: %v", p.Name, err)
		}
	}
}

func createNodes(t *testing.T, c *cluster.Cluster, nodes ...*corev1.Node) {
	t.Helper()
	if err := c.CreateNodes(t.Context(), nodes...); err != nil {
		t.Fatal(err)
	}
}

func createPriority(t *testing.T, c *cluster.Cluster, name string, value int32) {
	t.Helper()
	class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value}
	if _, err := c.Client().SchedulingV1().PriorityClasses().Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// nodeOf waits until the pod runs and returns its node.
func nodeOf(t *testing.T, c *cluster.Cluster, name string) string {
	t.Helper()
	return waitForPod(t, c, name, cluster.Running).Spec.NodeName
}

// refusal waits until the scheduler has refused the pod and returns the event's message.
func refusal(t *testing.T, c *cluster.Cluster, name string) string {
	t.Helper()
	var message string
	eventually(t, "the event about pod "+name, func(ctx context.Context) (bool, error) {
		events, err := c.Client().EventsV1().Events("default").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, e := range events.Items {
			if e.Regarding.Name == name && e.Reason == "FailedScheduling" {
				message = e.Note
			}
		}
		return message != "", nil
	})
	return message
}
