// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

func nodes() []*stowagetest.Node {
	return []*stowagetest.Node{
		stowagetest.MakeNode("a-web").Zone("a").Label("stowage.dev/pool", "web"),
		stowagetest.MakeNode("a-db").Zone("a").Label("stowage.dev/pool", "db"),
		stowagetest.MakeNode("b-web").Zone("b").Label("stowage.dev/pool", "web").Label("rack", "r1"),
		stowagetest.MakeNode("nowhere"),
	}
}

// The golden file shows, for each pod, what happens on every node.
func TestGolden(t *testing.T) {
	var b strings.Builder
	for _, tc := range []struct {
		name, config string
		pod          *stowagetest.Pod
	}{
		{"a pod that asks for nothing", "", stowagetest.MakePod("p")},
		{"a zone", "", stowagetest.MakePod("p").Label("stowage.dev/zone", "a")},
		{"a pool", "", stowagetest.MakePod("p").Label("stowage.dev/pool", "web")},
		{"a zone and a pool", "", stowagetest.MakePod("p").Label("stowage.dev/zone", "a").Label("stowage.dev/pool", "web")},
		{"a zone that does not exist", "", stowagetest.MakePod("p").Label("stowage.dev/zone", "c")},
		{"an empty label asks for nothing", "", stowagetest.MakePod("p").Label("stowage.dev/zone", "")},
		{"renamed labels", `{"zoneLabel":"my-rack","nodeZoneKey":"rack"}`, stowagetest.MakePod("p").Label("my-rack", "r1")},
		{"the old name after renaming", `{"zoneLabel":"my-rack"}`, stowagetest.MakePod("p").Label("stowage.dev/zone", "a")},
	} {
		h := stowagetest.New(t, newPolicy(), reads)
		if err := h.Configure(tc.config); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		b.WriteString("# " + tc.name + "\n" + h.Report(tc.pod, nodes()...) + "\n")
	}
	stowagetest.Golden(t, "testdata/golden.txt", b.String())
}

// An instance serves one pod after the other.
func TestPodsDoNotShareWishes(t *testing.T) {
	h := stowagetest.New(t, newPolicy(), reads)
	h.Filter(stowagetest.MakePod("first").Label("stowage.dev/zone", "b"), nodes()...)
	for name, got := range h.Filter(stowagetest.MakePod("second"), nodes()...) {
		if want := stowage.Success(); got != want {
			t.Errorf("node %s: want %v, got %v", name, want, got)
		}
	}
}

func TestConfigProblems(t *testing.T) {
	h := stowagetest.New(t, newPolicy(), reads)
	err := h.Configure(`{"zoneLabel":"","poolLabel":"a/b/c","nodeZoneKey":5,"nodePoolKey":"ok","zone":"a"}`)
	want := `zoneLabel: must be a label's key such as example.com/zone, is ""
nodeZoneKey: must be a string, is a number
poolLabel: must be a label's key such as example.com/zone, is "a/b/c"
zone: unknown field`
	if err == nil || err.Error() != want {
		t.Errorf("want\n%s\ngot\n%v", want, err)
	}
}
