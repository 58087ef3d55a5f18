// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// decision is where a pod went.
type decision struct {
	pod, node string
	// asked is when the pod was created, and seen when it was seen to have a node.
	asked, seen time.Time
}

func (d decision) took() time.Duration { return d.seen.Sub(d.asked) }

// flow is pods that come at a steady pace and are deleted once they have a node.
type flow struct {
	t       *testing.T
	cluster *cluster.Cluster
	quit    context.CancelFunc
	working sync.WaitGroup

	mu      sync.Mutex // guards what follows
	waiting map[string]time.Time
	placed  []decision
	refused []string
}

// startFlow creates a pod in each pace until stop is called or the test ends.
func startFlow(t *testing.T, c *cluster.Cluster, pace time.Duration, labels map[string]string) *flow {
	t.Helper()
	f := &flow{t: t, cluster: c, waiting: map[string]time.Time{}}
	f.watch()
	ctx, quit := context.WithCancel(t.Context())
	f.quit = quit
	f.working.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				f.working.Go(func() { f.create(pod(fmt.Sprintf("flow-%d", i), "stowage", "1m", labels)) })
			}
		}
	})
	t.Cleanup(func() { quit(); f.working.Wait() })
	return f
}

func (f *flow) watch() {
	f.t.Helper()
	factory := informers.NewSharedInformerFactory(f.cluster.Client(), 0)
	pods := factory.Core().V1().Pods().Informer()
	_, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(pod any) { f.see(pod.(*corev1.Pod)) },
		UpdateFunc: func(_, pod any) { f.see(pod.(*corev1.Pod)) },
	})
	if err != nil {
		f.t.Fatal(err)
	}
	factory.Start(f.t.Context().Done())
	f.t.Cleanup(factory.Shutdown)
	if !cache.WaitForCacheSync(f.t.Context().Done(), pods.HasSynced) {
		f.t.Fatal("the pods cannot be watched")
	}
}

func (f *flow) create(p *corev1.Pod) {
	f.mu.Lock()
	f.waiting[p.Name] = time.Now()
	f.mu.Unlock()
	if _, err := f.cluster.Client().CoreV1().Pods(p.Namespace).Create(f.t.Context(), p, metav1.CreateOptions{}); err != nil {
		f.t.Errorf("creating pod %s: %v", p.Name, err)
	}
}

// see keeps what became of a pod. The informer calls it, which must not wait for the deletion.
func (f *flow) see(p *corev1.Pod) {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked, ours := f.waiting[p.Name]
	if message := cluster.Unschedulable(p); ours && message != "" {
		f.refused = append(f.refused, p.Name+": "+message)
	}
	if !ours || p.Spec.NodeName == "" {
		return
	}
	delete(f.waiting, p.Name)
	f.placed = append(f.placed, decision{p.Name, p.Spec.NodeName, asked, time.Now()})
	go func() {
		now := int64(0)
		// What is left over is no trouble for what is tested: the nodes have room.
		_ = f.cluster.Client().CoreV1().Pods(p.Namespace).Delete(f.t.Context(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	}()
}

// stop waits until all pods have a node and returns what was decided, in the order in which it was seen.
func (f *flow) stop() []decision {
	f.t.Helper()
	f.quit()
	f.working.Wait()
	eventually(f.t, "all pods to have a node", func(context.Context) (bool, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.waiting) == 0, nil
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, message := range f.refused {
		f.t.Errorf("a pod was refused: %s", message)
	}
	return f.placed
}

// between is how long the pods took that were created in a period.
func between(decisions []decision, from, to time.Time) (all []time.Duration) {
	for _, d := range decisions {
		if !d.asked.Before(from) && d.asked.Before(to) {
			all = append(all, d.took())
		}
	}
	return all
}

// longestGap is the most time between two decisions that were seen.
func longestGap(decisions []decision) (gap time.Duration) {
	for i := 1; i < len(decisions); i++ {
		gap = max(gap, decisions[i].seen.Sub(decisions[i-1].seen))
	}
	return gap
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(all))[len(all)/2]
}
