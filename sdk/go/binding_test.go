// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// gang lets n pods with the same label go together, and notes everything.
type gang struct {
	n     int
	calls []string
}

func (g *gang) note(what string, c *stowage.Cycle, n *stowage.Node) {
	if c.Simulated() {
		what += "(simulated)"
	}
	g.calls = append(g.calls, what+":"+n.Name()+":"+string(c.State()))
}

func (g *gang) Reserve(c *stowage.Cycle, _ *stowage.Pod, n *stowage.Node) stowage.Status {
	g.note("reserve", c, n)
	c.SetState([]byte("reserved"))
	return stowage.Success()
}

func (g *gang) Unreserve(c *stowage.Cycle, _ *stowage.Pod, n *stowage.Node) {
	g.note("unreserve", c, n)
}

func (g *gang) Permit(c *stowage.Cycle, p *stowage.Pod, n *stowage.Node) stowage.PermitResult {
	g.note("permit", c, n)
	key, ok := p.Label("gang")
	switch {
	case !ok:
		return stowage.Deny(stowage.UnschedulableAndUnresolvable("is in no gang"))
	case c.Waiting():
		return stowage.Wait(stowage.Second, key)
	case stowage.WaitingPods(key)+1 < g.n:
		return stowage.Wait(2*stowage.Minute, key)
	}
	stowage.AllowWaiting(key)
	return stowage.Allow()
}

func (g *gang) PreBindPreFlight(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status {
	return stowage.Skip()
}

func (g *gang) PreBind(c *stowage.Cycle, _ *stowage.Pod, n *stowage.Node) stowage.Status {
	g.note("prebind", c, n)
	return stowage.Unschedulable("too late")
}

func (g *gang) Bind(_ *stowage.Cycle, p *stowage.Pod, n *stowage.Node) (stowage.BindResult, stowage.Status) {
	if _, ok := p.Label("gang"); !ok {
		return stowage.BindResult{}, stowage.Skip()
	}
	return stowage.BindResult{Annotations: []stowage.Annotation{{"on", n.Name()}, {"by", "gang"}}}, stowage.Success()
}

func (g *gang) PostBind(c *stowage.Cycle, _ *stowage.Pod, n *stowage.Node) { g.note("postbind", c, n) }

func TestPermit(t *testing.T) {
	h := stowagetest.New(t, &gang{n: 3}, stowage.ReadPodLabels)
	attempt := func(name string) *stowagetest.Attempt {
		return h.Attempt(stowagetest.MakePod(name).Label("gang", "g"), stowagetest.MakeNode("n"))
	}
	first := attempt("a")
	got := []stowage.PermitResult{first.Permit("n"), attempt("b").Permit("n"), first.PermitAgain("n"), attempt("c").Permit("n"),
		h.Attempt(stowagetest.MakePod("x"), stowagetest.MakeNode("n")).Permit("n")}
	want := []stowage.PermitResult{stowage.Wait(2*stowage.Minute, "g"), stowage.Wait(2*stowage.Minute, "g"), stowage.Wait(stowage.Second, "g"),
		stowage.Allow(), stowage.Deny(stowage.UnschedulableAndUnresolvable("is in no gang"))}
	if !slices.Equal(want, got) {
		t.Errorf("want %v, got %v", want, got)
	}
	if got := h.Effects().Allowed; !slices.Equal(got, []string{"g"}) {
		t.Errorf("want g allowed, got %v", got)
	}
}

// The chosen node and the state reach every point; the state that Reserve leaves is there from then on.
func TestBindingCycle(t *testing.T) {
	g := &gang{n: 1}
	h := stowagetest.New(t, g, stowage.ReadPodLabels)
	pod := stowagetest.MakePod("p").Label("gang", "g")
	a := h.Attempt(pod, stowagetest.MakeNode("m"), stowagetest.MakeNode("n"))
	statuses := []stowage.Status{a.Reserve("n"), a.Permit("n").Status(), a.PreBindPreFlight("n"), a.PreBind("n")}
	if want := []stowage.Status{stowage.Success(), stowage.Success(), stowage.Skip(), stowage.Unschedulable("too late")}; !slices.Equal(want, statuses) {
		t.Errorf("want %v, got %v", want, statuses)
	}
	annotations, s := a.Bind("n")
	if want := map[string]string{"on": "n", "by": "gang"}; !s.IsSuccess() || !maps.Equal(want, annotations) {
		t.Errorf("want %v, got %v, %v", want, annotations, s)
	}
	a.PostBind("n")
	a.Unreserve("m")
	trial := h.Attempt(stowagetest.MakePod("q"), stowagetest.MakeNode("m")).Simulated()
	trial.Reserve("m")
	if _, s := trial.Bind("m"); s != stowage.Skip() {
		t.Errorf("want Skip, got %v", s)
	}
	want := "reserve:n: permit:n:reserved prebind:n:reserved postbind:n:reserved unreserve:m:reserved reserve(simulated):m:"
	if got := strings.Join(g.calls, " "); got != want {
		t.Errorf("want %q\ngot  %q", want, got)
	}
}

// hostPolicy uses what a host offers.
type hostPolicy struct{}

func (hostPolicy) Needs() stowage.Needs {
	return stowage.Needs{Accounts: []stowage.AccountNeed{{}, {Label: "team"}}}
}

func (hostPolicy) PreEnqueue(_ *stowage.Cycle, pod *stowage.Pod) stowage.Status {
	if stowage.Used(1, pod.Name(), "cpu") < 1000 {
		return stowage.Success()
	}
	before, _ := stowage.SharedData("last")
	stowage.SetSharedData("last", append(before, pod.Name()...))
	stowage.Wake(3 * stowage.Second)
	stowage.RejectWaiting("k", "no room")
	return stowage.Unschedulable("used up")
}

func TestHostFunctions(t *testing.T) {
	h := stowagetest.New(t, hostPolicy{}, 0)
	h.SetUsed(1, "b", "cpu", 1000)
	h.SetSharedData("last", "-")
	h.SetWaiting("k", 2)
	for pod, want := range map[string]stowage.Status{"a": stowage.Success(), "b": stowage.Unschedulable("used up")} {
		if got := h.PreEnqueue(stowagetest.MakePod(pod)); got != want {
			t.Errorf("%s: want %v, got %v", pod, want, got)
		}
	}
	if got := h.SharedData("last"); got != "-b" {
		t.Errorf("want -b, got %q", got)
	}
	e := h.Effects()
	if want := []stowage.Duration{3 * stowage.Second}; !slices.Equal(want, e.Wakes) {
		t.Errorf("want %v, got %v", want, e.Wakes)
	}
	if want := []stowagetest.Rejection{{Key: "k", Reason: "no room"}}; !slices.Equal(want, e.Rejected) {
		t.Errorf("want %v, got %v", want, e.Rejected)
	}
	if want := (hostPolicy{}).Needs(); !reflect.DeepEqual(want, h.Needs()) {
		t.Errorf("want %v, got %v", want, h.Needs())
	}
}
