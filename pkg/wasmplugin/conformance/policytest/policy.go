// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"errors"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
)

// Name is what policies are called here.
const Name = "policy"

// Policy is a policy's plugin in the scheduler of a cluster.
type Policy struct {
	cluster *Cluster
	plugin  fwk.Plugin
}

// Load makes the plugin of the module in a file, as the scheduler does at its start. The
// config is JSON, or "" for an operator who gave none.
func (c *Cluster) Load(module, config string) (*Policy, error) {
	return c.LoadArgs(args(module, config))
}

// LoadArgs makes a plugin of arguments written as JSON.
func (c *Cluster) LoadArgs(args []byte) (*Policy, error) {
	p, err := c.Make(args)
	if err != nil {
		return nil, err
	}
	loaded := p.plugin.(loadable)
	if err := loaded.LoadError(); err != nil {
		return nil, errors.Join(err, loaded.Close())
	}
	c.tb.Cleanup(func() { c.check(loaded.Close()) })
	return p, nil
}

// Make makes a plugin of arguments written as JSON, also if it has no working module. Whoever
// calls it closes the plugin.
func (c *Cluster) Make(args []byte) (*Policy, error) {
	handle, err := c.handle()
	if err != nil {
		return nil, err
	}
	plugin, err := c.host.Factory(Name)(c.ctx, &runtime.Unknown{Raw: args, ContentType: runtime.ContentTypeJSON}, handle)
	if err != nil {
		return nil, err
	}
	return &Policy{c, plugin}, nil
}

// loadable is a plugin that may have no working module, which for a test is an error.
type loadable interface {
	LoadError() error
	Close() error
}

// MustLoad is Load for a module that must work.
func (c *Cluster) MustLoad(module, config string) *Policy {
	c.tb.Helper()
	return c.MustLoadArgs(args(module, config))
}

// MustLoadArgs is LoadArgs for arguments that must work.
func (c *Cluster) MustLoadArgs(args []byte) *Policy {
	c.tb.Helper()
	p, err := c.LoadArgs(args)
	if err != nil {
		c.tb.Fatal(err)
	}
	return p
}

// Plugin is the plugin, for calls that an Attempt does not make.
func (p *Policy) Plugin() fwk.Plugin { return p.plugin }

func (c *Cluster) handle() (fwk.Handle, error) {
	client := fake.NewClientset()
	return frameworkruntime.NewFramework(c.ctx, nil, nil,
		frameworkruntime.WithSnapshotSharedLister(c.snap),
		frameworkruntime.WithClientSet(client),
		frameworkruntime.WithInformerFactory(informers.NewSharedInformerFactory(client, 0)))
}

// args are the policy's as the scheduler's decoder leaves them, with every capability and, because
// tests share the machine with others, much time. They are put together as text so that the config arrives byte for byte.
func args(module, config string) []byte {
	if config != "" {
		config = `,"config":` + config
	}
	return fmt.Appendf(nil, `{"apiVersion":"stowage.dev/v1alpha1","kind":"WasmPluginArgs","module":{"file":{"path":%q}},"capabilities":%s,"limits":{"deadline":"10s"}%s}`,
		module, capabilities, config)
}

const capabilities = `["log","metrics","events","clock","random","nodeAnnotations","nodePods"]`

// Start begins a scheduling attempt of a pod.
func (p *Policy) Start(pod *v1.Pod) *Attempt {
	p.cluster.tb.Helper()
	return &Attempt{Policy: p, Pod: pod, State: framework.NewCycleState(), Nodes: p.cluster.list()}
}
