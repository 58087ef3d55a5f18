// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/metrics"
)

// start loads the module. It waits for that, but not for long: compiling can take a while, and
// whoever makes modules must not hold up the scheduler's start. If there is no module by then it
// goes on in the background, and follows the sources, until the context ends or the policy is
// closed.
func (p *policy) start(ctx context.Context) error {
	opts, err := p.sourcing()
	if err != nil {
		return err
	}
	p.pipeline = generation.New(p, opts)
	ctx, p.stop = context.WithCancel(ctx)
	tried := make(chan struct{})
	p.loader.Go(func() { p.pipeline.Run(ctx, func() { close(tried) }) })
	select {
	case <-tried:
	case <-time.After(p.host.patience):
		p.logger.Info("Policy takes long to load; its failurePolicy decides about pods meanwhile", "failurePolicy", p.args.FailurePolicy)
	}
	return nil
}

// startAll starts the policy and what is beside it in the plugin, all at a time.
func (p *policy) startAll(ctx context.Context) error {
	all := []*policy{p}
	if c := p.args.Canary; c != nil {
		canary, err := p.newCanary(c)
		if err != nil {
			return err
		}
		p.canary, p.plugin, canary.plugin = canary, p, p
		all = append(all, canary.policy)
	}
	if s := p.args.Shadow; s != nil {
		p.shadow = p.newShadow(s)
		all = append(all, p.shadow.policy)
	}
	errs := make([]error, len(all))
	var starting sync.WaitGroup
	for i, q := range all {
		starting.Go(func() { errs[i] = q.start(ctx) })
	}
	starting.Wait()
	return errors.Join(errs...)
}

// loadingChanged makes known that a generation was activated, or why one was not. The pipeline calls it.
func (p *policy) loadingChanged(now generation.Status, problem error) {
	p.countLoading(now, problem)
	switch {
	case errors.Is(problem, generation.ErrMemory):
		p.logger.Info("What works cannot be remembered for the next start", "cause", problem.Error())
	case problem == nil && now.Active.Generation == p.announced:
	case problem == nil:
		p.announced = now.Active.Generation
		p.announce(now, v1.EventTypeNormal, "PolicyActivated", activatedNote(now))
		p.tryAllAgain()
	case now.Active != nil:
		p.logger.Error(problem, "Policy cannot be replaced; its current generation stays", "generation", now.Active.Generation, "reason", now.Reason)
		p.announce(now, v1.EventTypeWarning, "PolicyRejected", "generation "+fmt.Sprint(now.Active.Generation)+" stays: "+problem.Error())
	default:
		p.logger.Error(problem, "Policy cannot be loaded; its failurePolicy decides about pods meanwhile", "failurePolicy", p.args.FailurePolicy, "reason", now.Reason)
		p.announce(now, v1.EventTypeWarning, "PolicyRejected", "it has no module, "+p.meanwhile()+": "+problem.Error())
	}
}

// countLoading has the metrics follow.
func (p *policy) countLoading(now generation.Status, problem error) {
	g := metrics.Generation{State: string(now.State), Candidate: now.Candidate, Problem: now.Reason}
	if a := now.Active; a != nil {
		g.Active, g.Digest, g.Since = a.Generation, a.Digest, a.Since
	}
	p.loading.Show(g)
	switch {
	case errors.Is(problem, generation.ErrMemory):
	case problem != nil:
		p.loading.Rejected(now.Reason)
	case now.Active.Generation != p.announced:
		p.loading.Activated()
	}
}

// announceAfter is how long after a policy is made events about it can be recorded: the scheduler begins to once
// all plugins are made.
const announceAfter = 5 * time.Second

// announce records an event about the policy itself, on what stands for the scheduler.
func (p *policy) announce(now generation.Status, kind, reason, note string) {
	recorder, self := p.handle.EventRecorder(), p.host.self
	if recorder == nil || self == nil {
		return
	}
	note = cut("Policy "+p.id+" of profile "+p.handle.ProfileName()+": "+strings.ReplaceAll(note, "\n", "; "), maxNote)
	// Events that differ in nothing but the note become one, with the first one's note.
	action := cut(fmt.Sprintf("Load/%d/%s/%s", now.Activated+now.Rejected, p.handle.ProfileName(), p.id), maxAction)
	time.AfterFunc(time.Until(p.born.Add(announceAfter)), func() {
		recorder.Eventf(self, nil, kind, reason, action, "%s", note)
	})
}

// maxAction is the most bytes of an event's action that the API server takes.
const maxAction = 128

func activatedNote(now generation.Status) string {
	note := fmt.Sprintf("generation %d is active: module sha256:%s", now.Active.Generation, now.Active.Digest)
	if len(now.Active.Signers) > 0 {
		note += ", signed by " + strings.Join(now.Active.Signers, ", ")
	}
	if now.Active.Remembered {
		note += ", as it was when it worked last, because its source cannot be read: " + now.Problem
	}
	return note
}

// tryAllAgain has all pods tried that the profile has not placed: what the policy decided before may not
// be what it decides now, and no event tells the framework.
func (p *policy) tryAllAgain() {
	if p.monitored || !p.exposedYet() {
		return
	}
	pods, err := p.handle.SharedInformerFactory().Core().V1().Pods().Lister().List(labels.Everything())
	if err != nil {
		return // a cache has no errors
	}
	for _, pod := range pods {
		if pod.Spec.NodeName == "" && pod.Spec.SchedulerName == p.handle.ProfileName() && pod.DeletionTimestamp == nil {
			p.wake(pod, 0)
		}
	}
}

// exposedYet tells whether the framework has the plugin. Before there is no queue to wake pods in.
func (p *policy) exposedYet() bool {
	p.shown.mu.Lock()
	defer p.shown.mu.Unlock()
	return p.shown.points != 0
}

// missing is the failure of a policy without a module. It does not wrap why there is none: that
// may be a guest's fault, but it is not the fault of this attempt.
func (p *policy) missing() error {
	if problem := p.pipeline.Status().Problem; problem != "" {
		// It goes into events, which have no lines.
		return fmt.Errorf("%w: %s", errMissing, strings.ReplaceAll(problem, "\n", "; "))
	}
	return errMissing
}
