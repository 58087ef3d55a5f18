// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Where host functions find what they are given.
const (
	nameAt   = wt.TextAt + 1024
	reasonAt = nameAt + 64
	badAt    = reasonAt + 64
	vectorAt = badAt + 64
	outAt    = vectorAt + 64
)

var types = map[rune]byte{'i': wt.I32, 'j': wt.I64, 'd': wt.F64}

// imported adds a function import with a signature of type letters.
func imported(p *wt.Policy, module, name, params, results string) uint32 {
	list := func(letters string) (out []byte) {
		for _, c := range letters {
			out = append(out, types[c])
		}
		return out
	}
	p.Imports = append(p.Imports, wt.Import{Module: module, Name: name, Params: list(params), Results: list(results)})
	return uint32(len(p.Imports) - 1)
}

func wasi(p *wt.Policy, name, params, results string) uint32 {
	return imported(p, "wasi_snapshot_preview1", name, params, results)
}

// Forged is how lines begin that guests try to add to the scheduler's log.
const Forged = "forged"

// words puts texts into memory for host functions to be called with.
func words(p *wt.Policy) {
	p.Text(strings.Repeat("all work and no\n"+Forged+"\n", 20))
	p.Data[nameAt], p.Data[reasonAt], p.Data[badAt] = []byte("floods"), []byte("Flood"), []byte("NAME\xff\n"+Forged)
}

// call is one call of a host function: arguments by code, and what it leaves.
type call struct {
	module, name, params, results string
	grant                         string
	args                          []byte
	// needs, if not nil, has the policy declare what the call is about.
	needs func(p *wt.Policy)
}

// calls is one correct call of each host function that does anything.
func calls() map[string]call {
	const wasi = "wasi_snapshot_preview1"
	text := wt.Code(wt.Const(wt.TextAt), wt.Const(400))
	name := wt.Code(wt.Const(nameAt), wt.Const(6))
	all := clusterCalls()
	maps.Copy(all, map[string]call{
		"log":   {module: abi.ImportModule, name: abi.ImportLog, params: "iii", grant: abi.CapabilityLog, args: wt.Code(wt.Const(abi.LogError), text)},
		"count": {module: abi.ImportModule, name: abi.ImportCount, params: "iij", grant: abi.CapabilityMetrics, args: wt.Code(name, wt.Const64(1<<62))},
		"gauge": {module: abi.ImportModule, name: abi.ImportGauge, params: "iid", grant: abi.CapabilityMetrics, args: wt.Code(name, wt.ConstF64(math.MaxFloat64))},
		"event": {
			module: abi.ImportModule, name: abi.ImportEvent, params: "iiiii", results: "i", grant: abi.CapabilityEvents,
			args: wt.Code(wt.Const(abi.EventWarning), wt.Const(reasonAt), wt.Const(5), text),
		},
		"clock":       {module: wasi, name: "clock_time_get", params: "iji", results: "i", grant: abi.CapabilityClock, args: wt.Code(wt.Const(1), wt.Const64(0), wt.Const(outAt))},
		"fake-clock":  {module: wasi, name: "clock_time_get", params: "iji", results: "i", args: wt.Code(wt.Const(0), wt.Const64(0), wt.Const(outAt))},
		"random":      {module: wasi, name: "random_get", params: "ii", results: "i", grant: abi.CapabilityRandom, args: wt.Code(wt.Const(outAt), wt.Const(2_000))},
		"fake-random": {module: wasi, name: "random_get", params: "ii", results: "i", args: wt.Code(wt.Const(outAt), wt.Const(2_000))},
		"sleep":       {module: wasi, name: "poll_oneoff", params: "iiii", results: "i", args: wt.Code(wt.Const(1<<17), wt.Const(1<<18), wt.Const(64), wt.Const(outAt))},
		"yield":       {module: wasi, name: "sched_yield", params: "", results: "i"},
		"environment": {module: wasi, name: "environ_sizes_get", params: "ii", results: "i", args: wt.Code(wt.Const(outAt), wt.Const(outAt+4))},
		"open": {
			module: wasi, name: "path_open", params: "iiiiijjii", results: "i",
			args: wt.Code(wt.Const(3), wt.Const(0), text, wt.Const(0), wt.Const64(-1), wt.Const64(-1), wt.Const(0), wt.Const(outAt)),
		},
	})
	return all
}

