// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

func TestGuestsIdle(t *testing.T) {
	for name, tc := range map[string]struct {
		policy *wt.Policy
		calls  int
		want   int64
	}{
		"unused":        {busy(), 0, 0},
		"hardly used":   {busy(), 1, 0},
		"used":          {busy(), 2, 1},
		"used again":    {busy(), 3, 1},
		"used twice":    {busy(), 4, 2},
		"for long":      {busy(), 20, 10},
		"no such thing": {busy().Without(abi.ExportIdle), 20, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIdlers(t, tc.policy, 2)
				i.work(tc.calls)
				i.want(name, tc.want)
				i.close()
			})
		})
	}
}

// What a guest does when idle does not make it idle again.
func TestIdlingIsNoWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIdlers(t, busy(wt.Const(3*scoreFuel/5), wt.Call(1)), 1)
		i.work(2)
		for range 3 {
			i.put(i.get())
			synctest.Wait()
		}
		i.want("after one", 1)
		i.work(1)
		i.want("after half as much work again", 1)
		i.work(1)
		i.want("after as much work again", 2)
		i.close()
	})
}

// However much a policy's guests do when idle, they do it for a tenth of the time.
func TestIdleRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIdlers(t, busy(), 1)
		i.lasting(20 * time.Millisecond)
		i.work(2)
		time.Sleep(20 * time.Millisecond)
		i.want("at first", 1)
		time.Sleep(179 * time.Millisecond)
		i.work(2)
		i.want("before nine times as long", 1)
		time.Sleep(time.Millisecond)
		i.work(1)
		i.want("after nine times as long", 2)
		time.Sleep(time.Second)
		i.close()
	})
}

// Half of the guests idle at the same time, at least one and no more.
func TestHalfOfTheGuestsIdle(t *testing.T) {
	for size, want := range map[int]int64{1: 1, 2: 1, 3: 1, 4: 2, 8: 4} {
		synctest.Test(t, func(t *testing.T) {
			i := newIdlers(t, busy(), size)
			i.lasting(time.Millisecond)
			var all []*guest.Guest
			for range size {
				g := i.get()
				all = append(all, g)
				i.score(g)
			}
			for range 2 { // one Put is not enough
				for _, g := range all {
					i.put(g)
				}
				synctest.Wait()
				for n := range all {
					if all[n] = i.Idle(); all[n] == nil {
						all = all[:n]
						break
					}
					i.score(all[n])
				}
			}
			i.want("of all guests", want)
			if got := int64(size - len(all)); got != want {
				t.Errorf("size %d: %d guests are not there, want %d", size, got, want)
			}
			for _, g := range all {
				i.put(g)
			}
			time.Sleep(time.Second)
			i.close()
		})
	}
}

// Who waits gets the guest before it idles, and who comes while it idles gets it right after.
func TestOnlyGuestIdlesWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lasts = 3 * time.Millisecond
		i := newIdlers(t, busy(), 1)
		i.lasting(lasts)
		g := i.get()
		var waiters sync.WaitGroup
		for range 10 {
			waiters.Go(func() {
				g := i.get()
				i.want("with others waiting", 0)
				i.score(g)
				i.put(g)
			})
		}
		synctest.Wait()
		i.score(g)
		began := time.Now()
		i.put(g)
		waiters.Wait()
		synctest.Wait()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("callers waited for %v", waited)
		}
		i.want("with nobody waiting", 1)
		ctx, cancel := context.WithTimeout(t.Context(), lasts-1)
		defer cancel()
		if _, err := i.Get(ctx); !errors.Is(err, guest.ErrBusy) {
			t.Errorf("while the guest idles: %v, want ErrBusy", err)
		}
		again := i.get()
		if waited := time.Since(began); waited != lasts {
			t.Errorf("the guest came after %v, want %v", waited, lasts)
		}
		if again != g {
			t.Error("the guest was replaced")
		}
		i.put(again)
		i.close()
	})
}

// Callers that always wait do not keep guests from idling if there are others to wait for.
func TestOverdueGuestIdles(t *testing.T) {
	for size, want := range map[int]int64{1: 0, 2: 1} {
		synctest.Test(t, func(t *testing.T) {
			i := newIdlers(t, busy(), size)
			var held []*guest.Guest
			for range size {
				held = append(held, i.get())
			}
			busiest := held[0]
			for range 8 {
				i.score(busiest)
				got := make(chan *guest.Guest)
				go func() { got <- i.get() }()
				synctest.Wait()
				i.put(busiest)
				busiest = <-got
			}
			i.want("with somebody waiting", want)
			i.put(busiest)
			for _, g := range held[1:] {
				i.put(g)
			}
			synctest.Wait()
			i.close()
		})
	}
}
