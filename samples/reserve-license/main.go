// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// reserve-license gives each pod that asks for a licence one of its seats, of which there are as many as a
// ConfigMap says.
//
// It keeps no account: the host's ledger counts the pods that have a node, by the value of the label, from Reserve on.
package main

import (
	"strconv"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

const reads = stowage.ReadPodLabels

func init() { stowage.Register(newPolicy(), reads) }

func main() {}

var (
	_ stowage.Configurer         = (*policy)(nil)
	_ stowage.NeedsDeclarer      = (*policy)(nil)
	_ stowage.ObjectsPlugin      = (*policy)(nil)
	_ stowage.PreFilterPlugin    = (*policy)(nil)
	_ stowage.ReservePlugin      = (*policy)(nil)
	_ stowage.PreBindPlugin      = (*policy)(nil)
	_ stowage.QueueingHintPlugin = (*policy)(nil)
)

type policy struct {
	label, namespace, name string
	// seats is the data of the ConfigMap; nil if there is none.
	seats *config.Object
}

func newPolicy() *policy {
	return &policy{label: "stowage.dev/license", namespace: "stowage-system", name: "licenses"}
}

// Configure names the label and the ConfigMap.
func (p *policy) Configure(raw []byte) error {
	c := config.Parse(raw)
	p.label = given(c, "label", p.label)
	from := c.Object("configMap")
	p.namespace = given(from, "namespace", p.namespace)
	p.name = given(from, "name", p.name)
	return c.Err()
}

func given(c *config.Object, field, otherwise string) string {
	value := c.String(field, otherwise)
	if value == "" {
		c.Problem(field, "must not be empty")
	}
	return value
}

// Needs asks for the ConfigMap, whose changes wake pods that were refused, and for the ledger. A pod that is
// gone leaves its seat; one whose own labels change may ask for another licence.
func (p *policy) Needs() stowage.Needs {
	return stowage.Needs{
		Accounts: []stowage.AccountNeed{{Label: p.label}},
		Objects:  []stowage.ObjectNeed{{Resource: "configmaps.v1", Namespace: p.namespace, FieldSelector: "metadata.name=" + p.name}},
		Events:   []stowage.EventNeed{{Resource: "Pod", Actions: stowage.ActionDelete | stowage.ActionUpdatePodLabels}},
	}
}

// ObjectChanged hears of the ConfigMap, which is the only object that was asked for.
func (p *policy) ObjectChanged(o *stowage.Object) {
	p.seats = nil
	if !o.Deleted() {
		p.seats = config.Parse(o.JSON()).Object("data")
	}
}

// QueueingHint leaves pods alone while pods of other licences, or of none, come and go.
func (p *policy) QueueingHint(pod *stowage.Pod, e *stowage.ClusterEvent) stowage.Hint {
	other := e.OldPod()
	if other == nil || other.UID() == pod.UID() {
		return stowage.Queue
	}
	mine, _ := pod.Label(p.label)
	if its, _ := other.Label(p.label); its == mine {
		return stowage.Queue
	}
	return stowage.QueueSkip
}

// PreFilter refuses the pod before any node is looked at. The ledger does not count it yet.
func (p *policy) PreFilter(_ *stowage.Cycle, pod *stowage.Pod) (stowage.PreFilterResult, stowage.Status) {
	if s := p.seat(pod, 1); !s.IsSuccess() {
		return stowage.PreFilterResult{}, s
	}
	return stowage.PreFilterResult{}, stowage.Skip()
}

// Reserve decides: the ledger counts the pod already, and one pod after the other gets here.
func (p *policy) Reserve(_ *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node) stowage.Status {
	return p.seat(pod, 0)
}

// Unreserve has nothing to do: the ledger forgets the pod by itself.
func (*policy) Unreserve(*stowage.Cycle, *stowage.Pod, *stowage.Node) {}

// PreBind asks again: there may be fewer seats now than when the pod was reserved, and it may have waited
// long for other policies since.
func (p *policy) PreBind(_ *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node) stowage.Status {
	return p.seat(pod, 0)
}

// seat refuses the pod if it and the pods that the ledger counts need more seats than there are; more is 1 if
// the ledger does not count the pod itself. Evicting pods of lower priority would free a seat only if they happened to
// have one, so preemption must not try.
func (p *policy) seat(pod *stowage.Pod, more int64) stowage.Status {
	license, _ := pod.Label(p.label)
	if license == "" {
		return stowage.Success()
	}
	total, problem := p.total(license)
	if problem != "" {
		return stowage.UnschedulableAndUnresolvable(problem)
	}
	others := stowage.Used(0, license, "pods") + more - 1
	if others < total {
		return stowage.Success()
	}
	return stowage.UnschedulableAndUnresolvable("license " + license + ": " +
		strconv.FormatInt(others, 10) + " of " + strconv.FormatInt(total, 10) + " seats in use")
}

// total is how many seats a licence has.
func (p *policy) total(license string) (seats int64, problem string) {
	where := "ConfigMap " + p.namespace + "/" + p.name
	if p.seats == nil {
		return 0, "license " + license + ": there is no " + where
	}
	if !p.seats.Has(license) {
		return 0, "license " + license + " is not in " + where
	}
	text := p.seats.String(license, "")
	seats, err := strconv.ParseInt(text, 10, 32)
	if err != nil || seats < 0 {
		return 0, "license " + license + ": " + where + " has \"" + text + "\" seats, want a number"
	}
	return seats, ""
}
