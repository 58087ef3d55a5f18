// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// A scheduler that starts while sources are away runs what worked last, if it has a cache; and takes what is new
// when they are back.
func TestStartFromTheCache(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, twoNodes()...)
	web, cache := newWebOrigin(t), t.TempDir()
	key := newKey(t)
	put := func(n int) { web.put(t, zoneModule(t, 'a', n), key.ofBlob(t, zoneModule(t, 'a', n))) }
	put(0)
	p := sourced{name: "zoned", module: web.module() + ", " + key.verify(t, "releases")}
	s := startSourced(t, c, cache, p)
	untilPolicy(t, s, p.name, "the module", runs(zoneModule(t, 'a', 0)))
	s.Stop()
	web.remove(t)
	s = startSourced(t, c, cache, p)
	state := untilPolicy(t, s, p.name, "what worked last", func(p *policyState) bool { return p.active() != "" })
	if !state.Loading.Active.Remembered || state.Loading.Reason != "fetch" || len(state.Loading.Active.Signers) != 1 {
		t.Errorf("status is %+v with generation %+v, want it remembered, signed, and why", state.Loading, state.Loading.Active)
	}
	wantNode(t, c, "remembered", "node-0")
	put(1)
	state = untilPolicy(t, s, p.name, "the module of the source that is back", runs(zoneModule(t, 'a', 1)))
	if state.Loading.Active.Remembered {
		t.Error("status says that the new module is remembered")
	}
	wantNode(t, c, "fetched", "node-1")
}

// Without a cache failurePolicy decides about pods, readiness says so where it keeps pods from being placed, and the
// source is taken when it comes.
func TestStartWithoutAnySource(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, twoNodes()...)
	web := newWebOrigin(t)
	web.remove(t)
	p := sourced{name: "zoned", module: web.module(), more: "failurePolicy: Ignore"}
	lenient := startSourced(t, c, "", p)
	create(t, c, pod("ignored", "stowage", "1m", inZone("in")))
	nodeOf(t, c, "ignored")
	if _, err := lenient.Get(t.Context(), "/readyz"); err != nil {
		t.Errorf("a scheduler that does without its policy is not ready: %v", err)
	}
	lenient.Stop()

	p.more = "failurePolicy: Fail"
	s := startSourced(t, c, "", p)
	wantUnready(t, s, "zoned", "cannot be fetched")
	if _, err := s.Get(t.Context(), "/readyz"); err == nil {
		t.Error("a scheduler that can place no pod says that it is ready")
	}
	create(t, c, pod("waiting", "stowage", "1m", inZone("in")))
	if got := refusal(t, c, "waiting"); !strings.Contains(got, "zoned") || !strings.Contains(got, "cannot be fetched") {
		t.Errorf("the event is %q, want it to name the policy and say why it has no module", got)
	}
	web.put(t, zoneModule(t, 'a', 1), nil)
	if got := nodeOf(t, c, "waiting"); got != "node-1" {
		t.Errorf("the pod that waited is on %s, want node-1", got)
	}
	if _, err := s.Get(t.Context(), "/readyz"); err != nil {
		t.Errorf("with its module the scheduler is not ready: %v", err)
	}
}
