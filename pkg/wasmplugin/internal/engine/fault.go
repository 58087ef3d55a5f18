// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero/sys"
)

// Kinds of Fault, for errors.Is.
var (
	// ErrTrap is a trap: unreachable, an access out of bounds, a stack overflow, ...
	ErrTrap = errors.New("trap")
	// ErrExit is a guest that ended itself, as Go does after a panic.
	ErrExit = errors.New("exit")
	// ErrABI is a guest that broke the contract: a result out of range, an address outside of
	// its memory, an unknown code.
	ErrABI = errors.New("ABI violation")
)

// Fault is a failure that the guest did not choose. Its instance must be discarded.
type Fault struct {
	// Kind is one of the Err variables.
	Kind error
	// Call is the export during which it happened.
	Call string
	// Err is the cause, with the guest's stack if there is one.
	Err error
	// Output is the end of what the guest wrote to stdout and stderr.
	Output string
}

// Error says what happened where, in one line: it becomes a pod's status and event.
func (f *Fault) Error() string {
	s := fmt.Sprintf("%s in %s: %s", f.Kind, f.Call, firstLine(f.Err.Error()))
	if f.Output != "" {
		s += " (guest output: " + firstLine(f.Output) + ")"
	}
	return s
}

// Detail is everything known, with stacks, for the log.
func (f *Fault) Detail() string {
	return fmt.Sprintf("%s in %s: %v\nguest output:\n%s", f.Kind, f.Call, f.Err, f.Output)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// Unwrap gives errors.Is the kind and the cause.
func (f *Fault) Unwrap() []error { return []error{f.Kind, f.Err} }

func newFault(call string, err error, out *tail) *Fault {
	kind := ErrTrap
	if exit := (*sys.ExitError)(nil); errors.As(err, &exit) {
		kind = ErrExit
	}
	return &Fault{Kind: kind, Call: call, Err: err, Output: out.take()}
}

// Violation is the fault of a guest that broke the contract.
func Violation(call, format string, args ...any) *Fault {
	return &Fault{Kind: ErrABI, Call: call, Err: fmt.Errorf(format, args...)}
}

// maxOutput is how many bytes of output are kept for a fault: a Go panic with a short stack.
const maxOutput = 2 << 10

// tail keeps the end of what a guest writes. The mutex guards buf: wazero may flush on close
// while the fault is being made.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write never fails and never keeps more than maxOutput bytes.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p[max(0, len(p)-maxOutput):]...)
	t.buf = t.buf[max(0, len(t.buf)-maxOutput):]
	return len(p), nil
}

func (t *tail) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := strings.ToValidUTF8(strings.TrimSpace(string(t.buf)), "?")
	t.buf = nil
	return s
}
