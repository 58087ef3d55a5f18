// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// podView is all that a pod record says, in values that compare.
type podView struct {
	Name, Namespace, UID, SchedulerName, PriorityClass string
	ServiceAccount, RuntimeClass, NominatedNode        string
	Priority                                           int32
	Flags                                              abi.PodFlags
	CreatedUnixNano                                    int64
	Requests, Limits                                   abi.Resources
	ExtendedRequests, ExtendedLimits                   []amount
	Labels, Annotations                                []pair
	Owners                                             []ownerView
	NodeSelector                                       []pair
	Tolerations                                        []tolerationView
	HasRequiredNodeTerms                               bool
	RequiredNodeTerms, PreferredNodeTerms              []nodeTermView
	RequiredPodAffinity, PreferredPodAffinity          []podTermView
	RequiredPodAnti, PreferredPodAnti                  []podTermView
	Spread                                             []spreadView
	Containers                                         []containerView
	Volumes                                            []volumeView
	TerminationGraceSecs                               uint32
}

type (
	ownerView struct {
		APIVersion, Kind, Name, UID string
		Controller                  bool
	}
	tolerationView struct {
		Key, Value string
		Op         abi.Operator
		Effect     abi.Effect
		Seconds    int64
	}
	expressionView struct {
		Key    string
		Op     abi.Operator
		Values []string
	}
	nodeTermView struct {
		Labels, Fields []expressionView
		Weight         int32
	}
	podTermView struct {
		TopologyKey       string
		Selector          []expressionView
		Namespaces        []string
		NamespaceSelector []expressionView
		Weight            int32
		Flags             uint32
	}
	spreadView struct {
		TopologyKey         string
		Selector            []expressionView
		MaxSkew, MinDomains int32
		Flags               uint32
	}
	containerView struct {
		Name, Image      string
		Kind             abi.ContainerKind
		Requests, Limits []amount
		Ports            []portView
	}
	volumeView struct {
		Name, Source string
		Kind         abi.VolumeKind
	}
)

// decodePod reads what EncodePod made with everything that it refers to.
func (r *reader) decodePod(b []byte) podView {
	r.Helper()
	r.spaces[abi.SpacePod] = b
	p := (*abi.PodRecord)(unsafe.Pointer(&b[0]))
	v := podView{
		Name: r.str(p.Name), Namespace: r.str(p.Namespace), UID: r.str(p.UID),
		SchedulerName: r.str(p.SchedulerName), PriorityClass: r.str(p.PriorityClass),
		ServiceAccount: r.str(p.ServiceAccount), RuntimeClass: r.str(p.RuntimeClass), NominatedNode: r.str(p.NominatedNode),
		Priority: p.Priority, Flags: p.Flags, CreatedUnixNano: p.CreatedUnixNano, TerminationGraceSecs: p.TerminationGraceSecs,
		Requests: p.Requests, Limits: p.Limits,
		ExtendedRequests: r.quantities(p.ExtendedRequests), ExtendedLimits: r.quantities(p.ExtendedLimits),
		Labels: r.labels(p.Labels), Annotations: r.labels(p.Annotations),
		Owners:      growing(r, p.Owners, abi.RecordOwner, r.owner),
		Tolerations: growing(r, p.Tolerations, abi.RecordToleration, r.toleration),
		Containers:  growing(r, p.Containers, abi.RecordContainer, r.container),
		Volumes:     growing(r, p.Volumes, abi.RecordVolume, r.volume),
	}
	r.decodeAffinity(&v, p)
	return v
}

func (r *reader) decodeAffinity(v *podView, p *abi.PodRecord) {
	r.Helper()
	v.NodeSelector = r.labels(p.NodeSelector)
	v.HasRequiredNodeTerms = p.HasRequiredNodeTerms == 1
	v.RequiredNodeTerms = growing(r, p.RequiredNodeTerms, abi.RecordNodeTerm, r.nodeTerm)
	v.PreferredNodeTerms = growing(r, p.PreferredNodeTerms, abi.RecordNodeTerm, r.nodeTerm)
	v.RequiredPodAffinity = growing(r, p.RequiredPodAffinity, abi.RecordPodTerm, r.podTerm)
	v.PreferredPodAffinity = growing(r, p.PreferredPodAffinity, abi.RecordPodTerm, r.podTerm)
	v.RequiredPodAnti = growing(r, p.RequiredPodAnti, abi.RecordPodTerm, r.podTerm)
	v.PreferredPodAnti = growing(r, p.PreferredPodAnti, abi.RecordPodTerm, r.podTerm)
	v.Spread = growing(r, p.Spread, abi.RecordSpread, r.spread)
}

func (r *reader) owner(o abi.Owner) ownerView {
	return ownerView{r.str(o.APIVersion), r.str(o.Kind), r.str(o.Name), r.str(o.UID), o.Controller == 1}
}

func (r *reader) toleration(t abi.Toleration) tolerationView {
	return tolerationView{r.str(t.Key), r.str(t.Value), t.Op, t.Effect, t.Seconds}
}

func (r *reader) expressions(l abi.List) []expressionView {
	r.Helper()
	return growing(r, l, abi.RecordExpression, func(e abi.Expression) expressionView {
		return expressionView{r.str(e.Key), e.Op, r.strs(e.Values)}
	})
}

func (r *reader) nodeTerm(t abi.NodeTerm) nodeTermView {
	return nodeTermView{r.expressions(t.Labels), r.expressions(t.Fields), t.Weight}
}

func (r *reader) podTerm(t abi.PodTerm) podTermView {
	return podTermView{
		r.str(t.TopologyKey), r.expressions(t.Selector), r.strs(t.Namespaces), r.expressions(t.NamespaceSelector), t.Weight, t.Flags,
	}
}

func (r *reader) spread(s abi.Spread) spreadView {
	return spreadView{r.str(s.TopologyKey), r.expressions(s.Selector), s.MaxSkew, s.MinDomains, s.Flags}
}

func (r *reader) container(c abi.Container) containerView {
	return containerView{
		r.str(c.Name), r.str(c.Image), c.Kind, r.quantities(c.Requests), r.quantities(c.Limits),
		growing(r, c.Ports, abi.RecordPort, r.port),
	}
}

func (r *reader) volume(v abi.Volume) volumeView {
	return volumeView{r.str(v.Name), r.str(v.Source), v.Kind}
}
