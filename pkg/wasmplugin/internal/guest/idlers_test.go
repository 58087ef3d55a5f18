// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// What a busy policy's Score takes, in units of fuel, about: less than what makes its guest idle,
// but not twice that.
const scoreFuel = 3_000_000

// busy works in Score, and logs in idle, which then goes on with what follows.
func busy(idle ...[]byte) *wt.Policy {
	p := logging(wt.NewPolicy(), abi.ExportIdle, idle...)
	spend := p.Define(wt.Func{Params: []byte{wt.I32}, Body: wt.Code(
		wt.Loop(wt.Param(0), wt.Const(1), wt.Subtract(), wt.Tee(0), wt.BrIf(0)),
	)})
	return p.Body(abi.ExportScore, wt.Const(scoreFuel/5), wt.Call(spend), wt.Const(0))
}

// logging logs in an export, which then goes on with what follows and ends in success.
func logging(p *wt.Policy, export string, next ...[]byte) *wt.Policy {
	logs := p.Import(abi.ImportModule, abi.ImportLog, 3)
	return p.Body(export, wt.Const(abi.LogInfo), wt.Const(wt.TextAt), wt.Const(4), wt.Call(logs), wt.Code(next...), wt.Const(0))
}

// idlers is a pool with what happens in it.
type idlers struct {
	*guest.Pool
	t *testing.T
	// idled counts calls that log, each of which runs during, if there is one.
	idled  atomic.Int64
	during atomic.Pointer[func()]
	faults atomic.Int64
	fault  atomic.Pointer[error]
}

func (i *idlers) log(uint32, string) {
	i.idled.Add(1)
	if during := i.during.Load(); during != nil {
		(*during)()
	}
}

func newIdlers(t *testing.T, p *wt.Policy, size int) *idlers {
	t.Helper()
	metered, err := meter.Inject(p.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	i := &idlers{t: t}
	services := hostcall.NewServices(hostcall.Options{Log: i.log, Limits: hostcall.Limits{LogLines: 1e9, LogBurst: 1e9}})
	m, err := engine.Compile(t.Context(), metered, engine.Options{Services: services, Granted: []string{abi.CapabilityLog}})
	if err != nil {
		t.Fatal(err)
	}
	i.Pool, err = guest.NewPool(t.Context(), m, guest.Options{Size: size, Faulted: func(err error) {
		i.faults.Add(1)
		i.fault.Store(&err)
	}})
	if err != nil {
		t.Fatal(errors.Join(err, m.Close(t.Context())))
	}
	return i
}

func (i *idlers) get() *guest.Guest {
	i.t.Helper()
	g, err := i.Get(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	return g
}

func (i *idlers) put(g *guest.Guest) {
	i.t.Helper()
	if err := i.Put(i.t.Context(), g); err != nil {
		i.t.Error(err)
	}
}

func (i *idlers) close() {
	i.t.Helper()
	if err := i.Close(i.t.Context()); err != nil {
		i.t.Error(err)
	}
}

// score calls a guest once.
func (i *idlers) score(g *guest.Guest) {
	i.t.Helper()
	begin(i.t, g, &guest.Cycle{ID: 1, Pod: make([]byte, 8)})
	if _, err := g.Score(i.t.Context(), three, make([]int64, 3)); err != nil {
		i.t.Error(err)
	}
}

// work has one guest after the other do a call, n times, and waits until all is quiet.
func (i *idlers) work(n int) {
	i.t.Helper()
	for range n {
		g := i.get()
		i.score(g)
		i.put(g)
		synctest.Wait()
	}
}

// lasting has calls that log take so long, in the time of the test.
func (i *idlers) lasting(d time.Duration) {
	during := func() { time.Sleep(d) }
	i.during.Store(&during)
}

func (i *idlers) want(what string, want int64) {
	i.t.Helper()
	if got := i.idled.Load(); got != want {
		i.t.Errorf("%s: %d idle calls, want %d", what, got, want)
	}
}
