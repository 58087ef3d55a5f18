// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"errors"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/breaker"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// Failures that are not a guest's fault in a call. Those that are, are of type *engine.Fault.
var (
	errMissing    = errors.New("the policy has no working module")
	errLate       = errors.New("the policy's module was loaded during this scheduling attempt")
	errOpen       = errors.New("the policy is not asked, because it broke down too often")
	errNoTimeLeft = errors.New("the time for policies in a scheduling attempt")
)

// kinds is the words for each kind of failure in metrics and logs.
var kinds = []struct {
	err  error
	kind string
}{
	{engine.ErrFuel, "fuel"},
	{engine.ErrDeadline, "deadline"},
	{engine.ErrMemory, "memory"},
	{engine.ErrStack, "stack"},
	{engine.ErrExit, "exit"},
	{engine.ErrABI, "abi"},
	{engine.ErrHostCall, "host_call"},
	{engine.ErrTrap, "trap"},
	{errMissing, "missing_module"},
	{errOpen, "circuit_open"},
	{errNoTimeLeft, "no_time_left"},
	{errLate, "missing_module"},
	{guest.ErrStarting, "starting"},
	{guest.ErrBusy, "busy"},
}

func kindOf(err error) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return "host"
}

// result is the word for the outcome of a call in metrics.
func result(err error) string {
	switch {
	case err == nil:
		return "success"
	case errors.Is(err, engine.ErrCanceled):
		return "canceled"
	}
	return "fault"
}

// admit finds out whether the policy can be asked in an attempt, or for the queue or binding beside it.
func (p *policy) admit(a *attempt, beside bool) error {
	p.subject.Store(a.pod)
	if a.module = p.module.Load(); a.module == nil {
		return p.missing()
	}
	// A policy that breaks down in each cycle must not be saved by what goes well for the queue, of which
	// there is more.
	admits := p.breaker.Admit
	if beside && a.module.about.Has(filterMask|scoreMask) {
		admits = p.breaker.AdmitBeside
	}
	if !admits(a.id) {
		return errOpen
	}
	return nil
}

// report makes a failure known. It is called once for each guest that broke down, and once for
// each attempt in which the policy could not be asked.
func (p *policy) report(at *point, a *attempt, err error) {
	p.metrics.Fault(at.name, kindOf(err))
	if fault := (*engine.Fault)(nil); errors.As(err, &fault) && a.module != nil {
		p.logFault(at, a, fault)
	} else {
		p.logger.V(2).Info("Policy was not asked", "point", at.name, "pod", klog.KObj(a.pod), "cause", err.Error())
	}
	if a.module != nil && blames(err) {
		p.subject.Store(a.pod)
		p.breaker.Fault(a.id, string(a.pod.UID))
	}
	if p.ignoreFaults {
		p.event(a.pod, v1.EventTypeWarning, "PolicyIgnored", "Policy "+p.id+" was ignored: "+err.Error())
	}
}

// strayFault makes a fault known that happened outside of any attempt. It is the policy's all the
// same, but no pod's: the breaker does not count it.
func (p *policy) strayFault(at *point, err error) {
	p.metrics.Fault(at.name, kindOf(err))
	p.logger.Error(err, "Policy broke down; its guest is replaced", "point", at.name, "kind", kindOf(err))
}

// idleFault is that of a guest that collected its garbage.
func (p *policy) idleFault(err error) { p.strayFault(idlePoint, err) }

// blames tells whether a failure is the policy's own doing, so that its breaker counts it.
func blames(err error) bool {
	fault, refusal := (*engine.Fault)(nil), (*guest.ConfigError)(nil)
	return errors.As(err, &fault) || errors.As(err, &refusal) || errors.Is(err, guest.ErrStarting)
}

func (p *policy) logFault(at *point, a *attempt, fault *engine.Fault) {
	p.logger.Error(nil, "Policy broke down; its guest is replaced",
		"point", at.name, "pod", klog.KObj(a.pod), "generation", a.module.number, "module", a.module.digest,
		"kind", kindOf(fault), "cause", fault.Err.Error(), "call", fault.Call,
		"stack", strings.Split(fault.Trace, "\n"), "output", fault.Output)
}

// breakerChanged tells people that the policy is not asked any more, or again.
func (p *policy) breakerChanged(_, to breaker.State) {
	p.metrics.Breaker(int32(to))
	p.logger.Info("Circuit breaker changed", "state", to.String())
	pod := p.subject.Load()
	switch {
	case pod == nil:
	case to == breaker.Open:
		p.event(pod, v1.EventTypeWarning, "PolicyCircuitOpened", "Policy "+p.id+" is not asked for a while, because it broke down too often; until then "+p.meanwhile())
	case to == breaker.Closed:
		p.event(pod, v1.EventTypeNormal, "PolicyCircuitClosed", "Policy "+p.id+" works again")
	}
}

// meanwhile is what failurePolicy makes of pods.
func (p *policy) meanwhile() string {
	switch {
	case p.monitored:
		return "nothing is monitored"
	case p.ignoreFaults:
		return "pods are placed without it"
	}
	return "its pods are not placed"
}

// event records an event on a pod. Only the policy's own name is in it besides the note, never
// another pod's.
func (p *policy) event(pod *v1.Pod, kind, reason, note string) {
	if recorder := p.handle.EventRecorder(); recorder != nil {
		recorder.Eventf(pod, nil, kind, reason, "Scheduling", "%s", cut(note, maxNote))
	}
}

// maxNote is the most bytes of an event's note that the API server takes.
const maxNote = 1024

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-3], "") + "..."
}
