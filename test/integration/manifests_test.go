// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"k8s.io/component-helpers/auth/rbac/validation"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// upstreamRoles are what the cluster itself grants its kube-scheduler.
var upstreamRoles = []string{"system:kube-scheduler", "system:volume-scheduler"}

// everyRight makes the scheduler use each right that it is granted for more than reading: binding, status,
// events, preemption, volumes that are provisioned and that exist, devices.
const everyRight = `
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: urgent}, value: 1000}
---
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: provisioned}, provisioner: example.com/none, volumeBindingMode: WaitForFirstConsumer}
---
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: local}, provisioner: kubernetes.io/no-provisioner, volumeBindingMode: WaitForFirstConsumer}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: local}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: local
  local: {path: /data}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node-a]}]}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: provisioned, namespace: default}
spec: {storageClassName: provisioned, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: local, namespace: default}
spec: {storageClassName: local, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: gpu}
spec: {extendedResourceName: example.com/gpu, selectors: [{cel: {expression: device.driver == "gpu.example.com"}}]}
---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: node-a}
spec: {driver: gpu.example.com, nodeName: node-a, pool: {name: node-a, generation: 1, resourceSliceCount: 1}, devices: [{name: gpu-0}]}
---
apiVersion: v1
kind: Pod
metadata: {name: victim, namespace: default}
spec:
  schedulerName: stowage
  nodeSelector: {kubernetes.io/hostname: node-b}
  containers: [{name: main, image: none, resources: {requests: {cpu: "7"}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: device, namespace: default}
spec:
  schedulerName: stowage
  containers: [{name: main, image: none, resources: {limits: {example.com/gpu: "1"}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: provisioned, namespace: default}
spec:
  schedulerName: stowage
  containers: [{name: main, image: none}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: provisioned}}]
---
apiVersion: v1
kind: Pod
metadata: {name: local, namespace: default}
spec:
  schedulerName: stowage
  containers: [{name: main, image: none}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: local}}]
`

const preemptor = `
apiVersion: v1
kind: Pod
metadata: {name: preemptor, namespace: default}
spec:
  schedulerName: stowage
  priorityClassName: urgent
  nodeSelector: {kubernetes.io/hostname: node-b}
  containers: [{name: main, image: none, resources: {requests: {cpu: "7"}}}]
`

const zonedPods = `
{apiVersion: v1, kind: Pod, metadata: {name: zoned-0, namespace: default, labels: {stowage.dev/zone: b}}, spec: {schedulerName: stowage, containers: [{name: main, image: none}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: zoned-1, namespace: default, labels: {stowage.dev/zone: b}}, spec: {schedulerName: stowage, containers: [{name: main, image: none}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: zoned-2, namespace: default, labels: {stowage.dev/zone: b}}, spec: {schedulerName: stowage, containers: [{name: main, image: none}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: nowhere, namespace: default, labels: {stowage.dev/zone: c}}, spec: {schedulerName: stowage, containers: [{name: main, image: none}]}}
`

func TestManifestsGrantNoMoreThanKubeSchedulerHas(t *testing.T) {
	var granted []rbacv1.PolicyRule
	for _, object := range render(t, "base") {
		switch object.GetKind() {
		case "ClusterRole", "Role":
			// That of viewers is not bound.
			if object.GetName() != viewerRole {
				granted = append(granted, as[rbacv1.ClusterRole](t, object).Rules...)
			}
		case "ClusterRoleBinding", "RoleBinding":
			wantRef := []string{"stowage", "stowage-leader-election", "extension-apiserver-authentication-reader"}
			if ref := as[rbacv1.ClusterRoleBinding](t, object).RoleRef; !slices.Contains(wantRef, ref.Name) {
				t.Errorf("%s binds %s %s, want one of %q", object.GetName(), ref.Kind, ref.Name, wantRef)
			}
		}
	}
	for _, rule := range granted {
		for _, values := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs, rule.ResourceNames} {
			if slices.ContainsFunc(values, func(s string) bool { return strings.Contains(s, "*") }) {
				t.Errorf("rule has a wildcard: %v", rule)
			}
		}
	}
	if covered, extra := validation.Covers(upstreamRules(), granted); !covered {
		t.Errorf("granted beyond %s: %v", strings.Join(upstreamRoles, " and "), extra)
	}
}

// upstreamRules are the rules of upstreamRoles, for a lease by our name.
func upstreamRules() []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, role := range bootstrappolicy.ClusterRoles() {
		if !slices.Contains(upstreamRoles, role.Name) {
			continue
		}
		for _, rule := range role.Rules {
			if slices.Equal(rule.ResourceNames, []string{"kube-scheduler"}) {
				rule.ResourceNames = []string{"stowage"}
			}
			rules = append(rules, rule)
		}
	}
	return rules
}

