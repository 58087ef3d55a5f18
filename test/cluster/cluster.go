// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster runs a real control plane as processes on loopback: etcd, kube-apiserver, and kwok
// in the place of kubelets, plus any number of schedulers. Nothing in it is a mock.
//
// What is missing compared with a whole cluster, on purpose: there is no kube-controller-manager. So no
// ServiceAccount is made for a new namespace (the ServiceAccount admission plugin is off), a new node
// carries no not-ready taint (TaintNodesByCondition is off), a deleted pod group is gone at once, even if it
// has pods (PodGroupProtection is off), a deleted namespace stays Terminating, and the pods of a deleted
// node stay until somebody deletes them.
//
// A Cluster owns its processes and its temporary directory; Stop ends and removes both. They also
// disappear when the program that called Start dies without calling Stop: see watchdog.go.
// A Cluster's methods may be called concurrently, except Stop, which is called once and last.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Options changes how a cluster is started. The zero value is good.
type Options struct {
	// BinDir holds etcd, kube-apiserver, kwok and scheduler. Defaults to $STOWAGE_BIN, else to build/bin of
	// the source tree that holds the working directory.
	BinDir string
	// Timeout bounds the start of each process. Defaults to two minutes: about 30 times what an idle machine needs.
	Timeout time.Duration
	// FeatureGates are those that are not to be as by default, for kube-apiserver and every scheduler.
	FeatureGates map[string]bool
	// RuntimeConfig is what kube-apiserver serves beyond, or without, what it does by default, as
	// "scheduling.k8s.io/v1beta1": true.
	RuntimeConfig map[string]bool
	// Progress, when set, is called before each step that takes a while.
	Progress func(step string)
}

// Cluster is a running control plane.
type Cluster struct {
	opts     Options
	dir      string
	dog      *watchdog
	pki      pki
	endpoint string // of etcd
	config   *rest.Config
	client   kubernetes.Interface
	// apiServer is the one that runs, and where.
	apiServer struct {
		process *Process
		port    int
	}

	mu        sync.Mutex
	processes []*Process // in the order of their start
}

// Start brings a control plane up and waits until it is ready. ctx bounds the start only.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	c, err := newCluster(opts)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{c.startEtcd, c.startAPIServer, c.startKwok} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	return c, nil
}

func newCluster(opts Options) (*Cluster, error) {
	bin, err := findBinaries(opts.BinDir)
	if err != nil {
		return nil, err
	}
	opts.BinDir = bin
	opts.Timeout = cmp.Or(opts.Timeout, 2*time.Minute)
	dir, err := os.MkdirTemp("", "stowage-cluster-")
	if err != nil {
		return nil, fmt.Errorf("making the cluster's directory: %w", err)
	}
	dog, err := startWatchdog(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	c := &Cluster{opts: opts, dir: dir, dog: dog}
	if c.pki, err = newPKI(dir); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// Dir is the cluster's temporary directory; files put there are removed by Stop.
func (c *Cluster) Dir() string { return c.dir }

// Kubeconfig is the path of a kubeconfig with all rights (group system:masters).
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.dir, "admin.kubeconfig") }

// RESTConfig returns a copy of the administrator's client configuration, without a rate limit.
func (c *Cluster) RESTConfig() *rest.Config { return rest.CopyConfig(c.config) }

// Client returns the administrator's client.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// Stop ends every process, the newest first, and removes the directory.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	processes := slices.Clone(c.processes)
	c.mu.Unlock()
	for _, p := range slices.Backward(processes) {
		p.end()
	}
	return errors.Join(os.RemoveAll(c.dir), c.dog.release())
}

// Processes returns everything that was started, also what has ended, in the order of starting.
func (c *Cluster) Processes() []*Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.processes)
}

func (c *Cluster) progress(step string) {
	if c.opts.Progress != nil {
		c.opts.Progress(step)
	}
}
