// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package methods

import (
	"testing"

	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// BenchmarkVariants is for profiles of one variant: -bench Variants/wasm -cpuprofile wasm.out.
func BenchmarkVariants(b *testing.B) {
	module, err := world.Module(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	bench, err := New(b.Context(), 5000, module)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := bench.Close(); err != nil {
			b.Error(err)
		}
	}()
	for _, v := range bench.Variants {
		b.Run(v.Name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				bench.touch(i)
				if err := v.run(b.Context(), world.Pod(i), nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
