// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
)

// running is a generation as attempts hold it. An attempt asks the one that it began with until it is over,
// which the framework tells nobody; so the garbage collector does: once nothing holds a generation that
// was replaced, its guests are closed. Only what may ask guests for an attempt may hold it, and nothing that
// guests hold.
type running struct{ *loaded }

// retired is generations that were replaced and whose guests are not closed yet.
type retired struct {
	closing sync.WaitGroup

	mu  sync.Mutex // guards all
	all map[*loaded]struct{}
}

func (r *retired) add(l *loaded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[*loaded]struct{}{}
	}
	r.all[l] = struct{}{}
}

// take removes a generation, whose taker says Done when it is closed; false if somebody else did.
func (r *retired) take(l *loaded) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.all[l]
	if ok {
		delete(r.all, l)
		r.closing.Add(1)
	}
	return ok
}

// count is how many there are.
func (r *retired) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// closeAll closes their guests, each when its call has ended.
func (r *retired) closeAll() error {
	r.mu.Lock()
	all := r.all
	r.all = nil
	r.mu.Unlock()
	var errs []error
	for l := range all {
		errs = append(errs, l.close(context.Background()))
	}
	r.closing.Wait()
	return errors.Join(errs...)
}

// previousFor is how long a scheduling cycle may need the previous generation.
const previousFor = 10 * time.Second

// activate makes a module the one that new attempts ask, unless the framework would have to call more than
// it was shown.
func (p *policy) activate(l *loaded) error {
	p.shown.mu.Lock()
	defer p.shown.mu.Unlock()
	if err := p.checkShown(l); err != nil {
		return err
	}
	now := &running{l}
	old := p.module.Load()
	p.answered.Or(uint64(l.about.Points))
	p.previous.Store(old)
	p.module.Store(now)
	p.queueing.memory.Store(nil)
	// What broke was the generation before.
	p.breaker.Reset(p.host.cycles.Add(1))
	p.queueing.respite.reset()
	if old != nil {
		p.replace(old)
	}
	return nil
}

// mayActivate tells whether the framework would have to call more than it was shown.
func (p *policy) mayActivate(l *loaded) error {
	p.shown.mu.Lock()
	defer p.shown.mu.Unlock()
	return p.checkShown(l)
}

// replace has a generation closed when nothing holds it any more.
func (p *policy) replace(old *running) {
	r, logger, count := &p.retired, p.logger, p.loading.Retired
	r.add(old.loaded)
	count(r.count())
	runtime.AddCleanup(old, func(l *loaded) {
		// Closing waits for nobody, but cleanups share a goroutine.
		go func() {
			if !r.take(l) {
				return
			}
			defer r.closing.Done()
			count(r.count())
			if err := l.close(context.Background()); err != nil {
				logger.Error(err, "Closing a generation that was replaced", "generation", l.number)
			}
		}()
	}, old.loaded)
	// The timer must not keep the generation alive that it is about.
	number := old.number
	time.AfterFunc(previousFor, func() { p.letGo(number) })
}

// letGo forgets a previous generation. The garbage collector does not see guests' memory, and would let them wait
// for as long as the scheduler itself allocates little.
func (p *policy) letGo(number int) {
	if r := p.previous.Load(); r != nil && r.number == number {
		p.previous.CompareAndSwap(r, nil)
	}
	if p.retired.count() > 0 {
		p.host.collect()
	}
}

// showable is the generation that can be shown the parts of nodes that the store has in this cycle: the given one
// or, if that came in the middle of the cycle and reads more, the previous one. Nil if there is none.
func (p *policy) showable(now *running, parts abi.Parts) *running {
	for _, r := range []*running{now, p.previous.Load()} {
		if r != nil && r.about.Reads&^parts == 0 {
			return r
		}
	}
	return nil
}

// mayAnswer tells whether an attempt may be with a generation, of the policy or of its canary, that answers any of
// the points. Once it was yes it is never no again: the framework asks before each call, and takes two answers to
// be the same.
func (p *policy) mayAnswer(points abi.Points) bool {
	all := p.answered.Load()
	if p.canary != nil {
		all |= p.canary.answered.Load()
	}
	if p.shadow != nil {
		all |= p.shadow.answered.Load() & uint64(abi.PointPodChanges)
	}
	return abi.Points(all)&points != 0
}

// shown is what the framework was shown of a plugin, which stays: a policy and its canary share it.
type shown struct {
	// mu guards what follows, and a policy's module against it.
	mu sync.Mutex
	// points is those that the framework can call; 0 before it was shown any.
	points abi.Points
	// events is those that it was asked to tell of; nil before it was.
	events map[fwk.EventResource]fwk.ActionType
}

// beside is what a module may answer whatever the framework was shown.
const beside = abi.PointSign | abi.PointQueueingHint | abi.PointObjects

// checkShown tells whether the framework calls all that a module answers, and hears of all events that it
// asks for: it was shown both when the scheduler started. The caller holds the lock of shown.
func (p *policy) checkShown(l *loaded) error {
	answers := l.exposes()
	switch {
	case p.monitored:
		answers &= filterMask | scoreMask
	case p.plugin != nil:
		answers &^= wholeMask // which a canary is not asked
	}
	if missing := answers &^ (p.shown.points | beside); p.shown.points != 0 && missing != 0 {
		return fmt.Errorf("%w: it answers %s, which the policy did not when the scheduler started", generation.ErrRestart, groupNames(missing))
	}
	if p.shown.events == nil {
		return nil
	}
	events, err := p.registrations(l)
	if err != nil {
		return err
	}
	for _, e := range events {
		if missing := e.Event.ActionType &^ p.shown.heard(e.Event.Resource); missing != 0 {
			return fmt.Errorf("%w: it asks for events of %s, which the policy did not when the scheduler started", generation.ErrRestart, e.Event.Resource)
		}
	}
	return nil
}

// heard is the actions that the framework hears of. Events of pods in general are those of all kinds of them.
func (s *shown) heard(r fwk.EventResource) fwk.ActionType {
	if !slices.Contains(podResources, r) {
		return s.events[r]
	}
	all := s.events[fwk.Pod]
	if r != fwk.Pod {
		return all | s.events[r]
	}
	return all | s.events[fwk.AssignedPod]&s.events[fwk.UnscheduledPod]&s.events[fwk.TargetPod]
}

// note keeps what the framework hears of. The caller holds mu.
func (s *shown) note(events []fwk.ClusterEventWithHint) {
	s.events = map[fwk.EventResource]fwk.ActionType{}
	for _, e := range events {
		s.events[e.Event.Resource] |= e.Event.ActionType
	}
}

// groupNames are what people call groups of points.
func groupNames(points abi.Points) string {
	var names []string
	for i, name := range []string{"Filter", "Score", "PreEnqueue", "QueueSort", "PostFilter", "Reserve to PostBind", "GeneratePlacements", "ScorePlacement"} {
		if points&groups[i] != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