func TestManifestsRun(t *testing.T) {
	tests := map[string]struct {
		pods  string
		check func(*testing.T, *cluster.Cluster)
	}{
		"base":                  {pods: everyRight, check: checkEveryRight},
		"overlays/image-volume": {pods: zonedPods, check: checkZones},
	}
	for dir, tc := range tests {
		t.Run(dir, func(t *testing.T) {
			c := cluster.ForTest(t)
			objects := render(t, dir)
			apply(t, c, objects)
			checkPodIsAdmitted(t, c, find[appsv1.Deployment](t, objects, "Deployment"))
			nodes := []*corev1.Node{cluster.MakeNode("node-a").Zone("a").Obj(), cluster.MakeNode("node-b").Zone("b").Obj()}
			if err := c.CreateNodes(t.Context(), nodes...); err != nil {
				t.Fatal(err)
			}
			scheduler := startAsServiceAccount(t, c, objects)
			defer checkAllowed(t, scheduler) // last, also when something was not seen: it tells why
			checkLeads(t, c)
			apply(t, c, parse(t, tc.pods))
			tc.check(t, c)
		})
	}
}

// startAsServiceAccount runs the scheduler as the Deployment would: with the token of its ServiceAccount, the
// configuration of the ConfigMap that it mounts, and its arguments and environment.
func startAsServiceAccount(t *testing.T, c *cluster.Cluster, objects []*unstructured.Unstructured) *cluster.Scheduler {
	t.Helper()
	account := find[corev1.ServiceAccount](t, objects, "ServiceAccount")
	token, err := c.Client().CoreV1().ServiceAccounts(account.Namespace).
		CreateToken(t.Context(), account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := c.KubeconfigForToken(token.Status.Token)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "scheduler.yaml")
	if err := os.WriteFile(config, []byte(mountedConfig(t, objects)), 0o600); err != nil {
		t.Fatal(err)
	}
	setPodEnv(t, objects)
	scheduler, err := c.StartScheduler(t.Context(), cluster.SchedulerOptions{
		ConfigFile: config, Kubeconfig: kubeconfig, ExtraArgs: containerArgs(t, objects),
	})
	if err != nil {
		t.Fatal(err)
	}
	return scheduler
}

// mountedConfig returns the configuration with the directory where the policy image is mounted replaced by
// the one where make built the policies.
func mountedConfig(t *testing.T, objects []*unstructured.Unstructured) string {
	t.Helper()
	root, err := cluster.SourceRoot()
	if err != nil {
		t.Fatal(err)
	}
	config := find[corev1.ConfigMap](t, objects, "ConfigMap").Data["scheduler.yaml"]
	pod := find[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec
	for _, volume := range pod.Volumes {
		for _, mount := range pod.Containers[0].VolumeMounts {
			if volume.Image != nil && mount.Name == volume.Name {
				config = strings.ReplaceAll(config, mount.MountPath+"/", filepath.Join(root, "build", "policies")+"/")
			}
		}
	}
	return config
}

// checkPodIsAdmitted has the API server judge a pod of the Deployment by the namespace's pod security level.
func checkPodIsAdmitted(t *testing.T, c *cluster.Cluster, deployment appsv1.Deployment) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: deployment.Spec.Template.ObjectMeta, Spec: deployment.Spec.Template.Spec}
	pod.Name = deployment.Name
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	if _, err := c.Client().CoreV1().Pods(deployment.Namespace).Create(t.Context(), pod, dryRun); err != nil {
		t.Errorf("the Deployment's pod is not admitted: %v", err)
	}
}

func checkLeads(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	eventually(t, "the scheduler to hold the lease", func(ctx context.Context) (bool, error) {
		leases, err := c.Client().CoordinationV1().Leases("stowage-system").List(ctx, metav1.ListOptions{})
		return err == nil && len(leases.Items) == 1 && leases.Items[0].Name == "stowage" && *leases.Items[0].Spec.HolderIdentity != "", err
	})
	eventually(t, "the event about the lease", func(ctx context.Context) (bool, error) {
		events, err := c.Client().CoreV1().Events("stowage-system").List(ctx, metav1.ListOptions{})
		return err == nil && len(events.Items) > 0, err
	})
}

