// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"fmt"
	"reflect"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

// mistyped finds methods that were meant for an extension point but have another signature,
// which Register cannot tell from methods that are the policy's own business.
func mistyped(policy any) []error {
	var errs []error
	have := reflect.TypeOf(policy)
	for _, want := range interfaces {
		if have.Implements(want) {
			continue
		}
		named := false
		for m := range want.Methods() {
			_, has := have.MethodByName(m.Name)
			named = named || has
		}
		if named {
			errs = append(errs, unused(have, want)...)
		}
	}
	return errs
}

// unused says why the methods of an interface that a policy has are not used.
func unused(have, want reflect.Type) (errs []error) {
	for m := range want.Methods() {
		got, has := have.MethodByName(m.Name)
		switch {
		case !has:
			errs = append(errs, fmt.Errorf("%s lacks %s, which stowage.%s has: %s", have, m.Name, want.Name(), m.Type))
		case !sameSignature(got, m):
			errs = append(errs, fmt.Errorf("method %s of %s is not used: it must be %s", m.Name, have, m.Type))
		}
	}
	return errs
}

// sameSignature compares a method, which has its receiver, with an interface's.
func sameSignature(method, want reflect.Method) bool {
	m, w := method.Type, want.Type
	if m.NumIn() != w.NumIn()+1 || m.NumOut() != w.NumOut() {
		return false
	}
	for i := range w.NumIn() {
		if m.In(i+1) != w.In(i) {
			return false
		}
	}
	for i := range w.NumOut() {
		if m.Out(i) != w.Out(i) {
			return false
		}
	}
	return true
}

// interfaces are those that Register looks for.
var interfaces = []reflect.Type{
	reflect.TypeFor[stowage.Configurer](),
	reflect.TypeFor[stowage.NeedsDeclarer](),
	reflect.TypeFor[stowage.CycleStarter](),
	reflect.TypeFor[stowage.ObjectsPlugin](),
	reflect.TypeFor[stowage.PreFilterPlugin](),
	reflect.TypeFor[stowage.FilterPlugin](),
	reflect.TypeFor[stowage.PreScorePlugin](),
	reflect.TypeFor[stowage.ScorePlugin](),
	reflect.TypeFor[stowage.NormalizeScorePlugin](),
	reflect.TypeFor[stowage.PodChangesPlugin](),
	reflect.TypeFor[stowage.PostFilterPlugin](),
	reflect.TypeFor[stowage.VictimRanker](),
	reflect.TypeFor[stowage.PreEnqueuePlugin](),
	reflect.TypeFor[stowage.QueueSortPlugin](),
	reflect.TypeFor[stowage.SignPlugin](),
	reflect.TypeFor[stowage.QueueingHintPlugin](),
	reflect.TypeFor[stowage.ReservePlugin](),
	reflect.TypeFor[stowage.PermitPlugin](),
	reflect.TypeFor[stowage.PreBindPreFlightPlugin](),
	reflect.TypeFor[stowage.PreBindPlugin](),
	reflect.TypeFor[stowage.BindPlugin](),
	reflect.TypeFor[stowage.PostBindPlugin](),
	reflect.TypeFor[stowage.GeneratePlacementsPlugin](),
	reflect.TypeFor[stowage.ScorePlacementPlugin](),
	reflect.TypeFor[stowage.PodGroupPostFilterPlugin](),
}
