// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Selector is requirements that must all hold. matchLabels are requirements with OpIn.
type Selector struct {
	v       *view
	list    abi.List
	present bool
}

// Present tells a selector that is empty, and matches everything, from one that is not there,
// and matches nothing.
func (s Selector) Present() bool { return s.present }

// Requirements of the selector.
func (s Selector) Requirements() iter.Seq[Requirement] {
	return seq(s.v, always, s.list, abi.RecordExpression, newRequirement)
}

// Matches reports whether labels satisfy the selector, by Kubernetes' rules.
func (s Selector) Matches(labels Labels) bool {
	for r := range s.Requirements() {
		if value, ok := labels.Get(r.Key()); !r.matches(value, ok) {
			return false
		}
	}
	return s.present
}

// Requirement on one key.
type Requirement struct {
	v   *view
	rec *abi.Expression
}

func newRequirement(v *view, e *abi.Expression) Requirement { return Requirement{v, e} }

// Key that the requirement is about.
func (r Requirement) Key() string { return r.v.str(r.rec.Key) }

// Operator of the requirement.
func (r Requirement) Operator() Operator { return Operator(r.rec.Op) }

// Values that the operator takes.
func (r Requirement) Values() iter.Seq[string] { return stringsOf(r.v, r.rec.Values) }

func (r Requirement) matches(value string, ok bool) bool {
	switch op := r.Operator(); op {
	case OpExists:
		return ok
	case OpDoesNotExist:
		return !ok
	case OpIn:
		return ok && r.has(value)
	case OpNotIn:
		return !ok || !r.has(value)
	case OpGt, OpLt:
		for want := range r.Values() {
			return ok && compare(value, op, want)
		}
	}
	return false
}

func (r Requirement) has(value string) bool {
	for v := range r.Values() {
		if v == value {
			return true
		}
	}
	return false
}