// floods call a host function without end, and so often that it is too much but within the
// limits of a call.
func floods() (out []behaviour) {
	for name, c := range calls() {
		out = append(out,
			behaviour{name: name + "-flood", want: outOfTime, onLoad: c.onLoad(), grants: granting(c), code: func(p *wt.Policy) []byte {
				return wt.Loop(c.code(p), wt.Br(0))
			}},
			behaviour{name: name + "-many", want: Outcome{}, onLoad: c.onLoad(), grants: granting(c), code: func(p *wt.Policy) []byte {
				return repeat(p, 20, c.code(p))
			}})
	}
	out = append(out,
		behaviour{name: "output-flood", want: outOfTime, code: func(p *wt.Policy) []byte {
			return wt.Loop(speech(p, wasi(p, "fd_write", "iiii", "i"), 1), wt.Br(0))
		}},
		behaviour{name: "output-many", want: Outcome{}, code: func(p *wt.Policy) []byte {
			write := wasi(p, "fd_write", "iiii", "i")
			return repeat(p, 20, speech(p, write, 1))
		}},
		behaviour{name: "metric-names-flood", want: Outcome{}, grants: []string{abi.CapabilityMetrics}, code: metricNames},
	)
	slices.SortFunc(out, func(a, b behaviour) int { return cmp.Compare(a.name, b.name) })
	return out
}

func granting(c call) []string {
	if c.grant == "" {
		return nil
	}
	return []string{c.grant}
}

// onLoad is what a call comes to before the policy has declared anything; nil if it declares nothing.
func (c call) onLoad() *Outcome {
	if c.needs == nil {
		return nil
	}
	want := faults(misuse)
	return &want
}

func (c call) code(p *wt.Policy) []byte {
	words(p)
	if c.needs != nil {
		c.needs(p)
	}
	f := imported(p, c.module, c.name, c.params, c.results)
	return wt.Code(c.args, wt.Call(f), droppedResults(c.results))
}

func droppedResults(results string) []byte { return slices.Repeat(wt.Drop(), len(results)) }

// speech writes a text n times to stderr.
func speech(p *wt.Policy, write uint32, n int) []byte {
	words(p)
	once := wt.Code(wt.Store(vectorAt, wt.TextAt), wt.Store(vectorAt+4, 400),
		wt.Const(2), wt.Const(vectorAt), wt.Const(1), wt.Const(outAt), wt.Call(write), wt.Drop())
	return slices.Repeat(once, n)
}

// metricNames counts under a thousand different names.
func metricNames(p *wt.Policy) []byte {
	words(p)
	f := imported(p, abi.ImportModule, abi.ImportCount, "iij", "")
	// Names of four letters.
	var all []byte
	for i := range 300 {
		letters := uint32('a'+i%26) | uint32('a'+i/26%26)<<8 | uint32('a'+i/676)<<16 | 'z'<<24
		all = append(all, wt.Code(wt.Store(nameAt, letters), wt.Const(nameAt), wt.Const(4), wt.Const64(1), wt.Call(f))...)
	}
	return all
}

// misuseCase is a call like a correct one, with other arguments.
type misuseCase struct {
	like string
	args []byte
	want Outcome
}

