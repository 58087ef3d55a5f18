// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/preemption"
)

// preemptor is what evicts pods for the policy. It is made with the plugin, because informers that it
// needs are started after that.
func (p *policy) preemptor() *preemption.Preemptor {
	if made := p.evictions.Load(); made != nil {
		return made
	}
	p.evictions.CompareAndSwap(nil, preemption.New(p.handle, preemption.Options{
		Name:   p.name,
		Rules:  preemption.Rules{Reclaim: slices.Contains(p.args.Capabilities, abi.CapabilityReclaim)},
		Failed: failed, Unhelpful: p.unhelpful, Hopeless: hopeless,
	}))
	return p.evictions.Load()
}

// preempting is the status of a pod that must not enter the scheduling queue, because pods are being
// evicted for it; nil if it may. It is called while the queue is locked.
func (p *policy) preempting(pod *v1.Pod) *fwk.Status {
	if p.shown.points&postFilterMask == 0 || !p.preemptor().Running(pod) {
		return nil
	}
	return evicting()
}

// plan is what a policy wants to do about a pod that fits nowhere, after it was checked.
type plan struct {
	// node is where the pod is nominated to; "" for nowhere.
	node string
	// victims may be nil.
	victims *preemption.Named
}

// planFor checks an answer to PostFilter about the nodes. What a policy must not do is its fault.
func (p *policy) planFor(ctx context.Context, pod *v1.Pod, answer *guest.Answer, nodes *candidates) (*plan, error) {
	made := &plan{}
	var err error
	if answer.Restricted {
		if made.node, err = nodes.nominated(answer.Subset); err != nil {
			return nil, err
		}
	}
	switch {
	case len(answer.Victims) > 0:
		made.victims, err = p.victims(ctx, abi.ExportPostFilter, preemption.Priority(pod), answer.Victims)
	case made.node == "":
		err = engine.Violation(abi.ExportPostFilter, "success without a node and without victims")
	}
	return made, err
}

// victims checks the pods that a policy wants to evict at an export, for a preemptor of a priority.
func (p *policy) victims(ctx context.Context, export string, priority int32, uids []string) (*preemption.Named, error) {
	named, err := p.preemptor().Name(ctx, priority, uids)
	if forbidden := (*preemption.ForbiddenError)(nil); errors.As(err, &forbidden) {
		return nil, engine.Violation(export, "%v", forbidden)
	}
	return named, err
}

// protected is why the victims are not evicted although they are allowed; "" if they are.
//
// The scheduler's own preemption breaks disruption budgets if there is no other way. A policy that
// names victims sees neither budgets nor other ways, so the host does not take its word for it: the
// pod is left to those that do, its own ranks among them.
func (p *policy) protected(named *preemption.Named) (string, error) {
	kept, err := p.preemptor().Protected(named)
	if err != nil || kept == nil {
		return "", err
	}
	return "a disruption budget protects pod " + kept.GetNamespace() + "/" + kept.GetName() + ", which it chose as a victim", nil
}

// candidates is the nodes that a policy is told of in PostFilter.
type candidates struct {
	policy *policy
	list   []fwk.NodeInfo
	batch  *batch
}

func (p *policy) newCandidates(a *attempt, list []fwk.NodeInfo) *candidates {
	return &candidates{p, list, p.batchOf(a, list)}
}

// nominated is the name of the node that a policy chose.
func (c *candidates) nominated(subset []uint32) (string, error) {
	if len(subset) != 1 {
		return "", engine.Violation(abi.ExportPostFilter, "%d nominated nodes, want at most 1", len(subset))
	}
	if i := slices.Index(c.batch.slots, subset[0]); i >= 0 {
		return c.list[i].Node().Name, nil
	}
	if name, ok := c.policy.store.NameAt(subset[0]); ok {
		return name, nil
	}
	return "", engine.Violation(abi.ExportPostFilter, "nominated slot %#x holds no node", subset[0])
}
