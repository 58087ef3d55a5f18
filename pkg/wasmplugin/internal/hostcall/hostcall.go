// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hostcall is what a guest may ask of the host: one table of all host functions, each
// behind a capability or a stub that gives nothing away. There is no other way out of a guest.
//
// It knows nothing of the runtime that runs the guests. Whoever registers the table calls a
// Function with the guest's parameters on a stack, and ends the guest if that returns an error.
// Every function is bounded: whatever a guest passes, a call takes at most as long as it takes to make
// 1 MiB of random bytes, never blocks, and touches no memory outside of the guest's own.
//
// Ownership: a Services belongs to a policy and is shared by its instances, from any goroutine.
// A Caller belongs to one instance and is for one goroutine at a time. Neither needs closing.
package hostcall

import "slices"

// Type of a parameter or result, numbered as in the Wasm binary format.
type Type byte

// Types that host functions use.
const (
	I32 Type = 0x7f
	I64 Type = 0x7e
	F64 Type = 0x7c
)

// Function is one host function.
type Function struct {
	Module, Name    string
	Params, Results []Type
	// Capability that a policy needs to import it. Empty for stubs, which tell a guest nothing
	// and do nothing for it unless it has the capability that makes them real.
	Capability string
	// Call takes the parameters from the start of the stack and leaves the result there. The
	// stack has room for whichever are more. An error ends the guest: it is an *Exit or wraps
	// ErrMisuse.
	Call func(c *Caller, stack []uint64) error
}

// table is fixed; Table hands out copies of it.
var table = gated(slices.Concat(functions, wasiFunctions()))

// Table is every host function that there is.
func Table() []Function { return slices.Clone(table) }

// gated makes each function check its capability again when it is called. A module without it
// is refused when it is loaded; this is for the day on which that check has a hole.
func gated(functions []Function) []Function {
	for i, f := range functions {
		functions[i].Call = func(c *Caller, stack []uint64) error {
			c.cost += callCost
			if f.Capability != "" && !c.granted[f.Capability] {
				return misuse(f.Name, "capability %q is not granted", f.Capability)
			}
			return f.Call(c, stack)
		}
	}
	return functions
}

// types reads a list of types: i is I32, j is I64, d is F64.
func types(letters string) []Type {
	out := make([]Type, 0, len(letters))
	for _, l := range letters {
		out = append(out, map[rune]Type{'i': I32, 'j': I64, 'd': F64}[l])
	}
	return out
}
