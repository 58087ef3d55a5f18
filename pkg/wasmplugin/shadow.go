// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// shadow is another module that is asked what the policy is asked, without effect, to see where they differ. It
// is a monitored policy in the same plugin: it is asked where nodes are filtered and scored. A nil
// shadow compares nothing.
type shadow struct {
	*policy
	// of is whose shadow it is.
	of *policy

	mu sync.Mutex // guards samples
	// samples are the latest decisions that differed, the oldest first.
	samples []Difference
}

// maxSamples is how many decisions that differed are kept.
const maxSamples = 20

// Difference is a decision about which a policy and its shadow differ.
type Difference struct {
	Time  time.Time `json:"time"`
	Point string    `json:"point"`
	Pod   string    `json:"pod"`
	// Node is what Filter decided on; empty elsewhere.
	Node string `json:"node,omitempty"`
	// Policy and Shadow are what they decided; of PreScore the node that they prefer.
	Policy string `json:"policy"`
	Shadow string `json:"shadow"`
}

// newShadow makes the policy's shadow, which has no module yet.
func (p *policy) newShadow(s *v1alpha1.Shadow) *shadow {
	out := &shadow{policy: p.beside("shadow", &s.Module), of: p}
	if s.Config != nil {
		out.args.Config, out.args.ConfigFrom = s.Config, nil
	}
	out.monitored, out.ignoreFaults, out.shadowing = true, false, out
	return out
}

// preFilter compares what PreFilter came to.
func (s *shadow) preFilter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo, result *fwk.PreFilterResult, status *fwk.Status) {
	if s == nil || !s.ready() {
		return
	}
	r, other := filterPoints{s.policy}.PreFilter(ctx, state, pod, nodes)
	s.note(&Difference{Point: preFilterPoint.name, Policy: restricted(result, status), Shadow: restricted(r, other)}, pod)
	if r != nil && result != nil && !r.NodeNames.Equal(result.NodeNames) {
		s.note(&Difference{Point: preFilterPoint.name, Policy: "other nodes", Shadow: "than these"}, pod)
	}
}

// restricted is the decision of PreFilter.
func restricted(result *fwk.PreFilterResult, status *fwk.Status) string {
	if d := decisionOf(status); d != wouldPass || result.AllNodes() {
		return d
	}
	return wouldRestrict
}

// filter compares what Filter came to. A shadow that has nothing to filter lets pass.
func (s *shadow) filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, info fwk.NodeInfo, status *fwk.Status) {
	if s == nil {
		return
	}
	data, err := state.Read(s.filterKey)
	if err != nil || ctx.Err() != nil {
		return
	}
	var other *fwk.Status
	if !data.(*attempt).skipped {
		other = filterPoints{s.policy}.Filter(ctx, state, pod, info)
	}
	s.note(&Difference{Point: filterPoint.name, Node: info.Node().Name, Policy: decisionOf(status), Shadow: decisionOf(other)}, pod)
}

// preScore compares which node is preferred. The policy's scores are there already.
func (s *shadow) preScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo, status *fwk.Status) {
	if s == nil || !s.ready() {
		return
	}
	mine := decisionOf(status)
	if mine == wouldPass {
		best, known := s.favourite(ctx, state, nodes)
		if !known {
			return
		}
		mine = best
	}
	points := scorePoints{s.policy}
	other := points.PreScore(ctx, state, pod, nodes)
	its := decisionOf(other)
	if its == wouldPass {
		best, after := favourite(ctx, points, state, pod, nodes)
		its = preferred(best, after)
	}
	s.note(&Difference{Point: preScorePoint.name, Policy: mine, Shadow: its}, pod)
}

// favourite is the node that the policy prefers, by the scores that it gave. They are normalized beside its
// attempt, whose time and failures are not the shadow's matter. It is not known where nodes are scored one by one,
// as in a pod group's cycle.
func (s *shadow) favourite(ctx context.Context, state fwk.CycleState, nodes []fwk.NodeInfo) (name string, known bool) {
	p := s.of
	data, err := state.Read(p.scoreKey)
	if err != nil {
		return "", false
	}
	made := data.(*scoring)
	list, scores := make(fwk.NodeScoreList, len(nodes)), make([]int64, len(nodes))
	for i, info := range nodes {
		position, resident := p.store.Position(info)
		if !resident || made.attempt.simulated {
			return "", false
		}
		if scores[i], known = made.scores.get(p.store.Slots()[position]); !known {
			return "", false
		}
		list[i].Name = info.Node().Name
	}
	if made.attempt.answers(abi.PointNormalizeScore) {
		a := p.withState(made.attempt, made.attempt.cycle.State)
		a.life, a.clock = &life{}, &clock{}
		if _, err := p.normalize(ctx, &scoring{attempt: a, nodes: made.nodes}, list, scores); err != nil {
			return "", false
		}
	}
	for i := range list {
		list[i].Score = scores[i]
	}
	return highest(list), true
}

// change keeps the shadow's state in step with the policy's.
func (s *shadow) change(ctx context.Context, at *point, call *guest.Call, state fwk.CycleState, other fwk.PodInfo, node fwk.NodeInfo) {
	if s == nil {
		return
	}
	if _, err := state.Read(s.filterKey); err == nil {
		s.policy.change(ctx, at, call, state, other, node)
	}
}

func preferred(best string, status *fwk.Status) string {
	if d := decisionOf(status); d != wouldPass {
		return d
	}
	return best
}

// ready tells whether there is a module to ask.
func (s *shadow) ready() bool { return s.module.Load() != nil }

// note counts a decision, and keeps it if the two differ.
func (s *shadow) note(d *Difference, pod *v1.Pod) {
	same := d.Policy == d.Shadow
	s.of.loading.Shadow(d.Point, same)
	if same {
		return
	}
	d.Time, d.Pod = time.Now(), pod.Namespace+"/"+pod.Name
	s.logger.V(3).Info("Shadow decided otherwise", "point", d.Point, "pod", klog.KObj(pod), "node", d.Node, "decision", d.Policy, "shadow", d.Shadow)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.samples) == maxSamples {
		s.samples = append(s.samples[:0], s.samples[1:]...)
	}
	s.samples = append(s.samples, *d)
}

// differences are the latest decisions that differed.
func (s *shadow) differences() []Difference {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Difference(nil), s.samples...)
}
