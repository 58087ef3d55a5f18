// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile_test

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/hostile"
)

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range hostile.Corpus() {
		if seen[g.Name] {
			t.Errorf("two guests are called %s", g.Name)
		}
		seen[g.Name] = true
		if !regexp.MustCompile(`^[a-z0-9-]{1,60}$`).MatchString(g.Name) {
			t.Errorf("%q is no name", g.Name)
		}
		if runs := g.Want.Result != hostile.Refused; runs && g.Where == "" {
			t.Errorf("%s does not say where it misbehaves", g.Name)
		}
	}
	t.Logf("%d guests", len(seen))
}

// What is to break down at run time is a valid module, so that it does get there.
func TestGuestsThatRunAreValid(t *testing.T) {
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2))
	for _, g := range hostile.Corpus() {
		if g.Want.Result == hostile.Refused {
			continue
		}
		wasm := g.Wasm()
		if !bytes.Equal(wasm, g.Wasm()) {
			t.Errorf("%s is not the same twice", g.Name)
		}
		if _, err := r.CompileModule(t.Context(), wasm); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
