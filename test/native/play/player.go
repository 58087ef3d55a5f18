// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package play makes a workload of test/native/workload happen on a cluster, one operation at a time: it
// waits until the scheduler is at rest before the next. So what the scheduler does depends on the workload
// alone, and not on which goroutine or process of the cluster is the faster one.
//
// At rest means: nothing in activeQ, backoffQ or between, no preemption under way, and every change that was
// made has been handled. It is told by the scheduler's own metrics, compared with what a watch has seen.
//
// Time comes in at one place. A pod that failed is backing off for one to two seconds, and one that an event
// wakes in that time comes after those that are not backing off, whatever their priorities. So an operation
// that may wake pods waits until the last failure among them is old enough.
//
// A Player is for one goroutine. It owns its watches; Close ends them.
package play

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"github.com/stowage-scheduler/stowage/test/cluster"
	"github.com/stowage-scheduler/stowage/test/native/workload"
)

// Player makes things happen on one cluster.
type Player struct {
	cluster   *cluster.Cluster
	scheduler *cluster.Scheduler
	metrics   *scraper
	client    kubernetes.Interface
	store     *store
	done      expected
	// failed is when a pod of an application was rejected last; that of "" is of any.
	failed  map[string]time.Time
	at      reading
	skipped int
	// Rests and Waited are how often the scheduler came to rest, and how long wakes had to wait.
	Rests  int
	Waited time.Duration
}

// expected is how many changes the scheduler has to hear of.
type expected struct{ created, nodesAdded, nodesRemoved, labels, taints, released int }

// New makes the cluster's nodes and priority classes, starts the scheduler and waits until it is at rest.
func New(ctx context.Context, c *cluster.Cluster, o cluster.SchedulerOptions, w *workload.Workload) (*Player, error) {
	client, err := newClient(c)
	if err != nil {
		return nil, err
	}
	p := &Player{cluster: c, client: client, failed: map[string]time.Time{}}
	for _, class := range w.Classes {
		if _, err := p.client.SchedulingV1().PriorityClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil {
			return nil, fmt.Errorf("creating priority class %s: %w", class.Name, err)
		}
	}
	if err := c.CreateNodes(ctx, w.Nodes...); err != nil {
		return nil, err
	}
	p.done.nodesAdded = len(w.Nodes)
	if p.store, err = newStore(ctx, p.client); err != nil {
		return nil, err
	}
	if err := p.start(ctx, o); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// newClient is one that spends less than the cluster's own: it does not speak JSON.
func newClient(c *cluster.Cluster) (kubernetes.Interface, error) {
	config := c.RESTConfig()
	config.ContentType, config.DisableCompression = runtime.ContentTypeProtobuf, true
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return client, nil
}

// Close ends the watches.
func (p *Player) Close() { p.store.close() }

// Play makes a phase happen.
func (p *Player) Play(ctx context.Context, phase workload.Phase) error {
	for i, op := range phase {
		if err := p.play(ctx, op); err != nil {
			return fmt.Errorf("operation %d, %s: %w", i, op, err)
		}
	}
	return nil
}

func (p *Player) play(ctx context.Context, op workload.Op) error {
	switch {
	case op.Create != nil:
		return p.create(ctx, op.Create)
	case op.Preempt != nil:
		return p.preempt(ctx, op.Preempt)
	case op.Release != nil:
		return p.release(ctx, op.Release)
	case op.Delete != nil:
		return p.delete(ctx, op.Delete)
	case op.AddNode != nil:
		return p.addNode(ctx, op.AddNode)
	case op.RemoveNode != "":
		return p.removeNode(ctx, op.RemoveNode)
	case op.Label != nil:
		return p.label(ctx, op.Label)
	}
	return p.taint(ctx, op.Taint)
}

// backoff is for how many whole seconds a pod is backing off that failed in a second.
const backoff = 2 * time.Second

// beforeWaking waits until no pod of the application is backing off; of any, if it is "".
func (p *Player) beforeWaking(app string) {
	last := p.failed[""]
	if app == "" {
		for _, t := range p.failed {
			last = later(last, t)
		}
	}
	last = later(last, p.failed[app])
	if wait := time.Until(last.Truncate(time.Second).Add(backoff + 20*time.Millisecond)); wait > 0 {
		time.Sleep(wait)
		p.Waited += wait
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// after waits for the scheduler, and notes whether pods of the applications failed.
func (p *Player) after(ctx context.Context, apps ...string) error {
	before := p.at.failures()
	if err := p.rest(ctx); err != nil {
		return err
	}
	if p.at.failures() != before {
		for _, app := range apps {
			p.failed[app] = time.Now()
		}
	}
	return nil
}
