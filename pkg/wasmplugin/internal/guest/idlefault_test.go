// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

func TestFaultsInIdle(t *testing.T) {
	long := func(i *idlers) { i.lasting(251 * time.Millisecond) }
	endless := wt.Loop(wt.Br(0))
	for name, tc := range map[string]struct {
		policy *wt.Policy
		setUp  func(*idlers)
		want   error
	}{
		"trap":    {busy(wt.Unreachable()), nil, engine.ErrTrap},
		"fuel":    {busy(endless), nil, engine.ErrFuel},
		"time":    {busy(endless), long, engine.ErrDeadline},
		"nothing": {busy(), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIdlers(t, tc.policy, 1)
				if tc.setUp != nil {
					tc.setUp(i)
				}
				first := i.get()
				i.put(first)
				i.work(2)
				time.Sleep(time.Second)
				second := i.get()
				if got := second != first; got != (tc.want != nil) {
					t.Errorf("replaced = %t", got)
				}
				i.score(second)
				i.put(second)
				if tc.want == nil {
					i.wantFaults(0, nil)
				} else {
					i.wantFaults(1, tc.want)
					i.work(4) // rests, so that it does not make guests all the time
					i.wantFaults(1, tc.want)
				}
				i.close()
			})
		})
	}
}

func (i *idlers) wantFaults(n int64, want error) {
	i.t.Helper()
	if got := i.faults.Load(); got != n {
		i.t.Errorf("%d faults, want %d", got, n)
	}
	if err := i.fault.Load(); err != nil && !errors.Is(*err, want) {
		i.t.Errorf("fault = %v, want %v", *err, want)
	}
}

// A guest that idles while the pool closes ends, soon, and takes the module with it.
func TestCloseWhileGuestsIdle(t *testing.T) {
	for name, policy := range map[string]*wt.Policy{
		"ends by itself": busy(), "endless": busy(wt.Loop(wt.Br(0))), "breaks": busy(wt.Unreachable()),
	} {
		t.Run(name, func(t *testing.T) {
			round := func() {
				i := newIdlers(t, policy, 2)
				closing := make(chan struct{})
				var closed sync.WaitGroup
				during := func() { close(closing); closed.Wait() }
				i.during.Store(&during)
				closed.Add(1)
				for range 2 {
					g := i.get()
					i.score(g)
					i.put(g)
				}
				<-closing
				i.close()
				closed.Done()
			}
			round()
			wantNoMore(t, "goroutines", runtime.NumGoroutine, round)
			if mappings() > 0 {
				wantNoMore(t, "mappings", mappings, round)
			}
		})
	}
}

// What a guest still does after Close is cut short, and that is not its fault.
func TestCloseEndsIdling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIdlers(t, busy(wt.Loop(wt.Br(0))), 1)
		i.lasting(time.Millisecond)
		i.work(2)
		i.close()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		i.want("before Close", 1)
		i.wantFaults(0, nil)
	})
}

func TestIdleUnderManyWorkers(t *testing.T) {
	for _, size := range []int{1, 2, 5} {
		i := newIdlers(t, busy(), size)
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() { i.hammer() })
		}
		time.Sleep(200 * time.Millisecond)
		i.close()
		workers.Wait()
		i.wantFaults(0, nil)
		if size > 1 && i.idled.Load() == 0 {
			t.Errorf("size %d: no guest was idle", size)
		}
	}
}

func (i *idlers) hammer() {
	for n := 0; ; n++ {
		g, err := i.Get(i.t.Context())
		if errors.Is(err, guest.ErrClosed) {
			return
		}
		if err != nil {
			i.t.Error(err)
			return
		}
		i.score(g)
		if n%10 < 9 {
			i.put(g)
		} else if err := i.Discard(i.t.Context(), g); err != nil {
			i.t.Error(err)
		}
	}
}
