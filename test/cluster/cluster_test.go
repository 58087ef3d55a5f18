// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func makePod(name, cpu string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceDefault},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "main", Image: "example.com/main",
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}},
		}}},
	}
}

func createPod(t *testing.T, c *Cluster, pod *corev1.Pod) {
	t.Helper()
	if _, err := c.Client().CoreV1().Pods(pod.Namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatalf("creating pod %s: %v", pod.Name, err)
	}
}

// TestCluster shares one cluster between its subtests, which run in order.
func TestCluster(t *testing.T) {
	begin := time.Now()
	c := ForTest(t)
	t.Logf("the control plane was ready after %v", time.Since(begin).Round(time.Millisecond))
	nodes := []*corev1.Node{
		MakeNode("small").Zone("a").Capacity("1", "1Gi").Obj(),
		MakeNode("large").Zone("b").Capacity("4", "1Gi").Resource("nvidia.com/gpu", "2").Obj(),
	}
	if err := c.CreateNodes(t.Context(), nodes...); err != nil {
		t.Fatal(err)
	}
	scheduler, err := c.StartScheduler(t.Context(), SchedulerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("there are no pod groups", func(t *testing.T) { testNoPodGroups(t, c) })
	t.Run("pod runs and disappears", func(t *testing.T) { testPodLife(t, c) })
	t.Run("pod that fits nowhere is rejected", func(t *testing.T) { testRejected(t, c) })
	t.Run("service account has only its rights", func(t *testing.T) { testServiceAccount(t, c) })
	t.Run("scheduler can be killed and started again", func(t *testing.T) { testRestart(t, c, scheduler) })
	t.Run("scheduler that fails is reported with its log", func(t *testing.T) { testBadScheduler(t, c) })
}

func testPodLife(t *testing.T, c *Cluster) {
	createPod(t, c, makePod("life", "3"))
	pod, err := c.WaitForPod(t.Context(), "default", "life", Running)
	if err != nil {
		t.Fatal(err)
	}
	if pod.Spec.NodeName != "large" || pod.Status.PodIP == "" {
		t.Errorf("the pod runs on node %q with address %q, want node large and some address", pod.Spec.NodeName, pod.Status.PodIP)
	}
	scheduled := slices.IndexFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionTrue
	})
	if scheduled < 0 {
		t.Errorf("the running pod's conditions do not say that it was scheduled: %v", pod.Status.Conditions)
	}
	if err := c.Client().CoreV1().Pods("default").Delete(t.Context(), "life", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(t.Context(), readyPoll, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := c.Client().CoreV1().Pods("default").Get(ctx, "life", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	if err != nil {
		t.Errorf("the deleted pod is still there: %v", err)
	}
}

func testRejected(t *testing.T, c *Cluster) {
	createPod(t, c, makePod("huge", "100"))
	pod, err := c.WaitForPod(t.Context(), "default", "huge", Rejected)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Unschedulable(pod), "0/2 nodes are available: 2 Insufficient cpu"; !strings.HasPrefix(got, want) {
		t.Errorf("the pod's condition says %q, want it to begin with %q", got, want)
	}
}

func testServiceAccount(t *testing.T, c *Cluster) {
	accounts := c.Client().CoreV1().ServiceAccounts("default")
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "nobody"}}
	if _, err := accounts.Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := accounts.CreateToken(t.Context(), "nobody", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path, err := c.KubeconfigForToken(token.Status.Token)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("listing nodes without rights: got %v, want a forbidden error", err)
	}
	if err == nil || !strings.Contains(err.Error(), "system:serviceaccount:default:nobody") {
		t.Errorf("the error %q does not name the account", err)
	}
}

func testRestart(t *testing.T, c *Cluster, scheduler *Scheduler) {
	if _, err := scheduler.Get(t.Context(), "/metrics"); err != nil {
		t.Errorf("reading metrics: %v", err)
	}
	if code := scheduler.Kill(); code != 137 {
		t.Errorf("a killed scheduler ended with %d, want 137", code)
	}
	createPod(t, c, makePod("later", "100m"))
	again, err := c.StartScheduler(t.Context(), SchedulerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitForPod(t.Context(), "default", "later", Running); err != nil {
		t.Error(err)
	}
	if code := again.Stop(); code != 0 && code != 1 {
		t.Errorf("a stopped scheduler ended with %d, want 0 or 1", code)
	}
	if scheduler.Log() == again.Log() {
		t.Error("both runs share a log")
	}
}

func testBadScheduler(t *testing.T, c *Cluster) {
	const flag = "--no-such-flag"
	_, err := c.StartScheduler(t.Context(), SchedulerOptions{Binary: filepath.Join(t.TempDir(), "none")})
	if err == nil || !strings.Contains(err.Error(), "make scheduler") {
		t.Errorf("got error %v, want one that says what to run", err)
	}
	_, err = c.StartScheduler(t.Context(), SchedulerOptions{Name: "bad", ExtraArgs: []string{flag}})
	if err == nil || !strings.Contains(err.Error(), "bad ended with code 1") || !strings.Contains(err.Error(), flag) {
		t.Errorf("got error %v, want the exit code and the log", err)
	}
	p, err := c.StartScheduler(t.Context(), SchedulerOptions{Name: "bad", ExtraArgs: []string{flag}, NoWait: true})
	if err != nil {
		t.Fatal(err)
	}
	if code := p.Wait(); code != 1 {
		t.Errorf("a scheduler with a bad flag ended with %d, want 1", code)
	}
}

func TestStartWithoutBinaries(t *testing.T) {
	_, err := Start(t.Context(), Options{BinDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "make components") {
		t.Errorf("got error %v, want one that says what to run", err)
	}
}

func TestSourceRoot(t *testing.T) {
	root, err := SourceRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs("../..")
	if diff := cmp.Diff(dir, root); err != nil || diff != "" {
		t.Errorf("root differs (-want,+got), %v:\n%s", err, diff)
	}
	t.Chdir(t.TempDir())
	if root, err := SourceRoot(); err == nil {
		t.Errorf("outside the source tree the root is %s, want an error", root)
	}
}
