// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// newPool makes a pool that owns its module.
func newPool(t *testing.T, p *wt.Policy) (*guest.Pool, error) {
	t.Helper()
	m, err := engine.Compile(t.Context(), p.Bytes(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := guest.NewPool(t.Context(), m, guest.Options{Config: []byte(`{"zone":"a"}`), Size: 8})
	t.Cleanup(func() {
		if pool != nil {
			err = pool.Close(t.Context())
		} else {
			err = m.Close(t.Context())
		}
		if err != nil {
			t.Error(err)
		}
	})
	return pool, err
}

func TestDescribe(t *testing.T) {
	p := wt.NewPolicy().Text("sdk/c 1.2 \xff")
	p.Descriptor.Points = abi.PointFilter
	p.Descriptor.Reads = abi.NodeLabels | abi.PodOwners
	p.Descriptor.Minor = 99
	p.Descriptor.Optional = 1 << 60
	p.Descriptor.Producer = abi.Span{Addr: wt.TextAt, Len: 11}
	pool, err := newPool(t, p)
	if err != nil {
		t.Fatal(err)
	}
	want := guest.Description{Points: abi.PointFilter, Reads: abi.NodeLabels | abi.PodOwners, Producer: "sdk/c 1.2 ?"}
	if diff := cmp.Diff(want, pool.Describe()); diff != "" {
		t.Errorf("description (-want,+got):\n%s", diff)
	}
	for point, want := range map[abi.Points]bool{abi.PointFilter: true, abi.PointScore: false} {
		if got := pool.Describe().Has(point); got != want {
			t.Errorf("Has(%#x) = %t, want %t", point, got, want)
		}
	}
}

// A guest that was built later has a longer descriptor and exports of extension points that
// this host does not know; that is fine as long as it does not depend on them.
func TestDescribeAGuestFromTheFuture(t *testing.T) {
	p := wt.NewPolicy()
	p.Descriptor.Size += 64
	p.Body("stowage_reserve", wt.Const(0))
	if _, err := newPool(t, p); err != nil {
		t.Error(err)
	}
}

func TestDescribeRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		guest func(p *wt.Policy)
		kind  error
		want  string
	}{
		"bad magic": {
			func(p *wt.Policy) { p.Descriptor.Magic = 0x12345678 },
			engine.ErrABI, "ABI violation in stowage_describe: descriptor starts with 0x12345678, want 0x574f5453",
		},
		"null": {
			func(p *wt.Policy) { p.Body(abi.ExportDescribe, wt.Const(0)) },
			engine.ErrABI, "ABI violation in stowage_describe: descriptor starts with 0x0, want 0x574f5453",
		},
		"outside of memory": {
			func(p *wt.Policy) { p.Body(abi.ExportDescribe, wt.Const(0xfffffffc)) },
			engine.ErrABI, "ABI violation in stowage_describe: descriptor at 0xfffffffc is outside of memory",
		},
		"half outside of memory": {
			func(p *wt.Policy) {
				p.Data[33<<16-8] = []byte("STOW\x38\x00\x00\x00")
				p.Body(abi.ExportDescribe, wt.Const(33<<16-8))
			},
			engine.ErrABI, "ABI violation in stowage_describe: descriptor of 56 bytes at 0x20fff8, want at least 56 inside of memory",
		},
		"too short": {
			func(p *wt.Policy) { p.Descriptor.Size = 48 },
			engine.ErrABI, "ABI violation in stowage_describe: descriptor of 48 bytes at 0x40, want at least 56 inside of memory",
		},
		"other major": {
			func(p *wt.Policy) { p.Descriptor.Major, p.Descriptor.Minor = 2, 3 },
			engine.ErrModule, "not a usable module: it speaks ABI version 2.3, this host speaks 1.0; rebuild it with a matching SDK",
		},
		"required feature": {
			func(p *wt.Policy) { p.Descriptor.Required = 0x30 },
			engine.ErrModule, "not a usable module: it requires ABI features 0x30 that this host does not have; use a newer host",
		},
		"unknown parts": {
			func(p *wt.Policy) { p.Descriptor.Reads = abi.NodeLabels | 1<<20 | 1<<63 },
			engine.ErrModule, "not a usable module: it reads parts 0x8000000000100000 of nodes or pods that this host does not know; use a newer host",
		},
		"unknown points": {
			func(p *wt.Policy) { p.Descriptor.Points |= 1 << 40 },
			engine.ErrModule, "not a usable module: it answers extension points 0x10000000000 that this host does not know; use a newer host",
		},
		"point without export": {
			func(p *wt.Policy) { p.Without(abi.ExportScore) },
			engine.ErrModule, `not a usable module: it says that it answers "stowage_score" but does not export it`,
		},
		"trap": {
			func(p *wt.Policy) { p.Body(abi.ExportDescribe, wt.Unreachable()) },
			engine.ErrTrap, "trap in stowage_describe: wasm error: unreachable",
		},
		"no frame": {
			func(p *wt.Policy) { p.Body(abi.ExportBuffer, wt.Const(0)) },
			engine.ErrABI, "ABI violation in stowage_buffer: address 0x0 for 288 bytes of kind 0 (memory is 2162688 bytes; addresses must be multiples of 8)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := wt.NewPolicy()
			tc.guest(p)
			_, err := newPool(t, p)
			wantError(t, err, tc.kind, tc.want)
		})
	}
}

// wantError compares the kind and the first line; a guest's stack may follow.
func wantError(t *testing.T, err, kind error, want string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v is not %q", err, kind)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("error (-want,+got):\n%s", diff)
	}
}
