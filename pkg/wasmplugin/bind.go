// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// bindPoints answers what comes after a node has been chosen: Reserve, Unreserve, Permit,
// PreBindPreFlight, PreBind, Bind and PostBind.
type bindPoints struct{ policy *policy }

// binding is a policy's part of placing a pod on the chosen node, in the CycleState. Its guests see
// no snapshot, which goes on without it, but the node as it was when it was chosen. The framework
// makes one call of it at a time, in the scheduling cycle and then in the pod's binding cycle.
type binding struct {
	attempt *attempt
	node    guest.Batch
	// waitsFor is the key that Permit gave; "" if the pod was not made to wait.
	waitsFor string
}

// Clone shares the binding.
func (b *binding) Clone() fwk.StateData { return b }

// chosen is the binding of the CycleState for the node, which begins with the first call about it.
// That is in the scheduling cycle, since every plugin with any of these points has Reserve.
func (p *policy) chosen(at *point, state fwk.CycleState, pod *v1.Pod, node string) *binding {
	if data, err := state.Read(p.bindKey); err == nil {
		return data.(*binding)
	}
	b := &binding{attempt: p.brief(at, pod, forBinding, p.deadline)}
	p.describe(b, state, node)
	state.Write(p.bindKey, b)
	return b
}

// describe makes the record of the node, and takes the policy's state over.
func (p *policy) describe(b *binding, state fwk.CycleState, node string) {
	a := b.attempt
	if old := p.decidedIn(state); old != nil && old.module != nil && a.failure() == nil {
		if old.module != a.module {
			// The generation that chose the node goes on.
			a.module = old.module
			p.equip(a, forBinding(a.module.loaded), p.store.EncodePod(a.pod, a.module.about.Reads))
		}
		a.cycle.State = old.cycle.State
	}
	if a.module == nil || a.pool == nil {
		return
	}
	info, err := p.handle.SnapshotSharedLister().NodeInfos().Get(node)
	if err != nil {
		a.fail(fmt.Errorf("looking at the chosen node: %w", err))
		return
	}
	s := snapshot.NewDetached(p.store, a.reads())
	slot := s.Add(info)
	b.node = guest.Batch{Slots: []uint32{slot}, ScratchTable: s.Table(), ScratchData: s.Data()}
	if state.IsPodGroupSchedulingCycle() {
		b.node.Flags |= abi.FrameSimulated
	}
}

// decidedIn is the attempt that chose the node, if the policy filters or scores.
func (p *policy) decidedIn(state fwk.CycleState) *attempt {
	if data, err := state.Read(p.filterKey); err == nil {
		return data.(*attempt)
	}
	if data, err := state.Read(p.scoreKey); err == nil {
		return data.(*scoring).attempt
	}
	return nil
}

// askChosen makes a call about the chosen node and keeps the state that it leaves. Verdict is Success
// if the policy does not answer the point.
func (p *policy) askChosen(ctx context.Context, at *point, points abi.Points, call *guest.Call, b *binding) (answer guest.Answer, err error) {
	if !b.attempt.answers(points) {
		return answer, nil
	}
	if answer, err = p.ask(ctx, at, b.attempt, call, b.node); err == nil && answer.State != nil {
		p.setState(b.attempt, answer.State)
	}
	return answer, err
}

// settle is askChosen for points that accept or reject the pod.
func (p *policy) settle(ctx context.Context, at *point, points abi.Points, call *guest.Call, b *binding) *fwk.Status {
	answer, err := p.askChosen(ctx, at, points, call, b)
	if err != nil {
		return p.faulted(at, err)
	}
	return p.judged(b.attempt, &answer.Verdict)
}

// Reserve asks the policy before the pod takes the node.
func (bp bindPoints) Reserve(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string) *fwk.Status {
	p := bp.policy.in(state, pod)
	// A CycleState whose Reserve was taken back may be used again, for another node.
	state.Delete(p.bindKey)
	p.host.reserve(pod, node)
	return p.settle(ctx, reservePoint, abi.PointReserve, guest.Reserve, p.chosen(reservePoint, state, pod, node))
}