func checkEveryRight(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	waitForPod(t, c, "victim", cluster.Running)
	apply(t, c, parse(t, preemptor))
	waitForPod(t, c, "preemptor", cluster.Running)
	device := waitForPod(t, c, "device", cluster.Running)
	if device.Spec.NodeName != "node-a" || device.Status.ExtendedResourceClaimStatus == nil {
		t.Errorf("pod device is on %q with claim %v, want node-a and a claim", device.Spec.NodeName, device.Status.ExtendedResourceClaimStatus)
	}
	eventually(t, "the provisioned claim to name its node", func(ctx context.Context) (bool, error) {
		claim, err := c.Client().CoreV1().PersistentVolumeClaims("default").Get(ctx, "provisioned", metav1.GetOptions{})
		return err == nil && claim.Annotations["volume.kubernetes.io/selected-node"] != "", err
	})
	makeAvailable(t, c, "local")
	eventually(t, "the local volume to name its claim", func(ctx context.Context) (bool, error) {
		volume, err := c.Client().CoreV1().PersistentVolumes().Get(ctx, "local", metav1.GetOptions{})
		return err == nil && volume.Spec.ClaimRef != nil && volume.Spec.ClaimRef.Name == "local", err
	})
	for _, reason := range []string{"Scheduled", "Preempted"} {
		eventually(t, "an event "+reason, func(ctx context.Context) (bool, error) {
			events, err := c.Client().EventsV1().Events("default").List(ctx, metav1.ListOptions{})
			if err != nil {
				return false, err
			}
			for _, event := range events.Items {
				if event.Reason == reason && event.ReportingController == "stowage" {
					return true, nil
				}
			}
			return false, nil
		})
	}
}

// makeAvailable does what the missing controller manager does for a new volume.
func makeAvailable(t *testing.T, c *cluster.Cluster, name string) {
	t.Helper()
	volumes := c.Client().CoreV1().PersistentVolumes()
	volume, err := volumes.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	volume.Status.Phase = corev1.VolumeAvailable
	if _, err := volumes.UpdateStatus(t.Context(), volume, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func checkZones(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	got := map[string]string{}
	for _, name := range []string{"zoned-0", "zoned-1", "zoned-2"} {
		got[name] = waitForPod(t, c, name, cluster.Running).Spec.NodeName
	}
	want := map[string]string{"zoned-0": "node-b", "zoned-1": "node-b", "zoned-2": "node-b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nodes of pods that ask for zone b (-want,+got):\n%s", diff)
	}
	waitForPod(t, c, "nowhere", cluster.Rejected)
}

// checkAllowed wants nothing refused. Reading the metrics makes the scheduler ask the API server who we are.
func checkAllowed(t *testing.T, scheduler *cluster.Scheduler) {
	t.Helper()
	if _, err := scheduler.Get(t.Context(), "/metrics"); err != nil {
		t.Errorf("read metrics: %v", err)
	}
	for line := range strings.Lines(scheduler.Log()) {
		if strings.Contains(strings.ToLower(line), "forbidden") {
			t.Errorf("the scheduler lacks a right: %s", line)
		}
	}
}

func waitForPod(t *testing.T, c *cluster.Cluster, name string, done func(*corev1.Pod) bool) *corev1.Pod {
	t.Helper()
	pod, err := c.WaitForPod(t.Context(), "default", name, done)
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

func eventually(t *testing.T, what string, condition wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, condition); err != nil {
		t.Fatalf("wait for %s: %v", what, err)
	}
}

// render builds a folder of manifests as `kubectl kustomize` does.
func render(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	root, err := cluster.SourceRoot()
	if err != nil {
		t.Fatal(err)
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "manifests", dir))
	if err != nil {
		t.Fatalf("render manifests/%s: %v", dir, err)
	}
	data, err := resources.AsYaml()
	if err != nil {
		t.Fatalf("render manifests/%s: %v", dir, err)
	}
	return parse(t, string(data))
}

func parse(t *testing.T, documents string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq(documents, "\n---\n") {
		data, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(data); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
	return objects
}

// apply applies objects in order, as `kubectl apply --server-side` does.
func apply(t *testing.T, c *cluster.Cluster, objects []*unstructured.Unstructured) {
	t.Helper()
	client, err := dynamic.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.Client().Discovery()))
	for _, object := range objects {
		mapping, err := mapper.RESTMapping(object.GroupVersionKind().GroupKind(), object.GroupVersionKind().Version)
		if err != nil {
			t.Fatal(err)
		}
		resource := client.Resource(mapping.Resource).Namespace(object.GetNamespace())
		if _, err := resource.Apply(t.Context(), object.GetName(), object, metav1.ApplyOptions{FieldManager: "test"}); err != nil {
			t.Fatalf("apply %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// find returns the only object of a kind.
func find[T any](t *testing.T, objects []*unstructured.Unstructured, kind string) T {
	t.Helper()
	var found []*unstructured.Unstructured
	for _, object := range objects {
		if object.GetKind() == kind {
			found = append(found, object)
		}
	}
	if len(found) != 1 {
		t.Fatalf("got %d objects of kind %s, want 1", len(found), kind)
	}
	return as[T](t, found[0])
}

func as[T any](t *testing.T, object *unstructured.Unstructured) T {
	t.Helper()
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
		t.Fatal(err)
	}
	return typed
}
