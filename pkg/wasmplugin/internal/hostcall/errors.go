// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"errors"
	"fmt"
)

// ErrMisuse marks the call of a host function with arguments that it does not take.
var ErrMisuse = errors.New("host-call misuse")

// Misuse says which function was called with what. It wraps ErrMisuse.
type Misuse struct {
	Function, Problem string
}

// Error names the function and its argument.
func (m *Misuse) Error() string { return m.Function + ": " + m.Problem }

// Unwrap is for errors.Is.
func (*Misuse) Unwrap() error { return ErrMisuse }

func misuse(function, format string, args ...any) error {
	return &Misuse{Function: function, Problem: fmt.Sprintf(format, args...)}
}

// Exit is a guest that ended itself with proc_exit.
type Exit struct {
	Code uint32
}

// Error says with which code.
func (e *Exit) Error() string { return fmt.Sprintf("the guest exited with code %d", e.Code) }
