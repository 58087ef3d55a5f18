// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"cmp"
	"slices"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// nodeView is all that a node record says, in values that compare.
type nodeView struct {
	Name, Zone, Region              string
	Flags                           abi.NodeFlags
	PodCount                        uint32
	MaxPods                         int64
	Allocatable, Requested, NonZero abi.Resources
	Labels, Annotations             []pair
	Taints                          []taintView
	Extended                        []extendedView
	Conditions                      []conditionView
	Images                          []imageView
	Ports                           []portView
	Pods                            []podOnNodeView
}

type (
	taintView struct {
		Key, Value string
		Effect     abi.Effect
	}
	extendedView struct {
		Name                   string
		Allocatable, Requested int64
	}
	conditionView struct {
		Type   string
		Status abi.ConditionStatus
	}
	imageView struct {
		Name  string
		Size  int64
		Nodes uint32
	}
	portView struct {
		HostIP          string
		Protocol        abi.Protocol
		Host, Container uint32
	}
	podOnNodeView struct {
		Name, Namespace, UID string
		Priority             int32
		Flags                abi.PodFlags
		Requests             abi.Resources
		Labels               []pair
		Extended             []amount
		OwnerKind, OwnerName string
	}
)

// decodeNode reads the record in a slot with everything it refers to.
func (r *reader) decodeNode(slot uint32) nodeView {
	r.Helper()
	rec := r.node(slot)
	return nodeView{
		Name: r.str(rec.Name), Zone: r.str(rec.Zone), Region: r.str(rec.Region),
		Flags: rec.Flags, PodCount: rec.PodCount, MaxPods: rec.MaxPods,
		Allocatable: rec.Allocatable, Requested: rec.Requested, NonZero: rec.NonZero,
		Labels: r.labels(rec.Labels), Annotations: r.labels(rec.Annotations),
		Taints:     growing(r, rec.Taints, abi.RecordTaint, r.taint),
		Extended:   r.extended(rec.Extended),
		Conditions: growing(r, rec.Conditions, abi.RecordCondition, r.condition),
		Images:     growing(r, rec.Images, abi.RecordImage, r.image),
		Ports:      growing(r, rec.Ports, abi.RecordPort, r.port),
		Pods:       r.podsOnNode(rec.Pods),
	}
}

func (r *reader) taint(t abi.Taint) taintView {
	return taintView{r.str(t.Key), r.str(t.Value), t.Effect}
}

// extended leaves out resources that are 0 on both sides: the scheduler keeps the names of
// resources whose last pod has gone.
func (r *reader) extended(l abi.List) []extendedView {
	all := growing(r, l, abi.RecordExtended, func(e abi.Extended) extendedView {
		return extendedView{r.str(e.Name), e.Allocatable, e.Requested}
	})
	if !slices.IsSortedFunc(all, func(a, b extendedView) int { return cmp.Compare(a.Name, b.Name) }) {
		r.Errorf("extended resources are not sorted: %v", all)
	}
	return slices.DeleteFunc(all, func(e extendedView) bool { return e.Allocatable == 0 && e.Requested == 0 })
}

func (r *reader) condition(c abi.Condition) conditionView {
	return conditionView{r.str(c.Type), c.Status}
}

func (r *reader) image(i abi.Image) imageView { return imageView{r.str(i.Name), i.Size, i.Nodes} }

func (r *reader) port(p abi.Port) portView {
	return portView{r.str(p.HostIP), p.Protocol, p.Host, p.Container}
}

// podsOnNode sorts, because the scheduler keeps pods in no order.
func (r *reader) podsOnNode(l abi.List) []podOnNodeView {
	pods := growing(r, l, abi.RecordPodOnNode, func(p abi.PodOnNode) podOnNodeView {
		return podOnNodeView{
			Name: r.str(p.Name), Namespace: r.str(p.Namespace), UID: r.str(p.UID),
			Priority: p.Priority, Flags: p.Flags, Requests: p.Requests,
			Labels: r.labels(p.Labels), Extended: r.quantities(p.Extended),
			OwnerKind: r.str(p.OwnerKind), OwnerName: r.str(p.OwnerName),
		}
	})
	slices.SortFunc(pods, func(a, b podOnNodeView) int { return cmp.Compare(a.UID, b.UID) })
	return pods
}
