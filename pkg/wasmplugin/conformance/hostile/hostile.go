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

// Points is the extension points.
func Points() []string { return []string{PreFilter, Filter, PreScore, Score, NormalizeScore} }

// exports is what the host calls in each place; a start function has no name.
var exports = map[string]string{
	Initialize: abi.ExportInitialize, Describe: abi.ExportDescribe, Buffer: abi.ExportBuffer, Configure: abi.ExportConfigure,
	PreFilter: abi.ExportPreFilter, Filter: abi.ExportFilter, PreScore: abi.ExportPreScore, Score: abi.ExportScore,
	NormalizeScore: abi.ExportNormalizeScore,
}

// Export is the export that the host calls in a place; empty for Start.
func Export(place string) string { return exports[place] }

// Guest is a module with what must come of it.
type Guest struct {
	// Name is unique, of letters, digits and dashes in lower case.
	Name string
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
	switch g.Want.Result {
	case Harmless:
		return true, true
	case Refused, LoadFault, Fault:
		return ignoreFaults, true
	case Rejected:
		return false, true
	case Anything:
	}
	return false, false
}

// Explains tells whether a message about a pod that is not placed says enough: which kind of
// fault it was, in which call, and whatever else the outcome wants to be said.
func (g Guest) Explains(message string) bool {
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
		everywhere(endless()), everywhere(recursions()), everywhere(traps()), everywhere(exits()),
		everywhere(memories()), everywhere(floods()), everywhere(misuses()), everywhere(selfCalls()),
		overwrites(), codes(), texts(), states(), subsets(), verdicts(), scores(), buffers(), descriptors(), unloadable(),
	)
}

// behaviour is something to do in any place.
type behaviour struct {
	name   string
	grants []string
	want   Outcome
	// code leaves nothing on the stack, may add to the policy, and must not use parameters.
	code func(p *wt.Policy) []byte
}

func everywhere(list []behaviour) (out []Guest) {
	for _, b := range list {
		for _, place := range slices.Concat(OnLoad(), Points()) {
			out = append(out, b.in(place))
		}
	}
	return out
}

// in makes a guest that misbehaves in one place, and goes on there as it should if it still can.
func (b behaviour) in(place string) Guest {
	return guest(b.name, place, b.want.in(place), b.grants, func(p *wt.Policy) {
		// Room is taken before the code is made, which may refer to functions by index.
		if place == Start {
			p.Funcs = append(p.Funcs, wt.Func{})
			p.Funcs[0].Body = b.code(p)
			p.Start = uint32(len(p.Imports)) + 1
			return
		}
		export := exports[place]
		regular := p.Bodies[export]
		p.Body(export, regular)
		p.Body(export, b.code(p), regular)
	})
}

// guest changes a well-behaved policy.
func guest(name, place string, want Outcome, grants []string, change func(p *wt.Policy)) Guest {
	return Guest{Name: name + "-in-" + lower(place), Where: place, Capabilities: grants, Want: want, Wasm: func() []byte {
		p := goodPolicy()
		change(p)
		return p.Bytes()
	}}
}
