// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of Fault, for errors.Is.
var (
	// ErrTrap is a trap: unreachable, an access out of bounds, a division by zero, ...
	ErrTrap = errors.New("trap")
	// ErrFuel is a guest that used up its fuel.
	ErrFuel = errors.New("fuel exhausted")
	// ErrDeadline is a guest that was not done in time.
	ErrDeadline = errors.New("deadline exceeded")
	// ErrCanceled is a guest that was ended because nobody needs its answer any more.
	ErrCanceled = errors.New("canceled")
	// ErrMemory is a guest that ended after it was refused more memory.
	ErrMemory = errors.New("out of memory")
	// ErrStack is a guest that called too deeply.
	ErrStack = errors.New("stack overflow")
	// ErrExit is a guest that ended itself, as Go does after a panic.
	ErrExit = errors.New("exit")
	// ErrABI is a guest that broke the contract: a result out of range, an address outside of
	// its memory, an unknown code.
	ErrABI = errors.New("ABI violation")
	// ErrHostCall is a guest that called a host function with arguments that it must not have.
	ErrHostCall = errors.New("host call misuse")
)

// Fault is a failure that the guest did not choose. Its instance must be discarded.
type Fault struct {
	// Kind is one of the Err variables.
	Kind error
	// Call is the export during which it happened.
	Call string
	// Err is the cause.
	Err error
	// Trace is the guest's stack, innermost function first, one a line. Lines are cut at maxLine:
	// functions have the names that the module gives them.
	Trace string
	// Output is the end of what the guest wrote to stdout and stderr.
	Output string
}

// Error says what happened where, in one line: it becomes a pod's status and event.
func (f *Fault) Error() string {
	s := fmt.Sprintf("%s in %s: %s", f.Kind, f.Call, shorten(f.Err.Error()))
	if f.Output != "" {
		s += " (guest output: " + shorten(f.Output) + ")"
	}
	return s
}

// maxLine is the most bytes of a cause or an output in one line; all of it is in the log.
const maxLine = 300

// shorten is the first line, cut at maxLine.
func shorten(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + "..."
	}
	return line
}

// shortenLines cuts each line at maxLine. wazero gives 30 at most.
func shortenLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = shorten(line)
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.Is the kind and the cause.
func (f *Fault) Unwrap() []error { return []error{f.Kind, f.Err} }

// fault makes a Fault of what wazero returned.
func (i *Instance) fault(call string, err error) *Fault {
	f := &Fault{Call: call, Output: i.caller.Output()}
	f.Kind, f.Err = i.judge(err)
	if _, trace, ok := strings.Cut(err.Error(), "wasm stack trace:\n"); ok {
		f.Trace = shortenLines(strings.ReplaceAll(trace, "\t", ""))
	}
	return f
}

// judge tells the kind of a failure, and its cause without what wazero adds.
func (i *Instance) judge(err error) (kind, cause error) {
	kind, cause = ErrTrap, errors.New(shorten(err.Error()))
	stop := (*stopped)(nil)
	if errors.As(err, &stop) {
		kind, cause = stop.kind, stop
	}
	byItself := stop == nil || errors.Is(kind, ErrExit)
	switch {
	case byItself && i.overflowed(err):
		return ErrStack, errors.New("it calls too deeply")
	case byItself && i.memory.refused:
		return ErrMemory, fmt.Errorf("it was refused more than %d bytes: %w", i.memory.taken, cause)
	}
	return kind, cause
}

// overflowed tells whether the guest's own stack limit or wazero's was reached.
func (i *Instance) overflowed(err error) bool {
	counted := i.gauge.stack != nil && int64(i.gauge.stack.Get()) < 0
	return counted || strings.HasPrefix(err.Error(), "stack overflow")
}

// Violation is the fault of a guest that broke the contract.
func Violation(call, format string, args ...any) *Fault {
	return &Fault{Kind: ErrABI, Call: call, Err: fmt.Errorf(format, args...)}
}
