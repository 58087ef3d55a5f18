// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package extender is the policy of test/guests/zone-resource as an HTTP extender, the way to
// extend a scheduler from another process that Kubernetes has. It decides with the code of
// package native; scores are an extender's, 0 to 10.
//
// Start owns a server on loopback, which the returned function stops. Handlers run concurrently.
package extender

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/stowage-scheduler/stowage/test/perf/native"
)

// Start serves the policy over the cache and returns how a scheduler is configured for it.
func Start(c *Cache) (config.Extender, func() error, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return config.Extender{}, nil, fmt.Errorf("listening for the scheduler: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /filter", serve(c.Filter))
	mux.HandleFunc("POST /prioritize", serve(c.Prioritize))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return config.Extender{
		URLPrefix:        "http://" + listener.Addr().String(),
		FilterVerb:       "filter",
		PrioritizeVerb:   "prioritize",
		Weight:           1,
		NodeCacheCapable: true,
		HTTPTimeout:      metav1.Duration{Duration: 30 * time.Second},
	}, func() error { return server.Shutdown(context.Background()) }, nil
}

func serve[T any](answer func(*extenderv1.ExtenderArgs) T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var args extenderv1.ExtenderArgs
		if err := json.NewDecoder(r.Body).Decode(&args); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// A scheduler that went away needs no answer.
		_ = json.NewEncoder(w).Encode(answer(&args))
	}
}

// Filter keeps the nodes of the pod's zone.
func (c *Cache) Filter(args *extenderv1.ExtenderArgs) *extenderv1.ExtenderFilterResult {
	if args.NodeNames == nil {
		return &extenderv1.ExtenderFilterResult{Error: "set nodeCacheCapable: names of nodes are needed"}
	}
	zone, bound := native.Wanted(args.Pod)
	kept, refused := make([]string, 0, len(*args.NodeNames)), extenderv1.FailedNodesMap{}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, name := range *args.NodeNames {
		if node := c.nodes[name]; node != nil && (!bound || native.Allowed(zone, node)) {
			kept = append(kept, name)
		} else {
			refused[name] = native.Reason
		}
	}
	return &extenderv1.ExtenderFilterResult{NodeNames: &kept, FailedAndUnresolvableNodes: refused}
}

// Prioritize scores nodes by what is left of their resources.
func (c *Cache) Prioritize(args *extenderv1.ExtenderArgs) extenderv1.HostPriorityList {
	if args.NodeNames == nil {
		return nil
	}
	asks := asked(args.Pod)
	scores := make(extenderv1.HostPriorityList, 0, len(*args.NodeNames))
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, name := range *args.NodeNames {
		scores = append(scores, extenderv1.HostPriority{Host: name, Score: c.score(name, asks)})
	}
	return scores
}

func (c *Cache) score(name string, asks usage) int64 {
	node := c.nodes[name]
	if node == nil {
		return 0
	}
	used := c.used[name].plus(asks)
	has := usageOf(node.Status.Allocatable)
	return native.Share(has.milliCPU, used.milliCPU, has.memory, used.memory) * extenderv1.MaxExtenderPriority / fwk.MaxScore
}

func usageOf(list v1.ResourceList) usage {
	return usage{list.Cpu().MilliValue(), list.Memory().Value()}
}
