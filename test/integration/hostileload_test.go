// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// podWatch remembers what became of each pod, and when it was seen.
type podWatch struct {
	mu       sync.Mutex // guards outcomes
	outcomes map[string]podOutcome
}

// podOutcome is that a pod has a node, or why it has none.
type podOutcome struct {
	at      time.Time
	placed  bool
	message string
}

func watchPods(t *testing.T, c *cluster.Cluster) *podWatch {
	t.Helper()
	p := &podWatch{outcomes: map[string]podOutcome{}}
	factory := informers.NewSharedInformerFactory(c.Client(), 0)
	pods := factory.Core().V1().Pods().Informer()
	_, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(pod any) { p.see(pod.(*corev1.Pod)) },
		UpdateFunc: func(_, pod any) { p.see(pod.(*corev1.Pod)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(t.Context().Done())
	t.Cleanup(factory.Shutdown)
	if !cache.WaitForCacheSync(t.Context().Done(), pods.HasSynced) {
		t.Fatal("the pods cannot be watched")
	}
	return p
}

// see keeps the first outcome of a pod, which may be that it was refused and placed later.
func (p *podWatch) see(pod *corev1.Pod) {
	message := cluster.Unschedulable(pod)
	if message == "" && pod.Spec.NodeName == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, seen := p.outcomes[pod.Name]; !seen {
		p.outcomes[pod.Name] = podOutcome{time.Now(), pod.Spec.NodeName != "", message}
	}
}

func (p *podWatch) get(name string) (podOutcome, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.outcomes[name]
	return o, ok
}

// outcome waits for that of a pod, until a time unless the scheduler ends before.
func (p *podWatch) outcome(name string, until time.Time, ended <-chan struct{}) (podOutcome, bool) {
	limit := time.After(time.Until(until))
	for {
		if o, ok := p.get(name); ok {
			return o, true
		}
		select {
		case <-ended:
			return podOutcome{}, false
		case <-limit:
			return podOutcome{}, false
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// goodLoad is pods of a well-behaved profile that are created at a steady pace, however long it
// takes to place them.
type goodLoad struct {
	t         *testing.T
	scheduler *cluster.Scheduler
	watched   *podWatch
	quit      context.CancelFunc
	done      sync.WaitGroup

	mu      sync.Mutex // guards created
	created map[string]time.Time
}

func startGood(t *testing.T, c *cluster.Cluster, s *cluster.Scheduler, watched *podWatch, prefix string) *goodLoad {
	g := &goodLoad{t: t, scheduler: s, watched: watched, created: map[string]time.Time{}}
	ctx, quit := context.WithCancel(t.Context())
	g.quit = quit
	t.Cleanup(g.stop)
	g.done.Go(func() {
		tick := time.NewTicker(goodPace)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				g.done.Go(func() { g.create(c, fmt.Sprint(prefix, i), string(rune('a'+i%3))) })
			}
		}
	})
	return g
}

func (g *goodLoad) create(c *cluster.Cluster, name, zone string) {
	begin := time.Now()
	_, err := c.Client().CoreV1().Pods("default").Create(g.t.Context(), pod(name, "good", "1m", inZone(zone)), metav1.CreateOptions{})
	if err != nil {
		g.t.Errorf("creating pod %s: %v", name, err)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.created[name] = begin
}

func (g *goodLoad) stop() {
	g.quit()
	g.done.Wait()
}

// latencies is how long the pods took that were created in a period. Each must have been placed.
func (g *goodLoad) latencies(from, to time.Time) (all []time.Duration) {
	g.t.Helper()
	until := time.Now().Add(patience)
	for name, begin := range g.created {
		if begin.Before(from) || begin.After(to) {
			continue
		}
		o, ok := g.watched.outcome(name, until, g.scheduler.Done())
		if !ok || !o.placed {
			g.t.Errorf("good pod %s was not placed: %q", name, strings.TrimSpace(o.message))
			continue
		}
		all = append(all, o.at.Sub(begin))
	}
	return all
}
