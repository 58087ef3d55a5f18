// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"
	"strconv"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Effect of a taint or toleration.
type Effect uint32

// Effects. EffectAll is a toleration's that names none.
const (
	EffectAll              = Effect(abi.EffectAll)
	EffectNoSchedule       = Effect(abi.EffectNoSchedule)
	EffectPreferNoSchedule = Effect(abi.EffectPreferNoSchedule)
	EffectNoExecute        = Effect(abi.EffectNoExecute)
)

// String is Kubernetes' name of the effect, "" for EffectAll.
func (e Effect) String() string {
	return name(e, "", "NoSchedule", "PreferNoSchedule", "NoExecute")
}

// Operator of a toleration or a requirement.
type Operator uint32

// Operators.
const (
	OpIn           = Operator(abi.OpIn)
	OpNotIn        = Operator(abi.OpNotIn)
	OpExists       = Operator(abi.OpExists)
	OpDoesNotExist = Operator(abi.OpDoesNotExist)
	OpGt           = Operator(abi.OpGt)
	OpLt           = Operator(abi.OpLt)
	OpEqual        = Operator(abi.OpEqual)
)

// String is Kubernetes' name of the operator.
func (o Operator) String() string {
	return name(o, "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Equal")
}

// Toleration of a pod.
type Toleration struct {
	Key, Value string
	Operator   Operator
	Effect     Effect
	seconds    int64
}

// Seconds is how long the taint is tolerated; ok is false if that does not end.
func (t Toleration) Seconds() (seconds int64, ok bool) { return t.seconds, t.seconds >= 0 }

// Tolerates reports whether the toleration covers a taint, by Kubernetes' rules.
func (t Toleration) Tolerates(taint Taint) bool {
	if t.Effect != EffectAll && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
		return false
	}
	switch t.Operator {
	case OpExists:
		return true
	case OpEqual:
		return t.Value == taint.Value
	case OpGt, OpLt:
		return compare(taint.Value, t.Operator, t.Value)
	}
	return false
}

// Tolerations of the pod. It needs ReadPodTolerations.
func (p *Pod) Tolerations() iter.Seq[Toleration] {
	return seq(p.v, ReadPodTolerations, p.rec.Tolerations, abi.RecordToleration, newToleration)
}

func newToleration(v *view, t *abi.Toleration) Toleration {
	return Toleration{v.str(t.Key), v.str(t.Value), Operator(t.Op), Effect(t.Effect), t.Seconds}
}

// Tolerates reports whether the pod tolerates a taint. It needs ReadPodTolerations.
func (p *Pod) Tolerates(taint Taint) bool {
	p.v.need(ReadPodTolerations)
	for t := range p.Tolerations() {
		if t.Tolerates(taint) {
			return true
		}
	}
	return false
}

// compare is "a Gt b" or "a Lt b" on integers; false if either is none.
func compare(a string, op Operator, b string) bool {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX != nil || errY != nil {
		return false
	}
	return op == OpGt && x > y || op == OpLt && x < y
}
