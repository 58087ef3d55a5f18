// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"fmt"
	"io"

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
	handle, err := c.handle()
	if err != nil {
		return nil, err
	}
	plugin, err := c.host.Factory(Name)(c.ctx, args(module, config), handle)
	if err != nil {
		return nil, err
	}
	if closer, ok := plugin.(io.Closer); ok {
		c.tb.Cleanup(func() { c.check(closer.Close()) })
	}
	return &Policy{c, plugin}, nil
}

// MustLoad is Load for a module that must work.
func (c *Cluster) MustLoad(module, config string) *Policy {
	c.tb.Helper()
	p, err := c.Load(module, config)
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

// args are the policy's as the scheduler's decoder leaves them. They are put together as text
// so that the config arrives byte for byte.
func args(module, config string) runtime.Object {
	if config != "" {
		config = `,"config":` + config
	}
	raw := fmt.Sprintf(`{"apiVersion":"stowage.dev/v1alpha1","kind":"WasmPluginArgs","module":{"file":{"path":%q}}%s}`, module, config)
	return &runtime.Unknown{Raw: []byte(raw), ContentType: runtime.ContentTypeJSON}
}

// Start begins a scheduling attempt of a pod.
func (p *Policy) Start(pod *v1.Pod) *Attempt {
	p.cluster.tb.Helper()
	return &Attempt{Policy: p, Pod: pod, State: framework.NewCycleState(), Nodes: p.cluster.list()}
}
