// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"fmt"
	"hash/fnv"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// canary is another module that answers for some of a policy's pods. It is a policy of its own, with its own
// guests, breaker and metrics, in the same plugin: what the framework is shown is for both. QueueSort and
// points of pod groups, which are about many pods at once, are the main policy's.
type canary struct {
	*policy
	chosen func(*v1.Pod) bool
	// key is where a CycleState says whose its pod is.
	key fwk.StateKey
}

// assigned says who answers for the pod of a CycleState: that must not change in an attempt, though labels of
// a namespace do.
type assigned struct{ policy *policy }

// Clone shares it.
func (a *assigned) Clone() fwk.StateData { return a }

// in is the policy that answers in an attempt.
func (p *policy) in(state fwk.CycleState, pod *v1.Pod) *policy {
	if p.canary == nil {
		return p
	}
	if data, err := state.Read(p.canary.key); err == nil {
		return data.(*assigned).policy
	}
	who := p.of(pod)
	state.Write(p.canary.key, &assigned{who})
	return who
}

// of is the policy that answers for the pod.
func (p *policy) of(pod *v1.Pod) *policy {
	if p.canary != nil && p.canary.chosen(pod) {
		return p.canary.policy
	}
	return p
}

// percentOf chooses pods by their identity, so that the same ones are chosen each time.
func percentOf(percent int32) func(*v1.Pod) bool {
	return func(pod *v1.Pod) bool { return bucket(pod.UID) < uint32(percent) }
}

// bucket is one of a hundred.
func bucket(uid types.UID) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(uid)) // it has no errors
	return h.Sum32() % 100
}

// selected chooses pods by the labels of their namespaces. Those of a namespace that is not known yet are not
// chosen.
func selected(selector *metav1.LabelSelector, namespaces corelisters.NamespaceLister) (func(*v1.Pod) bool, error) {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, fmt.Errorf("reading canary.namespaceSelector: %w", err)
	}
	return func(pod *v1.Pod) bool {
		namespace, err := namespaces.Get(pod.Namespace)
		return err == nil && s.Matches(labels.Set(namespace.Labels))
	}, nil
}

// newCanary makes the policy's canary, which has no module yet.
func (p *policy) newCanary(c *v1alpha1.Canary) (*canary, error) {
	out := &canary{policy: p.beside("canary", &c.Module), key: fwk.StateKey("stowage/canary/" + p.name)}
	if c.Config != nil {
		out.args.Config, out.args.ConfigFrom = c.Config, nil
	}
	out.shown = p.shown
	if c.Percent != nil {
		out.chosen = percentOf(*c.Percent)
		return out, nil
	}
	namespaces := p.handle.SharedInformerFactory().Core().V1().Namespaces().Lister()
	var err error
	out.chosen, err = selected(c.NamespaceSelector, namespaces)
	return out, err
}

// beside is a policy in the same plugin, with another module.
func (p *policy) beside(role string, module *v1alpha1.ModuleSource) *policy {
	args := p.args.DeepCopy()
	args.Module, args.Canary, args.Shadow = *module, nil, nil
	return newPolicy(p.logger, p.host, p.name, role, args, p.handle, p.store)
}