// Unreserve tells the policy that the pod does not take the node. It may come without Reserve, and
// from a binding cycle.
func (bp bindPoints) Unreserve(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string) {
	p := bp.policy.in(state, pod)
	p.host.unreserve(pod, node)
	data, err := state.Read(p.bindKey)
	if err != nil {
		return
	}
	b := data.(*binding)
	state.Delete(p.bindKey)
	p.waiting.drop(b.waitsFor, pod.UID)
	// It undoes what Reserve left, whatever failed since.
	if _, err := p.askChosen(ctx, unreservePoint, abi.PointReserve, guest.Unreserve, b.again(p)); err != nil {
		p.logger.V(2).Info("Policy was not told of Unreserve", "pod", pod.Name, "cause", err.Error())
	}
}

// again is the binding for a call beside the others, or after one that failed.
func (b *binding) again(p *policy) *binding {
	if b.attempt.module == nil {
		return b
	}
	a := p.withState(b.attempt, b.attempt.cycle.State)
	a.life, a.clock = &life{}, &clock{}
	return &binding{attempt: a, node: b.node}
}

// PreBindPreFlight tells whether the policy has anything to do in PreBind.
func (bp bindPoints) PreBindPreFlight(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string) (*fwk.PreBindPreFlightResult, *fwk.Status) {
	p := bp.policy.in(state, pod)
	b := p.chosen(preBindPreFlightPoint, state, pod, node)
	if !b.attempt.answers(abi.PointPreBind) {
		return nil, skipped()
	}
	answer, err := p.askChosen(ctx, preBindPreFlightPoint, abi.PointPreBindPreFlight, guest.PreBindPreFlight, b)
	if err != nil {
		return nil, p.faulted(preBindPreFlightPoint, err)
	}
	// Guests have no time for input and output, so there is nothing to gain from running beside others.
	return nil, p.decided(&answer.Verdict)
}

// PreBind asks the policy before the pod is bound.
func (bp bindPoints) PreBind(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string) *fwk.Status {
	p := bp.policy.in(state, pod)
	return p.settle(ctx, preBindPoint, abi.PointPreBind, guest.PreBind, p.chosen(preBindPoint, state, pod, node))
}

// Bind binds the pod if the policy wants to, with the annotations that it gives.
func (bp bindPoints) Bind(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string) *fwk.Status {
	p := bp.policy.in(state, pod)
	b := p.chosen(bindPoint, state, pod, node)
	if !b.attempt.answers(abi.PointBind) {
		return skipped()
	}
	answer, err := p.askChosen(ctx, bindPoint, abi.PointBind, guest.Bind, b)
	if err != nil {
		return p.faulted(bindPoint, err)
	}
	if answer.Code == abi.Success {
		err = p.bind(ctx, pod, node, answer.Annotations)
	}
	if err != nil {
		return failed(err)
	}
	return p.decided(&answer.Verdict)
}

var errNoClient = errors.New("there is no client for the API server")

// bind is what the framework's own plugin does, with annotations: the API server adds those of a
// binding to the pod.
func (p *policy) bind(ctx context.Context, pod *v1.Pod, node string, annotations map[string]string) error {
	client := p.handle.ClientSet()
	if client == nil {
		return errNoClient
	}
	return client.CoreV1().Pods(pod.Namespace).Bind(ctx, &v1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, Annotations: annotations},
		Target:     v1.ObjectReference{Kind: "Node", Name: node},
	}, metav1.CreateOptions{})
}

// PostBind tells the policy that the pod is bound.
func (bp bindPoints) PostBind(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string) {
	p := bp.policy.in(state, pod)
	b := p.chosen(postBindPoint, state, pod, node)
	p.waiting.drop(b.waitsFor, pod.UID)
	if _, err := p.askChosen(ctx, postBindPoint, abi.PointPostBind, guest.PostBind, b); err != nil {
		p.logger.V(2).Info("Policy was not told of PostBind", "pod", pod.Name, "cause", err.Error())
	}
}
