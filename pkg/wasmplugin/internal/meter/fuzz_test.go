// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// FuzzInject checks that whatever the bytes are, nothing panics; that what verify accepts can be
// metered; and that what could be compiled before, and only that, can be compiled afterwards.
func FuzzInject(f *testing.F) {
	f.Add(wasmtest.NewPolicy().Bytes())
	for _, m := range []wasmtest.Module{hostCall(), exponential(3), loopThatCalls(), withLocals(3, nil)} {
		f.Add(m.Bytes())
	}
	for seed := range uint64(20) {
		f.Add(wasmtest.Generate(seed).Module)
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		if len(module) > 16<<10 {
			return
		}
		_, unverified := verify.Check(module, verify.Options{Inspect: true})
		metered, err := Inject(module)
		if err != nil {
			if unverified == nil {
				t.Errorf("verify accepts what Inject does not: %v", err)
			}
			return
		}
		if !modest(module) || !modest(metered) {
			return
		}
		// wazero refuses an empty custom section, but only if nothing follows it.
		module = append(slices.Clip(module), 0, 3, 1, 'x', 0)
		if before, after := compile(module), compile(metered); (before == nil) != (after == nil) {
			t.Errorf("compiling it as it was: %v; metered: %v", before, after)
		}
	})
}

// modest tells that wazero can compile the module in a moment, and without asking for all the
// memory there is.
func modest(module []byte) bool {
	limits := verify.DefaultLimits()
	limits.Effort, limits.CompileBytes = 200_000_000, 16<<20
	limits.Types, limits.TableEntries = 100, 1000
	return verify.CheckMetered(module, limits) == nil
}

func compile(module []byte) error {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer func() { _ = runtime.Close(ctx) }()
	_, err := runtime.CompileModule(ctx, module)
	return err
}
