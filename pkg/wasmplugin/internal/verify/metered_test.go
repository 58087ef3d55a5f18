// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Code that is cheap to compile as it is, and a bomb when it is metered, is found out.
func TestCheckMetered(t *testing.T) {
	many := func(n int, code ...[]byte) []byte {
		return wt.NewPolicy().Body(abi.ExportFilter, slices.Repeat(wt.Code(code...), n), wt.Const(0)).Bytes()
	}
	for name, tc := range map[string]struct {
		module []byte
		want   error
	}{
		"few growths":  {many(50, wt.Const(0), wt.Grow(), wt.Drop()), nil},
		"many growths": {many(20_000, wt.Const(0), wt.Grow(), wt.Drop()), verify.ErrModule},
		"few loops":    {many(50, wt.Loop(wt.Const(0), wt.BrIf(0))), nil},
		"many fills":   {many(20_000, wt.Const(0), wt.Const(0), wt.Const(0), wt.MemoryFill()), verify.ErrModule},
		"stock Go":     {wt.Build(t, "sdk/go/conformance"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			metered, err := meter.Inject(tc.module)
			if err != nil {
				t.Fatal(err)
			}
			if err := verify.CheckMetered(metered, verify.Limits{}); !errors.Is(err, tc.want) {
				t.Errorf("CheckMetered = %v, want %v", err, tc.want)
			}
		})
	}
}