// misuses are calls with arguments that no correct guest passes.
func misuses() (out []behaviour) {
	list := clusterMisuses()
	maps.Copy(list, map[string]misuseCase{
		"log-outside":        {"log", wt.Code(wt.Const(1), wt.Const(0xfffffff0), wt.Const(5)), faults(misuse)},
		"log-negative":       {"log", wt.Code(wt.Const(1), wt.Const(wt.TextAt), wt.Const(0xffffffff)), faults(misuse)},
		"log-level":          {"log", wt.Code(wt.Const(99), wt.Const(wt.TextAt), wt.Const(5)), faults(misuse)},
		"log-256-kib":        {"log", wt.Code(wt.Const(3), wt.Const(0), wt.Const(1<<18)), Outcome{}},
		"log-junk":           {"log", wt.Code(wt.Const(3), wt.Const(badAt), wt.Const(12)), Outcome{}},
		"count-name":         {"count", wt.Code(wt.Const(badAt), wt.Const(12), wt.Const64(1)), faults(misuse)},
		"count-outside":      {"count", wt.Code(wt.Const(0xffffffff), wt.Const(2), wt.Const64(1)), faults(misuse)},
		"count-down":         {"count", wt.Code(wt.Const(nameAt), wt.Const(6), wt.Const64(math.MinInt64)), faults(misuse)},
		"count-without-name": {"count", wt.Code(wt.Const(nameAt), wt.Const(0), wt.Const64(1)), faults(misuse)},
		"count-giant-name":   {"count", wt.Code(wt.Const(0), wt.Const(1<<20), wt.Const64(1)), faults(misuse)},
		"gauge-nan":          {"gauge", wt.Code(wt.Const(nameAt), wt.Const(6), wt.ConstF64(math.NaN())), faults(misuse)},
		"gauge-infinity":     {"gauge", wt.Code(wt.Const(nameAt), wt.Const(6), wt.ConstF64(math.Inf(-1))), faults(misuse)},
		"event-type": {
			"event", wt.Code(wt.Const(7), wt.Const(reasonAt), wt.Const(5), wt.Const(wt.TextAt), wt.Const(5)), faults(misuse),
		},
		"event-reason": {
			"event", wt.Code(wt.Const(0), wt.Const(badAt), wt.Const(12), wt.Const(wt.TextAt), wt.Const(5)), faults(misuse),
		},
		"event-outside": {
			"event", wt.Code(wt.Const(0), wt.Const(reasonAt), wt.Const(5), wt.Const(wt.TextAt), wt.Const(0xffffffff)), faults(misuse),
		},
		"event-256-kib": {
			"event", wt.Code(wt.Const(0), wt.Const(reasonAt), wt.Const(5), wt.Const(0), wt.Const(1<<18)), Outcome{},
		},
		"clock-outside":  {"clock", wt.Code(wt.Const(0), wt.Const64(0), wt.Const(0xffffffff)), Outcome{}},
		"random-outside": {"random", wt.Code(wt.Const(0xfffffff0), wt.Const(0xffff)), Outcome{}},
		"random-giant":   {"random", wt.Code(wt.Const(0), wt.Const(0xffffffff)), Outcome{}},
		"sleep-giant":    {"sleep", wt.Code(wt.Const(0), wt.Const(0), wt.Const(0xffffffff), wt.Const(outAt)), Outcome{}},
		"sleep-outside":  {"sleep", wt.Code(wt.Const(0xffffff00), wt.Const(0), wt.Const(64), wt.Const(outAt)), Outcome{}},
		"write-vectors":  {"write", wt.Code(wt.Const(2), wt.Const(0), wt.Const(0xffffffff), wt.Const(outAt)), Outcome{}},
		"write-outside":  {"write", wt.Code(wt.Const(2), wt.Const(0xfffffff8), wt.Const(1), wt.Const(0xffffffff)), Outcome{}},
		"raise":          {"raise", wt.Const(9), faults(misuse)},
	})
	for name, c := range list {
		out = append(out, misusing(name, c.like, c.args, c.want))
	}
	slices.SortFunc(out, func(a, b behaviour) int { return cmp.Compare(a.name, b.name) })
	return out
}

func misusing(name, like string, args []byte, want Outcome) behaviour {
	c := calls()[like]
	switch like {
	case "write":
		c = call{module: "wasi_snapshot_preview1", name: "fd_write", params: "iiii", results: "i"}
	case "raise":
		c = call{module: "wasi_snapshot_preview1", name: "proc_raise", params: "i", results: "i"}
	}
	c.args = args
	return behaviour{name: "misused-" + name, want: want, grants: granting(c), code: c.code}
}

// selfCalls is guests that call their own exports while the host waits for one of them, which
// may be the same one.
func selfCalls() (out []behaviour) {
	for _, place := range []string{Describe, Configure, PreFilter, Filter, PreScore, Score, NormalizeScore} {
		out = append(out, behaviour{name: "calling-" + lower(place), want: Outcome{Result: Anything}, code: func(p *wt.Policy) []byte {
			return wt.Code(wt.Call(p.Index(Export(place))), wt.Drop())
		}})
	}
	return append(out,
		behaviour{name: "moving-its-windows", want: Outcome{Result: Anything}, code: func(p *wt.Policy) []byte {
			return wt.Code(wt.Const(abi.BufferWindow), wt.Const(1<<20), wt.Call(p.Index(abi.ExportBuffer)), wt.Drop())
		}})
}
