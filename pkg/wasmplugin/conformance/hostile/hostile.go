// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hostile generates guests that mean harm or are broken, each with what it must come to.
// Tests run them through the host, and test/integration through a scheduler on a real control
// plane.
//
// A behaviour that needs nothing of the place it runs in is made into a guest for each place
// where a guest runs at all. Re-entrancy is here as guests that call their own exports; a host
// function never calls back into a guest, so there is no other form of it.
//
// The corpus is the same in every process. Everything may be called concurrently.
package hostile

import (
	"slices"
	"strings"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Places where a guest runs.
const (
	Start          = "start"
	Initialize     = "initialize"
	Describe       = "describe"
	Buffer         = "buffer"
	Configure      = "configure"
	PreFilter      = "PreFilter"
	Filter         = "Filter"
	PreScore       = "PreScore"
	Score          = "Score"
	NormalizeScore = "NormalizeScore"
)

// OnLoad is the places that a guest passes before it is ever asked about a pod.
func OnLoad() []string { return []string{Start, Initialize, Describe, Buffer, Configure} }

// Points is the extension points of filtering and scoring; see Later for the others.
func Points() []string { return []string{PreFilter, Filter, PreScore, Score, NormalizeScore} }

// exports is what the host calls in each place; a start function has no name.
var exports = map[string]string{
	Initialize: abi.ExportInitialize, Describe: abi.ExportDescribe, Buffer: abi.ExportBuffer, Configure: abi.ExportConfigure,
	PreFilter: abi.ExportPreFilter, Filter: abi.ExportFilter, PreScore: abi.ExportPreScore, Score: abi.ExportScore,
	NormalizeScore: abi.ExportNormalizeScore,
}

// Export is the export that the host calls in a place; empty for Start.
func Export(place string) string {
	if l, ok := places[place]; ok {
		return l.export
	}
	return exports[place]
}

// Guest is a module with what must come of it.
type Guest struct {
	// Name is unique, of letters, digits and dashes in lower case.
	Name string
	// Family is a word for what it does.
	Family string
	// Where is the place in which the guest misbehaves; empty for bytes that are not a guest.
	Where string
	// Wasm makes the module.
	Wasm func() []byte
	// Capabilities to grant.
	Capabilities []string
	Want         Outcome
}

// Result is what a guest comes to.
type Result int

// Results.
const (
	// Harmless guests decide like any other.
	Harmless Result = iota
	// Refused modules must not be loaded, with Outcome.Text in the error.
	Refused
	// LoadFault guests break down before they are asked about a pod.
	LoadFault
	// Fault guests break down at the extension point Guest.Where.
	Fault
	// Rejected pods are not scheduled because the guest says so, within its rights.
	Rejected
	// Waiting pods wait at Permit because the guest says so.
	Waiting
	// Anything may happen to the pod; only the host must not suffer.
	Anything
)

// Outcome is what must come of a guest.
type Outcome struct {
	Result Result
	// Text is in the error or in the pod's message.
	Text string
	// Kinds is which kinds of fault it may be; usually one, but which limit is hit first may
	// depend on the machine.
	Kinds []string
}

// Kinds of fault, as in messages.
const (
	trap      = "trap"
	fuel      = "fuel exhausted"
	deadline  = "deadline exceeded"
	memory    = "out of memory"
	stack     = "stack overflow"
	exit      = "exit"
	violation = "ABI violation"
	misuse    = "host call misuse"
)

func faults(kinds ...string) Outcome { return Outcome{Result: Fault, Kinds: kinds} }

// saying adds a text to an outcome.
func (o Outcome) saying(text string) Outcome {
	o.Text = text
	return o
}

// in is what a fault in a place comes to.
func (o Outcome) in(place string) Outcome {
	if o.Result == Fault && slices.Contains(OnLoad(), place) {
		o.Result = LoadFault
	}
	return o
}

// Placed tells whether a pod of the guest's profile is scheduled; known is false if it may or
// may not be.
func (g Guest) Placed(ignoreFaults bool) (placed, known bool) {
	if g.Late() && g.Want.Result != Anything && g.Want.Result != Refused {
		return false, true
	}
	switch g.Want.Result {
	case Harmless:
		return true, true
	case Refused, LoadFault:
		return ignoreFaults, true
	case Fault:
		return ignoreFaults || g.Silent(), true
	case Rejected:
		return false, true
	case Waiting, Anything:
	}
	return false, false
}

// Late tells whether the guest misbehaves where pods come that are not placed anyway.
func (g Guest) Late() bool {
	l, ok := places[g.Where]
	return ok && (l.harm == late || l.harm == unheard)
}

// Silent tells whether nobody but the log and the metrics hears of a fault where the guest misbehaves.
func (g Guest) Silent() bool {
	l, ok := places[g.Where]
	return ok && (l.harm == silent || l.harm == unheard)
}

// Explains tells whether a message about a pod that is not placed says enough: which kind of
// fault it was, in which call, and whatever else the outcome wants to be said.
func (g Guest) Explains(ignoreFaults bool, message string) bool {
	if g.Late() && g.Want.Result != Refused && (ignoreFaults || g.Silent()) {
		// It is about why the pod came there.
		return true
	}
	if !strings.Contains(message, g.Want.Text) {
		return false
	}
	if len(g.Want.Kinds) == 0 {
		return true
	}
	call := Export(g.Where)
	if g.Where == Start || g.Where == Initialize {
		call = "instantiate"
	}
	return slices.ContainsFunc(g.Want.Kinds, func(kind string) bool { return strings.Contains(message, kind+" in "+call) })
}

// Corpus is all guests.
func Corpus() []Guest {
	return slices.Concat(
		of("endless", everywhere(endless())), of("recursion", everywhere(recursions())), of("trap", everywhere(traps())),
		of("exit", everywhere(exits())), of("memory", everywhere(memories())), of("flood", everywhere(floods())),
		of("misuse", everywhere(misuses())), of("self-call", everywhere(selfCalls()), reentrant()),
		of("overwrite", overwrites()), of("code", codes(), indecisive()), of("text", texts()),
		of("state", states(), blobs()), of("choice", subsets(), nominations()), of("verdict", verdicts()),
		of("score", scores(), placementScores(), ranks()), of("victim", victims()), of("wait", waits()),
		of("annotation", annotations()), of("placement", placements()),
		of("buffer", buffers()), of("descriptor", descriptors()), of("need", needs(), onlyOnce()),
		of("module", unloadable(), ungranted()),
	)
}

// of names the family of guests.
func of(family string, lists ...[]Guest) []Guest {
	all := slices.Concat(lists...)
	for i := range all {
		all[i].Family = family
	}
	return all
}

// behaviour is something to do in any place.
type behaviour struct {
	name   string
	grants []string
	want   Outcome
	// onLoad, if not nil, is what comes of it while the guest is loaded.
	onLoad *Outcome
	// code leaves nothing on the stack, may add to the policy, and must not use parameters.
	code func(p *wt.Policy) []byte
}

// typical is a behaviour of each family, for places that are not core.
var typical = []string{
	"empty-loop", "call-tree", "recursion", "recursion-with-many-locals", "unreachable", "trap-with-forged-names",
	"exit-1", "exit-after-a-long-speech", "memory-growth", "memory-hoarding", "output-flood", "log-flood", "log-many",
	"event-flood", "reject-flood", "wake-flood", "wake-many", "set-flood", "random-flood",
	"misused-log-outside", "misused-wake-negative", "misused-set-giant-key", "calling-describe", "moving-its-windows",
}

func everywhere(list []behaviour) (out []Guest) {
	for _, b := range list {
		where := slices.Concat(OnLoad(), Points(), core())
		if slices.Contains(typical, b.name) {
			where = slices.Concat(OnLoad(), Points(), Later())
		}
		for _, place := range where {
			out = append(out, b.in(place))
		}
	}
	return out
}

// wants is what a behaviour comes to in a place.
func (b behaviour) wants(place string) Outcome {
	want := b.want
	if b.onLoad != nil && slices.Contains(OnLoad(), place) {
		want = *b.onLoad
	}
	if queued(place) && len(want.Kinds) > 0 {
		// There is little fuel for what takes much of it.
		want.Kinds = append(slices.Clip(want.Kinds), fuel)
	}
	return want.in(place)
}

// in makes a guest that misbehaves in one place, and goes on there as it should if it still can.
func (b behaviour) in(place string) Guest {
	return guest(b.name, place, b.wants(place), b.grants, func(p *wt.Policy) {
		// Room is taken before the code is made, which may refer to functions by index.
		if place == Start {
			p.Funcs = append(p.Funcs, wt.Func{})
			p.Funcs[0].Body = b.code(p)
			p.Start = uint32(len(p.Imports)) + 1
			return
		}
		export := Export(place)
		regular := p.Bodies[export]
		p.Body(export, regular)
		p.Body(export, b.code(p), regular)
	})
}

// guest changes a well-behaved policy.
func guest(name, place string, want Outcome, grants []string, change func(p *wt.Policy)) Guest {
	l, later := places[place]
	if queued(place) && len(want.Kinds) > 0 {
		want.Kinds = append(slices.Clip(want.Kinds), deadline)
	}
	grants = slices.Concat(grants, l.grants)
	return Guest{Name: name + "-in-" + lower(place), Where: place, Capabilities: unique(grants), Want: want, Wasm: func() []byte {
		p := goodPolicy()
		if later {
			l.enter(p)
		}
		change(p)
		return p.Bytes()
	}}
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// Told tells whether anybody says of a pod that is not placed why: PreEnqueue has no way to.
func (g Guest) Told(ignoreFaults bool) bool {
	return g.Where != PreEnqueue || ignoreFaults || g.Want.Result == Harmless
}
