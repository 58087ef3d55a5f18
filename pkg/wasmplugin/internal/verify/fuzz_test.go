// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"errors"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Whatever the bytes are, Check answers in bounded memory; what it accepts, the compiler may
// refuse but survives, in bounded memory too.
func FuzzCheck(f *testing.F) {
	f.Add(wt.NewPolicy().Bytes())
	f.Add(rich())
	for _, module := range wt.Lies() {
		f.Add(module)
	}
	for _, module := range wt.Heavy(100) {
		f.Add(module)
	}
	f.Add(fromWazero(f, toolchains["Rust"]))
	f.Add(fromWazero(f, toolchains["Zig"]))
	f.Fuzz(func(t *testing.T, module []byte) {
		// Compiling what is large is a matter of limits, which other tests are about.
		if len(module) > 64<<10 {
			return
		}
		allocated, err := checked(module, inspect)
		if err != nil && !errors.Is(err, verify.ErrModule) {
			t.Errorf("Check = %v, want ErrModule", err)
		}
		if limit := allowance(module); allocated > limit {
			t.Errorf("%d bytes made it allocate %d, more than %d", len(module), allocated, limit)
		}
		if verify.Structure(module) == nil {
			_ = newCompiler(t).compile(module)
		}
	})
}
