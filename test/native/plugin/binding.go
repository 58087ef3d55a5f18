// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/test/native/rules"
)

// Reserve notes the node's zone and how many pods that has with this one.
func (pl *Plugin) Reserve(_ context.Context, cycle fwk.CycleState, pod *v1.Pod, name string) *fwk.Status {
	info, err := pl.handle.SnapshotSharedLister().NodeInfos().Get(name)
	if err != nil {
		return fwk.AsStatus(err)
	}
	if have := stateOf(cycle); have != nil {
		s := *have
		s.zone = info.Node().Labels[rules.ZoneLabel]
		s.Reserve(s.zone)
		cycle.Write(stateKey, &s)
	}
	return rejected(rules.Refuse(podOf(pod), "Reserve", name, rules.ReasonReserve))
}

// Unreserve has nothing to take back: all that Reserve did is in the cycle's state.
func (*Plugin) Unreserve(context.Context, fwk.CycleState, *v1.Pod, string) {}

// Permit lets the pod pass, or not.
func (*Plugin) Permit(_ context.Context, _ fwk.CycleState, pod *v1.Pod, name string) (*fwk.Status, time.Duration) {
	return rejected(rules.Refuse(podOf(pod), "Permit", name, rules.ReasonPermit)), 0
}

// PreBindPreFlight leaves out pods without a state.
func (*Plugin) PreBindPreFlight(_ context.Context, cycle fwk.CycleState, _ *v1.Pod, _ string) (*fwk.PreBindPreFlightResult, *fwk.Status) {
	if stateOf(cycle) == nil {
		return nil, fwk.NewStatus(fwk.Skip)
	}
	return nil, nil
}

var errState = errors.New(rules.ReasonState)

// PreBind checks that the state is Reserve's.
func (*Plugin) PreBind(_ context.Context, cycle fwk.CycleState, _ *v1.Pod, _ string) *fwk.Status {
	if s := stateOf(cycle); !s.Kept(s.zone) {
		return fwk.AsStatus(errState)
	}
	return nil
}
