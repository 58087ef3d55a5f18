// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

const (
	bearerToken = "a-token-for-the-web-server"
	hubUser     = "puller"
	hubPassword = "a-password-for-the-registry"
)

// delivery is a policy with its own way of getting its module.
type delivery struct {
	sourced
	letter byte
	// put has the source have a good module; it returns what the source has.
	put func(n int)
}

// Each way of delivering a policy works for a scheduler with no more rights than it takes, and each follows what its
// source has.
func TestSources(t *testing.T) {
	c := cluster.ForTest(t)
	ways := deliveries(t, c)
	createNodes(t, c, deliveryNodes(ways)...)
	var all []sourced
	for _, w := range ways {
		w.put(0)
		all = append(all, w.sourced)
	}
	opts := cachedOptions(t, "", all...)
	opts.Kubeconfig = leastPrivileged(t, c)
	s, err := c.StartScheduler(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	wantNode(t, c, "first", "all-0")
	for _, w := range ways {
		w.put(1)
	}
	for _, w := range ways {
		untilPolicy(t, s, w.name, w.name+" to follow its source", runs(zoneModule(t, w.letter, 1)))
	}
	wantNode(t, c, "second", "all-1")
	checkSigners(t, s)
	checkEachPolicyRefuses(t, c, ways)
	checkAllowed(t, s)
}

func deliveries(t *testing.T, c *cluster.Cluster) []delivery {
	t.Helper()
	web, signedWeb, private, signedHub := newWebOrigin(t), newWebOrigin(t), newHub(t), newHub(t)
	key, other := newKey(t), newKey(t)
	createSecret(t, c, "token", corev1.SecretTypeOpaque, map[string][]byte{"token": []byte(bearerToken + "\n")})
	createSecret(t, c, "pull", corev1.SecretTypeDockerConfigJson, map[string][]byte{corev1.DockerConfigJsonKey: pullSecret(t, private.address)})
	createSecret(t, c, "module", corev1.SecretTypeOpaque, nil)
	web.turn(guarded(web, "Bearer "+bearerToken, "Bearer"))
	web.more = ", bearerToken: {namespace: default, name: token, key: token}"
	basic := base64.StdEncoding.EncodeToString([]byte(hubUser + ":" + hubPassword))
	private.turn(guarded(private.inner, "Basic "+basic, `Basic realm="policies"`))
	private.more = ", pullSecret: {namespace: default, name: pull}"
	config := mapOrigin{c, "module"}
	both := strings.Replace(key.verify(t, "releases"), "[", "["+keyOf(other.verify(t, "security"))+", ", 1)
	return []delivery{
		{sourced{name: "by-configmap", module: config.module()}, 'a', func(n int) {
			config.put(t, gzipped(t, zoneModule(t, 'a', n)), nil)
		}},
		{sourced{name: "by-secret", module: "secret: {namespace: default, name: module, key: policy}"}, 'b', func(n int) {
			updateSecret(t, c, "module", gzipped(t, zoneModule(t, 'b', n)))
		}},
		{sourced{name: "by-http-token", module: web.module()}, 'c', func(n int) { web.put(t, zoneModule(t, 'c', n), nil) }},
		{sourced{name: "by-http-signed", module: signedWeb.module() + ", " + key.verify(t, "releases")}, 'd', func(n int) {
			module := zoneModule(t, 'd', n)
			signedWeb.put(t, module, key.ofBlob(t, module))
		}},
		{sourced{name: "by-oci-private", module: private.module()}, 'e', func(n int) { private.put(t, zoneModule(t, 'e', n), nil) }},
		{sourced{name: "by-oci-signed", module: signedHub.module() + ", " + strings.TrimSuffix(both, "}") + ", threshold: 2}"}, 'f', func(n int) {
			// A manifest is signed before its tag leads to it, as otherwise the scheduler would refuse it for a while.
			digest := signedHub.manifest(t, "", signedHub.moduleManifest(t, zoneModule(t, 'f', n)))
			signedHub.attach(t, digest, key.ofManifest(t, digest))
			signedHub.attach(t, digest, other.ofManifest(t, digest))
			signedHub.put(t, zoneModule(t, 'f', n), nil)
		}},
	}
}

// keyOf is the list's only element in a verify field.
func keyOf(verify string) string {
	_, rest, _ := strings.Cut(verify, "[")
	return strings.TrimSuffix(rest, "]}")
}

// guarded lets nobody in without the header.
func guarded(h http.Handler, authorization, challenge string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != authorization {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func pullSecret(t *testing.T, host string) []byte {
	t.Helper()
	return toJSON(t, jsonObject{"auths": jsonObject{host: jsonObject{"username": hubUser, "password": hubPassword}}})
}

func createSecret(t *testing.T, c *cluster.Cluster, name string, kind corev1.SecretType, data map[string][]byte) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Type: kind, Data: data}
	if _, err := c.Client().CoreV1().Secrets("default").Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func updateSecret(t *testing.T, c *cluster.Cluster, name string, content []byte) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Data: map[string][]byte{"policy": content}}
	if _, err := c.Client().CoreV1().Secrets("default").Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// deliveryNodes are a node that all good modules allow, of each generation, and for each policy one that it alone
// refuses.
func deliveryNodes(ways []delivery) []*corev1.Node {
	nodes := []*corev1.Node{}
	for n := range 2 {
		all := cluster.MakeNode(fmt.Sprintf("all-%d", n))
		for _, w := range ways {
			all.Label(zoneKey(w.letter, n), "in")
		}
		nodes = append(nodes, all.Obj())
	}
	for _, w := range ways {
		node := cluster.MakeNode("not-"+w.name).Label("missing", "one")
		for _, other := range ways {
			if other.letter != w.letter {
				node.Label(zoneKey(other.letter, 1), "in")
			}
		}
		nodes = append(nodes, node.Obj())
	}
	return nodes
}

// checkEachPolicyRefuses has a pod tried on the nodes that one policy refuses each.
func checkEachPolicyRefuses(t *testing.T, c *cluster.Cluster, ways []delivery) {
	t.Helper()
	p := pod("refused", "stowage", "1m", inZone("in"))
	p.Spec.NodeSelector = map[string]string{"missing": "one"}
	create(t, c, p)
	message := refusal(t, c, p.Name)
	for _, w := range ways {
		if want := "1 node(s) rejected by " + w.name; !strings.Contains(message, want) {
			t.Errorf("the event %q does not say %q", message, want)
		}
	}
}

// checkSigners wants status to say who signed.
func checkSigners(t *testing.T, s *cluster.Scheduler) {
	t.Helper()
	all := mustPolicies(t, s)
	for name, want := range map[string]int{"by-http-signed": 1, "by-oci-signed": 2, "by-oci-private": 0} {
		if got := all[name].Loading.Active.Signers; len(got) != want {
			t.Errorf("%s: signers are %q, want %d", name, got, want)
		}
	}
	if all["by-oci-signed"].Loading.Active.Manifest == "" {
		t.Error("by-oci-signed: there is no digest of its manifest")
	}
}

// A canary answers for about as many pods as it should; a shadow for none, but what it would have decided is
// counted and shown.
func TestCanaryAndShadow(t *testing.T) {
	const pods = 60
	c := cluster.ForTest(t)
	createNodes(t, c,
		cluster.MakeNode("node-0").Label(zoneKey('a', 0), "in").Label(zoneKey('b', 0), "in").Obj(),
		cluster.MakeNode("node-1").Label(zoneKey('a', 1), "in").Label(zoneKey('b', 0), "in").Obj())
	file := func(letter byte, n int) string {
		f := newFileOrigin(t)
		f.put(t, zoneModule(t, letter, n), nil)
		return f.module()
	}
	s := startSourced(t, c, "",
		sourced{name: "tried", module: file('a', 0), more: "canary: {percent: 30, module: {" + file('a', 1) + "}}"},
		sourced{name: "shadowed", module: file('b', 0), more: "shadow: {module: {" + file('b', 1) + "}}"})
	for name, module := range map[string][]byte{
		"tried": zoneModule(t, 'a', 0), "tried canary": zoneModule(t, 'a', 1),
		"shadowed": zoneModule(t, 'b', 0), "shadowed shadow": zoneModule(t, 'b', 1),
	} {
		untilPolicy(t, s, name, name+" to be loaded", runs(module))
	}
	for i := range pods {
		create(t, c, pod(fmt.Sprintf("pod-%d", i), "stowage", "1m", inZone("in")))
	}
	on := map[string]int{}
	for i := range pods {
		on[nodeOf(t, c, fmt.Sprintf("pod-%d", i))]++
	}
	// The pods' identities are random: outside of this it is once in many thousands of runs.
	if got := on["node-1"]; got < 4 || got > 36 {
		t.Errorf("the canary answered for %d pods of %d, want about 30 %%", got, pods)
	}
	checkShadow(t, s)
}

func checkShadow(t *testing.T, s *cluster.Scheduler) {
	t.Helper()
	labels := []string{`policy="shadowed"`, `result="different"`, `point="Filter"`}
	if got := sumOf(metricsOf(t, s), "stowage_policy_shadow_decisions_total", labels...); got == 0 {
		t.Errorf("the metrics have no differing decisions:\n%s", lines(metricsOf(t, s), "stowage_policy_shadow_decisions_total{"))
	}
	eventually(t, "differences in /debug/policies", func(ctx context.Context) (bool, error) {
		all, err := policies(ctx, s)
		if err != nil || len(all["shadowed shadow"].Differences) == 0 {
			return false, err
		}
		d := all["shadowed shadow"].Differences[0]
		if d.Point != "Filter" || !strings.HasPrefix(d.Pod, "default/pod-") || d.Node == "" || d.Policy == d.Shadow {
			t.Errorf("difference is %+v", d)
		}
		return true, nil
	})
}
