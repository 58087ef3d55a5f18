// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// provided is what the host provides.
func provided() (imports []verify.Import) {
	for _, f := range hostcall.Table() {
		i := verify.Import{Module: f.Module, Name: f.Name, Capability: f.Capability}
		for _, p := range f.Params {
			i.Params = append(i.Params, wasm.ValType(p))
		}
		for _, r := range f.Results {
			i.Results = append(i.Results, wasm.ValType(r))
		}
		imports = append(imports, i)
	}
	return imports
}

func TestSamplesAreAccepted(t *testing.T) {
	// Go exports all points of the SDK, whichever the policy answers.
	want := []string{
		"stowage_add_pod", "stowage_bind", "stowage_filter", "stowage_generate_placements", "stowage_idle",
		"stowage_normalize_score", "stowage_objects", "stowage_permit", "stowage_pod_group_post_filter",
		"stowage_post_bind", "stowage_post_filter", "stowage_pre_bind", "stowage_pre_bind_pre_flight",
		"stowage_pre_enqueue", "stowage_pre_filter", "stowage_pre_score", "stowage_queue_sort",
		"stowage_queueing_hint", "stowage_rank_victims", "stowage_remove_pod", "stowage_reserve",
		"stowage_score", "stowage_score_placement", "stowage_sign", "stowage_unreserve",
	}
	for _, dir := range []string{"samples/zone-affinity", "samples/binpack"} {
		t.Run(dir, func(t *testing.T) {
			module := wt.Build(t, dir)
			opts := verify.Options{Imports: provided()}
			if err := cheap(t, module, opts); err != nil {
				t.Fatal(err)
			}
			report, err := verify.Check(module, opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, report.Exports); diff != "" {
				t.Errorf("exports (-want,+got):\n%s", diff)
			}
			if len(report.Capabilities) > 0 || report.Functions < 500 || report.Producers[0].Name != "Go" {
				t.Errorf("report:\n%s", report)
			}
		})
	}
}

// Programs of other compilers, which come with wazero, are no policies but have nothing else
// that is wrong with them.
func TestOtherToolchainsAreAccepted(t *testing.T) {
	for name, path := range toolchains {
		t.Run(name, func(t *testing.T) {
			if err := verify.Structure(fromWazero(t, path)); err != nil {
				t.Error(err)
			}
		})
	}
}

var toolchains = map[string]string{
	"Rust":   "examples/allocation/rust/testdata/greet.wasm",
	"TinyGo": "examples/allocation/tinygo/testdata/greet.wasm",
	"C":      "imports/wasi_snapshot_preview1/testdata/zig-cc/wasi.wasm",
	"Zig":    "imports/wasi_snapshot_preview1/testdata/zig/wasi.wasm",
}

func fromWazero(t testing.TB, path string) []byte {
	t.Helper()
	module, err := os.ReadFile(filepath.Join(wazeroDir(t), filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return module
}
