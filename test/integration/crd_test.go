// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

var (
	definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	theaters    = schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "theaters"}
)

const (
	theaterDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: theaters.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: theaters, singular: theater, kind: Theater}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`
	theater = `{apiVersion: example.com/v1, kind: Theater, metadata: {name: seats, namespace: default}}`
)

// seated is the guest that needs an object of a resource for pods that have no seat, and no other right.
func seated(config, capability string) policy {
	return policy{
		name: "all-points", module: "points", config: config,
		more: "capabilities: [metrics, events, nodePods, preemption, bind, '" + capability + "']",
	}
}

// The subtests run one after the other, each with a scheduler of its own.
func TestObjectsThatAreNotThere(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, threeZones()...)
	t.Run("the definition comes, goes and comes back", func(t *testing.T) { testDefinitionComesAndGoes(t, c) })
	t.Run("the right to read comes later", func(t *testing.T) { testRightComesLater(t, c) })
}

// theatre is the dynamic client, and what a policy that needs theaters has its pods wait for.
type theatre struct {
	*testing.T
	c      *cluster.Cluster
	client dynamic.Interface
}

// define creates the definition.
func (h theatre) define() {
	h.Helper()
	if _, err := h.client.Resource(definitions).Create(h.Context(), parse(h.T, theaterDefinition)[0], metav1.CreateOptions{}); err != nil {
		h.Fatal(err)
	}
}

// open creates the object, which the server takes once it serves the definition.
func (h theatre) open() {
	h.Helper()
	eventually(h.T, "the theater to be created", func(ctx context.Context) (bool, error) {
		_, err := h.client.Resource(theaters).Namespace("default").Create(ctx, parse(h.T, theater)[0], metav1.CreateOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// close deletes the definition, and with it all objects.
func (h theatre) close() {
	h.Helper()
	if err := h.client.Resource(definitions).Delete(h.Context(), "theaters.example.com", metav1.DeleteOptions{}); err != nil {
		h.Fatal(err)
	}
	eventually(h.T, "the definition to be gone", func(ctx context.Context) (bool, error) {
		_, err := h.client.Resource(definitions).Get(ctx, "theaters.example.com", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

// wait is a pod that waits for the theater, and is refused as long as there is none.
func (h theatre) wait(name string) {
	h.Helper()
	create(h.T, h.c, labelled(name, "10m", "no-seat=yes"))
	wantRefusal(h.T, h.c, name, "rejected by all-points: there is no seat on node-")
}

// admit is a pod that does not care.
func (h theatre) admit(name string) {
	h.Helper()
	create(h.T, h.c, labelled(name, "10m"))
	nodeOf(h.T, h.c, name)
}

// wantProblem waits until the log has a line with all the texts.
func wantProblem(t *testing.T, s *cluster.Scheduler, times int, texts ...string) {
	t.Helper()
	eventually(t, "the log to say "+strings.Join(texts, ", "), func(context.Context) (bool, error) {
		n := 0
		for line := range strings.Lines(s.Log()) {
			if containsAll(line, texts) {
				n++
			}
		}
		if n > times {
			t.Errorf("the log says %d times %q, want %d", n, texts, times)
		}
		return n >= times, nil
	})
}

func containsAll(line string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(line, text) {
			return false
		}
	}
	return true
}

const (
	unwatched    = `"Objects that policies declare cannot be watched; policies do not see them"`
	works        = `"Watching objects works again"`
	notInstalled = "theaters.v1.example.com in namespace default"
)

// A policy declares objects of a kind that does not exist. It decides as if there were no such objects. When
// the kind comes nothing changes but that an object can come too, and then pods that wait for it are tried
// again at once. When the kind goes there are no objects again; and so on.
func testDefinitionComesAndGoes(t *testing.T, c *cluster.Cluster) {
	client, err := dynamic.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	h := theatre{t, c, client}
	s := startScheduler(t, c, profile{
		name: "stowage", policies: []policy{seated("{seats: theaters.v1.example.com}", "objects:theaters.example.com"), zoneAffinity},
	})
	defer s.Stop()
	wantProblem(t, s, 1, unwatched, notInstalled)
	h.wait("waits-1")
	h.admit("free-1")
	h.define()
	wantProblem(t, s, 1, works, notInstalled)
	if p := get(t, c, "waits-1"); p.Spec.NodeName != "" {
		t.Errorf("the pod is on %s, and there is no seat", p.Spec.NodeName)
	}
	h.open()
	nodeOf(t, c, "waits-1")
	// What comes now need not wait.
	create(t, c, labelled("seated-1", "10m", "no-seat=yes"))
	nodeOf(t, c, "seated-1")
	h.close()
	wantProblem(t, s, 2, unwatched, notInstalled)
	h.wait("waits-2")
	h.admit("free-2")
	h.define()
	h.open()
	nodeOf(t, c, "waits-2")
	wantProblem(t, s, 2, works, notInstalled)
}

// testRightComesLater runs a scheduler whose account may do what kube-scheduler may, which is not to read
// ConfigMaps.
func testRightComesLater(t *testing.T, c *cluster.Cluster) {
	apply(t, c, render(t, "base"))
	config := writeConfig(t, []profile{
		{name: "stowage", policies: []policy{seated("{}", "objects:configmaps")}},
		{name: "other", policies: []policy{zoneAffinity}},
	})
	s, err := c.StartScheduler(t.Context(), cluster.SchedulerOptions{ConfigFile: config, Kubeconfig: kubeconfigOf(t, c, "stowage-system", "stowage")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	wantProblem(t, s, 1, unwatched, "cannot list configmaps in namespace default: forbidden: grant list and watch")
	seats := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "seats", Namespace: "default"}}
	if _, err := c.Client().CoreV1().ConfigMaps("default").Create(t.Context(), seats, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	h := theatre{T: t, c: c}
	h.wait("blind")
	h.admit("careless")
	zoned := pod("zoned", "other", "10m", inZone("b"))
	create(t, c, zoned)
	if got := nodeOf(t, c, "zoned"); got != "node-b" {
		t.Errorf("the other policy's pod is on %s, want node-b", got)
	}
	if p := get(t, c, "blind"); p.Spec.NodeName != "" {
		t.Errorf("the pod is on %s, and the policy cannot see its seat", p.Spec.NodeName)
	}
	grant(t, c, "stowage-system", "stowage")
	nodeOf(t, c, "blind")
	wantProblem(t, s, 1, works, "forbidden")
	// What happens from now on is seen too.
	if err := c.Client().CoreV1().ConfigMaps("default").Delete(t.Context(), "seats", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	h.wait("late")
}

// kubeconfigOf is the path of a kubeconfig for a ServiceAccount.
func kubeconfigOf(t *testing.T, c *cluster.Cluster, namespace, account string) string {
	t.Helper()
	token, err := c.Client().CoreV1().ServiceAccounts(namespace).
		CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path, err := c.KubeconfigForToken(token.Status.Token)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// grant lets a ServiceAccount read the ConfigMaps of the default namespace.
func grant(t *testing.T, c *cluster.Cluster, namespace, account string) {
	t.Helper()
	name := metav1.ObjectMeta{Name: "seats", Namespace: "default"}
	rule := rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list", "watch"}}
	role := &rbacv1.Role{ObjectMeta: name, Rules: []rbacv1.PolicyRule{rule}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: name,
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: account}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name.Name},
	}
	if _, err := c.Client().RbacV1().Roles("default").Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client().RbacV1().RoleBindings("default").Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}
