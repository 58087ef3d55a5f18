// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

func TestGolden(t *testing.T) {
	var b strings.Builder
	for _, tc := range []struct{ name, config, pod string }{
		{"the same digit", "", "web-1"},
		{"the last of several digits", "", "web-12"},
		{"reversed", `{"reverse":true}`, "web-1"},
		{"a pod without a digit", "", "web"},
		{"a pod without a digit, reversed", `{"reverse":true}`, "web"},
	} {
		h := stowagetest.New(t, &policy{}, reads)
		if err := h.Configure(tc.config); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		b.WriteString("# " + tc.name + ": " + tc.pod + "\n" + h.Report(stowagetest.MakePod(tc.pod),
			stowagetest.MakeNode("node-1"), stowagetest.MakeNode("node-2"), stowagetest.MakeNode("node-21"),
			stowagetest.MakeNode("gateway")) + "\n")
	}
	stowagetest.Golden(t, "testdata/golden.txt", b.String())
}

func TestConfigProblems(t *testing.T) {
	err := stowagetest.New(t, &policy{}, reads).Configure(`{"reverse":"yes","reversed":true}`)
	want := "reverse: must be a boolean, is a string\nreversed: unknown field"
	if err == nil || err.Error() != want {
		t.Errorf("want\n%s\ngot\n%v", want, err)
	}
}
