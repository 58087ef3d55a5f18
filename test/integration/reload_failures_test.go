// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// twoNodes are a node that each of the two good modules of letter a allows, and the other does not.
func twoNodes() []*corev1.Node {
	return []*corev1.Node{
		cluster.MakeNode("node-0").Label(zoneKey('a', 0), "in").Obj(),
		cluster.MakeNode("node-1").Label(zoneKey('a', 1), "in").Obj(),
	}
}

// wantNode has a pod placed, which shows which good module decides.
func wantNode(t *testing.T, c *cluster.Cluster, name, node string) {
	t.Helper()
	create(t, c, pod(name, "stowage", "1m", inZone("in")))
	if got := nodeOf(t, c, name); got != node {
		t.Errorf("pod %s is on %s, want %s", name, got, node)
	}
}

// A scheduler that is killed in the middle of a reload leaves a cache that the next one can use, and the
// next one takes what the source has by then.
func TestSchedulerKilledDuringReload(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, twoNodes()...)
	origin, cache := mapOrigin{c, "module"}, t.TempDir()
	good := [][]byte{zoneModule(t, 'a', 0), zoneModule(t, 'a', 1)}
	put := func(content []byte) { origin.put(t, gzipped(t, content), nil) }
	put(good[0])
	p := sourced{name: "zoned", module: origin.module()}
	s := startSourced(t, c, cache, p)
	untilPolicy(t, s, p.name, "the first module", runs(good[0]))
	// Modules that are not in the cache take about a second to compile; the last is killed before it is fetched.
	for i, delay := range []time.Duration{400 * time.Millisecond, 150 * time.Millisecond, 0} {
		put(good[1-i%2])
		time.Sleep(delay)
		if s.Kill() == 0 {
			t.Fatal("the killed scheduler exited with 0")
		}
		s = startSourced(t, c, cache, p)
		untilPolicy(t, s, p.name, "the module of the source after the kill", runs(good[1-i%2]))
		wantNode(t, c, fmt.Sprintf("after-kill-%d", i), fmt.Sprintf("node-%d", 1-i%2))
	}
}

// A server that never answers, and one that sends garbage a byte at a time, cost a reload and nothing else: pods go
// on being placed, status says what is wrong, and what comes when they recover is taken.
func TestSlowServers(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, cluster.MakeNode("node-0").Label(zoneKey('a', 0), "in").Label(zoneKey('b', 0), "in").Obj(),
		cluster.MakeNode("node-1").Label(zoneKey('a', 1), "in").Label(zoneKey('b', 1), "in").Obj())
	hangs, drips := newHub(t), newWebOrigin(t)
	hangs.put(t, zoneModule(t, 'a', 0), nil)
	drips.put(t, zoneModule(t, 'b', 0), nil)
	s := startSourced(t, c, "", sourced{name: "hangs", module: hangs.module()}, sourced{name: "drips", module: drips.module()})
	wantNode(t, c, "before", "node-0")
	hangs.turn(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	drips.turn(http.HandlerFunc(dripGarbage))
	// It takes the scheduler ten seconds to lose patience, in which nothing else waits.
	for i := range 20 {
		wantNode(t, c, fmt.Sprintf("while-%d", i), "node-0")
	}
	for _, name := range []string{"hangs", "drips"} {
		state := untilPolicy(t, s, name, name+" to be given up", rejectedFor("fetch"))
		if !strings.Contains(state.Loading.Problem, "the server stalled") || state.Loading.State != "Active" {
			t.Errorf("%s: state is %q with problem %q, want Active and a stalled server", name, state.Loading.State, state.Loading.Problem)
		}
	}
	wantNode(t, c, "after", "node-0")
	hangs.put(t, zoneModule(t, 'a', 1), nil)
	drips.put(t, zoneModule(t, 'b', 1), nil)
	hangs.turn(hangs.inner)
	drips.turn(drips)
	untilPolicy(t, s, "hangs", "the registry's new module", runs(zoneModule(t, 'a', 1)))
	untilPolicy(t, s, "drips", "the web server's new module", runs(zoneModule(t, 'b', 1)))
	wantNode(t, c, "recovered", "node-1")
}

// dripGarbage sends a byte in a while, as long as somebody reads.
func dripGarbage(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte{'?'}); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush() // who is gone ends the context
		select {
		case <-r.Context().Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// A ConfigMap that is deleted takes no policy away; when it is there again, what it has then is taken.
// So is what changes after kube-apiserver was away.
func TestConfigMapAndAPIServerComeBack(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, twoNodes()...)
	origin := mapOrigin{c, "module"}
	put := func(n int) { origin.put(t, gzipped(t, zoneModule(t, 'a', n)), nil) }
	put(0)
	s := startSourced(t, c, "", sourced{name: "zoned", module: origin.module()})
	wantNode(t, c, "before", "node-0")
	origin.remove(t)
	state := untilPolicy(t, s, "zoned", "the deletion to be seen", rejectedFor("fetch"))
	if !strings.Contains(state.Loading.Problem, "it does not exist: create it") {
		t.Errorf("problem %q does not say what to do", state.Loading.Problem)
	}
	wantNode(t, c, "deleted", "node-0")
	put(1)
	untilPolicy(t, s, "zoned", "the new ConfigMap's module", runs(zoneModule(t, 'a', 1)))
	wantNode(t, c, "recreated", "node-1")
	err := c.RestartAPIServer(t.Context(), func() {
		if state := mustPolicies(t, s)["zoned"]; !runs(zoneModule(t, 'a', 1))(state) {
			t.Errorf("without kube-apiserver: %+v", state)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	wantNode(t, c, "restarted", "node-1")
	put(0)
	untilPolicy(t, s, "zoned", "the module after the restart", runs(zoneModule(t, 'a', 0)))
	wantNode(t, c, "changed", "node-0")
}

func mustPolicies(t *testing.T, s *cluster.Scheduler) map[string]*policyState {
	t.Helper()
	all, err := policies(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantUnready waits until the scheduler's check of policies fails with some texts.
func wantUnready(t *testing.T, s *cluster.Scheduler, texts ...string) {
	t.Helper()
	eventually(t, "readiness to tell of "+strings.Join(texts, ", "), func(ctx context.Context) (bool, error) {
		_, err := s.Get(ctx, readyPolicies)
		for _, text := range texts {
			if err == nil || !strings.Contains(err.Error(), text) {
				return false, nil
			}
		}
		return true, nil
	})
}

// readyPolicies is the readiness of policies alone, which says why.
const readyPolicies = "/readyz/policies"
