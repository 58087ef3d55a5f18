// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// codes translates the codes that a guest may choose. The guest package has checked them;
// what is not here is an error, never a code that the framework does not know.
var codes = map[abi.Code]fwk.Code{
	abi.Success:                      fwk.Success,
	abi.Error:                        fwk.Error,
	abi.Unschedulable:                fwk.Unschedulable,
	abi.UnschedulableAndUnresolvable: fwk.UnschedulableAndUnresolvable,
	abi.Wait:                         fwk.Wait,
	abi.Skip:                         fwk.Skip,
}

// unsigned is the status of a pod that no batch may contain.
func unsigned(reason string) *fwk.Status { return fwk.NewStatus(fwk.Unschedulable, reason) }

// outcome is what a verdict means to the framework, made once for all nodes that share it.
type outcome struct {
	code    fwk.Code
	reasons []string
}

// outcome translates a verdict. A rejection names the policy, because the framework's message
// to the user ("0/5 nodes are available: 3 ...") has room for nothing but reasons; with an
// error the framework gives the name itself. About is what was rejected, in such a message.
func (p *policy) outcome(v *guest.Verdict, about string) *outcome {
	code, ok := codes[v.Code]
	if !ok {
		code = fwk.Error
	}
	switch {
	case code == fwk.Unschedulable || code == fwk.UnschedulableAndUnresolvable:
		reason := about + "rejected by " + p.name
		if v.Reason != "" {
			reason += ": " + v.Reason
		}
		return &outcome{code, []string{reason}}
	case v.Reason != "":
		return &outcome{code, []string{v.Reason}}
	}
	return &outcome{code: code}
}

// size is how many bytes the reasons have.
func (o *outcome) size() (n int) {
	for _, reason := range o.reasons {
		n += len(reason)
	}
	return n
}

// short is the outcome with a reason that all nodes share.
func (o *outcome) short() *outcome { return &outcome{o.code, []string{tooManyReasons}} }

const tooManyReasons = "node(s) for which a policy has more different reasons than fit (limits.resultSize)"

// Words for what was rejected.
const (
	aboutNode = "node(s) "
	aboutPod  = "pod "
)

// status returns a new status: the framework writes to them. They may share the reasons, which
// it only appends to.
func (o *outcome) status() *fwk.Status {
	if o.code == fwk.Success {
		return nil
	}
	return fwk.NewStatus(o.code, o.reasons...)
}

// judged is the status for a verdict on the pod in an attempt, of which a rejection is noted.
func (p *policy) judged(a *attempt, v *guest.Verdict) *fwk.Status {
	s := p.decided(v)
	if s.IsRejected() {
		p.noteRejection(a)
	}
	return s
}

// decided is the status for a verdict on the pod.
func (p *policy) decided(v *guest.Verdict) *fwk.Status { return p.outcome(v, aboutPod).status() }

// faulted is the status for a failure that the guest did not choose.
func (p *policy) faulted(at *point, err error) *fwk.Status {
	if p.ignoreFaults {
		return (&outcome{code: at.ignored}).status()
	}
	return fwk.AsStatus(err)
}

// rejection is the message for a waiting pod that the policy rejects.
func (p *policy) rejection(reason string) string {
	o := p.outcome(&guest.Verdict{Code: abi.Unschedulable, Reason: reason}, aboutPod)
	return o.reasons[0]
}

// failed is the status for a failure of the host's own.
func failed(err error) *fwk.Status { return fwk.AsStatus(err) }

// skipped is the status of a policy that has nothing to do in an attempt.
func skipped() *fwk.Status { return fwk.NewStatus(fwk.Skip) }

// canceled is the status for a node that nobody asks about any more.
func canceled(ctx context.Context) *fwk.Status {
	return fwk.NewStatus(fwk.UnschedulableAndUnresolvable, context.Cause(ctx).Error())
}

// unhelpful is the status of a PostFilter that found no way: others may.
func (p *policy) unhelpful(reason string) *fwk.Status {
	return fwk.NewStatus(fwk.Unschedulable, p.name+": "+reason)
}

// hopeless is the status of a node on which evicting pods does not help.
func hopeless(reason string) *fwk.Status {
	return fwk.NewStatus(fwk.UnschedulableAndUnresolvable, reason)
}

// evicting is the status of a pod that must wait for the evictions that it caused.
func evicting() *fwk.Status {
	return hopeless("waiting for the preemption for this pod to be finished")
}

// preempted is a status of the scheduler's own preemption, which says what it is about.
func (p *policy) preempted(s *fwk.Status) *fwk.Status {
	if s.Message() == "" {
		return s
	}
	return fwk.NewStatus(s.Code(), p.name+": preemption: "+s.Message())
}
