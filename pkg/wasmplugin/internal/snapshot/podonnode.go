// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// podsOnNode encodes the pods of a node and returns their block's size. The block holds the
// records, then their lists, then names and UIDs, so that all of it goes together; labels and
// resource names recur and are stored once. Strings come last: lists need 8-byte alignment.
func podsOnNode(s sink, pods []fwk.PodInfo) (abi.List, int) {
	if len(pods) == 0 {
		return abi.List{}, 0
	}
	step := stride[abi.PodOnNode](s)
	records, lists, strings := len(pods)*step, 0, 0
	for _, p := range pods {
		lists += len(p.GetPod().Labels)*labelSize + len(extendedRequests(p))*stride[abi.Quantity](s)
		strings += align(len(p.GetPod().Name), abi.WordSize) + align(len(p.GetPod().UID), abi.WordSize)
	}
	size := records + lists + strings
	block := abi.List{Off: s.alloc(size), Count: uint32(len(pods))}
	in := inlinePods{
		lists:   inline{s, block.Off + uint32(records/abi.WordSize)},
		strings: inline{s, block.Off + uint32((records+lists)/abi.WordSize)},
	}
	for i, p := range pods {
		put(s, entry(block, i, step), in.record(s, p))
	}
	return block, size
}

// inlinePods is where the next pod's lists and strings go.
type inlinePods struct{ lists, strings inline }

func extendedRequests(p fwk.PodInfo) map[v1.ResourceName]int64 {
	return p.CalculateResource().Resource.GetScalarResources()
}

func (in *inlinePods) record(s sink, p fwk.PodInfo) abi.PodOnNode {
	pod := p.GetPod()
	rec := abi.PodOnNode{
		Name:      in.strings.str(pod.Name),
		UID:       in.strings.str(string(pod.UID)),
		Namespace: s.str(pod.Namespace),
		Priority:  priority(pod),
		Flags:     podFlags(pod),
		Requests:  resources(p.CalculateResource().Resource),
		Labels:    in.lists.labels(pod.Labels),
		Extended:  in.lists.quantities(extendedRequests(p)),
	}
	if owner := metav1.GetControllerOfNoCopy(pod); owner != nil {
		rec.OwnerKind, rec.OwnerName = s.str(owner.Kind), s.str(owner.Name)
	}
	return rec
}

func (t *inline) list(n, step int) abi.List {
	if n == 0 {
		return abi.List{}
	}
	l := abi.List{Off: t.next, Count: uint32(n)}
	t.next = entry(l, n, step)
	return l
}

func (t *inline) labels(m map[string]string) abi.List {
	l := frozen[abi.Label]{t.s, t.list(len(m), labelSize)}
	fillLabels(l, m)
	return l.list
}

func (t *inline) quantities(m map[v1.ResourceName]int64) abi.List {
	step := stride[abi.Quantity](t.s)
	l := growing[abi.Quantity]{t.s, t.list(len(m), step), step}
	fillQuantities(l, m)
	return l.list
}
