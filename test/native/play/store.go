// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"context"
	"fmt"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// store is what watches have seen.
type store struct {
	cancel  context.CancelFunc
	factory informers.SharedInformerFactory
	mu      sync.Mutex // guards what follows
	now     snapshot
	changed chan struct{} // closed and replaced at each change
}

// snapshot is the pods and what became of them. It may be read while its store's mu is held, or as a copy.
type snapshot struct {
	pods   map[string]*v1.Pod
	names  map[types.UID]string // of all pods that ever were
	nodes  map[string]string    // where pods were bound, by name, also of those that are gone
	events map[string]*eventsv1.Event
	// gone counts pods that ended and had a node.
	gone int
}

func newStore(ctx context.Context, client kubernetes.Interface) (*store, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &store{cancel: cancel, factory: informers.NewSharedInformerFactory(client, 0), changed: make(chan struct{})}
	s.now = snapshot{
		pods: map[string]*v1.Pod{}, names: map[types.UID]string{}, nodes: map[string]string{}, events: map[string]*eventsv1.Event{},
	}
	pods, events := s.factory.Core().V1().Pods().Informer(), s.factory.Events().V1().Events().Informer()
	_, err1 := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { s.put(obj.(*v1.Pod)) },
		UpdateFunc: func(_, obj any) { s.put(obj.(*v1.Pod)) },
		DeleteFunc: s.drop,
	})
	_, err2 := events.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { s.hear(obj.(*eventsv1.Event)) },
		UpdateFunc: func(_, obj any) { s.hear(obj.(*eventsv1.Event)) },
	})
	if err1 != nil || err2 != nil {
		cancel()
		return nil, fmt.Errorf("watching pods and events: %w, %w", err1, err2)
	}
	s.factory.Start(ctx.Done())
	s.factory.WaitForCacheSync(ctx.Done())
	return s, nil
}

// close ends the watches.
func (s *store) close() {
	s.cancel()
	s.factory.Shutdown()
}

func (s *store) put(pod *v1.Pod) {
	s.change(func(now *snapshot) {
		now.pods[pod.Name], now.names[pod.UID] = pod, pod.Name
		if pod.Spec.NodeName != "" {
			now.nodes[pod.Name] = pod.Spec.NodeName
		}
	})
}

func (s *store) drop(obj any) {
	if last, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = last.Obj
	}
	pod := obj.(*v1.Pod)
	s.change(func(now *snapshot) {
		delete(now.pods, pod.Name)
		if pod.Spec.NodeName != "" {
			now.gone++
		}
	})
}

func (s *store) hear(e *eventsv1.Event) {
	s.change(func(now *snapshot) { now.events[e.Name] = e })
}

func (s *store) change(f func(*snapshot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.now)
	close(s.changed)
	s.changed = make(chan struct{})
}

// read calls f with what is seen now. It returns a channel that is closed when there is something new.
func (s *store) read(f func(*snapshot)) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.now)
	return s.changed
}

// patience is how long anything may take.
const patience = 60 * time.Second

// until waits until the watches have seen something.
func (s *store) until(ctx context.Context, seen func(*snapshot) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		var ok bool
		changed := s.read(func(now *snapshot) { ok = seen(now) })
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for a watch: %w", context.Cause(ctx))
		}
	}
}
