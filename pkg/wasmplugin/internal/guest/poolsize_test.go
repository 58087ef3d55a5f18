// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// A pool of one guest makes the second caller wait, until the guest comes back, is replaced,
// or will never come.
func TestPoolOfOneMakesCallersWait(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(*guest.Pool, context.Context, *guest.Guest) error
		want error
	}{
		"put":     {end: (*guest.Pool).Put},
		"discard": {end: (*guest.Pool).Discard},
		"close": {
			end:  func(p *guest.Pool, ctx context.Context, _ *guest.Guest) error { return p.Close(ctx) },
			want: guest.ErrClosed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pool := poolOfOne(t)
				g, err := pool.Get(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := make(chan error, 1)
				go func() {
					second, err := pool.Get(t.Context())
					if err == nil {
						err = pool.Put(t.Context(), second)
					}
					got <- err
				}()
				synctest.Wait()
				select {
				case err := <-got:
					t.Fatalf("the second Get did not wait: %v", err)
				default:
				}
				if err := tc.end(pool, t.Context(), g); err != nil {
					t.Error(err)
				}
				if err := <-got; !errors.Is(err, tc.want) {
					t.Errorf("got %v, want %v", err, tc.want)
				}
				if err := pool.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Who cannot wait learns whether others have the guests, or all broke down.
func TestPoolTellsBusyFromStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := newIdlers(t, logging(wt.NewPolicy(), abi.ExportConfigure), 1)
		pool.lasting(time.Millisecond)
		g, err := pool.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		now, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := pool.Get(now); !errors.Is(err, guest.ErrBusy) {
			t.Errorf("while the guest is out: %v, want ErrBusy", err)
		}
		if err := pool.Discard(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		if _, err := pool.Get(now); !errors.Is(err, guest.ErrStarting) {
			t.Errorf("while it is replaced: %v, want ErrStarting", err)
		}
		if g, err = pool.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(pool.Put(t.Context(), g), pool.Close(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

// Warm makes all guests at once, and they are there afterwards.
func TestWarm(t *testing.T) {
	pool := owned(t, faulty())
	if err := pool.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := pool.Warm(t.Context()); !errors.Is(err, guest.ErrClosed) {
		t.Errorf("Warm after Close: %v, want ErrClosed", err)
	}
}

func poolOfOne(t *testing.T) *guest.Pool {
	t.Helper()
	m, err := engine.Compile(t.Context(), faulty().Bytes(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := guest.NewPool(t.Context(), m, guest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return pool
}
