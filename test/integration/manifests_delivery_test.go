// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config"
	"github.com/stowage-scheduler/stowage/test/cluster"
)

// viewerRole is the ClusterRole in the manifests for those who may look at policies.
const viewerRole = "stowage-policy-viewer"

// schedulerPod is the pod that the scheduler is told it runs in.
var schedulerPod = corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: "stowage-system", Name: "stowage-0", UID: "0"}

// TestManifestsDeliver applies each way of delivering a policy, and takes one through a reload.
func TestManifestsDeliver(t *testing.T) {
	c := cluster.ForTest(t)
	// The rights that each overlay adds to those of the base: verbs on one object.
	tests := map[string]struct {
		verbs          []string
		resource, name string
	}{
		"overlays/image-volume": {},
		"overlays/configmap":    {verbs: []string{"get", "list", "watch"}, resource: "configmaps", name: "zone-affinity"},
		"overlays/oci":          {verbs: []string{"get"}, resource: "secrets", name: "policy-registry"},
		"overlays/https":        {verbs: []string{"get"}, resource: "secrets", name: "policy-server"},
	}
	for dir, tc := range tests {
		t.Run(dir, func(t *testing.T) {
			objects := render(t, dir)
			apply(t, c, objects)
			checkPodIsAdmitted(t, c, find[appsv1.Deployment](t, objects, "Deployment"))
			checkConfig(t, objects)
			var granted []string
			for _, verb := range []string{"get", "list", "watch", "update", "delete"} {
				if tc.name != "" && mayDo(t, c, verb, tc.resource, tc.name) {
					granted = append(granted, verb)
				}
				for _, resource := range []string{"configmaps", "secrets"} {
					if mayDo(t, c, verb, resource, "other") || mayDo(t, c, verb, resource, "") {
						t.Errorf("the scheduler may %s %s that it has no need of", verb, resource)
					}
				}
			}
			if !slices.Equal(granted, tc.verbs) {
				t.Errorf("verbs on %s %s are %q, want %q", tc.resource, tc.name, granted, tc.verbs)
			}
		})
	}
	t.Run("reload", func(t *testing.T) { checkConfigMapReload(t, c) })
}

// checkConfig has the scheduler's own loader judge the mounted configuration.
func checkConfig(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scheduler.yaml")
	if err := os.WriteFile(path, []byte(mountedConfig(t, objects)), 0o600); err != nil {
		t.Fatal(err)
	}
	policies, err := config.LoadSchedulerConfig(path)
	if err != nil || len(policies) != 1 || policies[0].Name != "zone-affinity" {
		t.Errorf("policies are %+v, %v; want zone-affinity", policies, err)
	}
}

// mayDo tells what the API server would decide about the scheduler's ServiceAccount.
func mayDo(t *testing.T, c *cluster.Cluster, verb, resource, name string) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               "system:serviceaccount:stowage-system:stowage",
		Groups:             []string{"system:serviceaccounts", "system:authenticated"},
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: "stowage-system", Verb: verb, Resource: resource, Name: name},
	}}
	answer, err := c.Client().AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status.Allowed
}

// checkConfigMapReload runs the scheduler with the rights of the ConfigMap overlay, and sees each module in its turn
// as a viewer does.
func checkConfigMapReload(t *testing.T, c *cluster.Cluster) {
	createNodes(t, c, cluster.MakeNode("node-a").Zone("a").Obj(), cluster.MakeNode("node-b").Zone("b").Obj())
	first, second := zoneModules(t)
	putPolicy(t, c, first)
	objects := render(t, "overlays/configmap")
	apply(t, c, objects)
	s := startAsServiceAccount(t, c, objects)
	defer checkAllowed(t, s)
	viewer := clientOf(t, c, viewerToken(t, c))
	waitForStatus(t, viewer, s.URL(), "the first module", func(b brief) bool { return b.Loading.State == "Active" })

	digest := putPolicy(t, c, second)
	now := waitForStatus(t, viewer, s.URL(), "the second module", func(b brief) bool { return b.Loading.Active.Digest == digest })
	if now.Policy != "zone-affinity" || now.Loading.Active.Generation != 2 {
		t.Errorf("status = %+v, want generation 2 of zone-affinity", now)
	}
	waitForEvents(t, c, schedulerPod, "PolicyActivated", 1, "zone-affinity", "generation 2")
	apply(t, c, parse(t, zonedPods))
	checkZones(t, c)
}

// putPolicy is what an operator does with kubectl to deliver a module. It returns the module's digest.
func putPolicy(t *testing.T, c *cluster.Cluster, module []byte) string {
	t.Helper()
	configMap := applycorev1.ConfigMap("zone-affinity", "stowage-system").
		WithBinaryData(map[string][]byte{"policy.wasm.gz": gzipped(t, module)})
	owner := metav1.ApplyOptions{FieldManager: "operator", Force: true}
	if _, err := c.Client().CoreV1().ConfigMaps("stowage-system").Apply(t.Context(), configMap, owner); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(module))
}

// viewerToken is that of a user who has the manifests' role for viewers and no other.
func viewerToken(t *testing.T, c *cluster.Cluster) string {
	t.Helper()
	token := serviceAccount(t, c, "viewer")
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "viewer"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: viewerRole},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "default", Name: "viewer"}},
	}
	if _, err := c.Client().RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return token
}

// setPodEnv sets what the Deployment takes from the pod, as schedulerPod.
func setPodEnv(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	fields := map[string]string{
		"metadata.name": schedulerPod.Name, "metadata.namespace": schedulerPod.Namespace, "metadata.uid": string(schedulerPod.UID),
	}
	pod := find[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec
	for _, env := range pod.Containers[0].Env {
		t.Setenv(env.Name, fields[env.ValueFrom.FieldRef.FieldPath])
	}
}

// containerArgs are the Deployment's arguments but for the configuration, with a directory for each empty one that
// it mounts.
func containerArgs(t *testing.T, objects []*unstructured.Unstructured) []string {
	t.Helper()
	pod := find[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec
	args := strings.Join(slices.DeleteFunc(slices.Clone(pod.Containers[0].Args), func(arg string) bool {
		return strings.HasPrefix(arg, "--config=")
	}), "\n")
	for _, volume := range pod.Volumes {
		for _, mount := range pod.Containers[0].VolumeMounts {
			if volume.EmptyDir != nil && mount.Name == volume.Name {
				args = strings.ReplaceAll(args, mount.MountPath, t.TempDir())
			}
		}
	}
	return strings.Split(args, "\n")
}
