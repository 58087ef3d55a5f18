// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// gang starts the pods of a group together or not at all.
//
// A pod names its gang and how many pods that has. PreEnqueue keeps pods out of the scheduling queue until
// that many exist; Permit makes those that have found a node wait until that many have. If one of them gives
// up, all do, so that nobody holds on to room that others could use.
package main

import (
	"strconv"
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

const reads = stowage.ReadPodLabels

func init() { stowage.Register(newPolicy(), reads) }

func main() {}

// The policy answers PreFilter only to say what is wrong with a pod's labels: such a pod is to be seen to
// fail, and not to wait.
var (
	_ stowage.Configurer       = (*policy)(nil)
	_ stowage.NeedsDeclarer    = (*policy)(nil)
	_ stowage.ObjectsPlugin    = (*policy)(nil)
	_ stowage.CycleStarter     = (*policy)(nil)
	_ stowage.PreEnqueuePlugin = (*policy)(nil)
	_ stowage.PreFilterPlugin  = (*policy)(nil)
	_ stowage.PermitPlugin     = (*policy)(nil)
	_ stowage.ReservePlugin    = (*policy)(nil)
)

type policy struct {
	gangLabel, sizeLabel string
	timeout              stowage.Duration

	gangs gangs
	// mine is about the pod that is being scheduled.
	mine wish
}

// wish is what a pod's labels say.
type wish struct {
	// key is the gang with its namespace, "" for a pod that is in none; name is the gang as users know it.
	key, name string
	size      int
	// exist is how many of the gang's pods there are, this one included.
	exist int
	// problem is what is wrong with the labels.
	problem string
}

func newPolicy() *policy {
	return &policy{
		gangLabel: "stowage.dev/gang", sizeLabel: "stowage.dev/gang-size", timeout: stowage.Minute,
		gangs: newGangs(),
	}
}

// Configure renames the labels and sets the timeout.
func (p *policy) Configure(raw []byte) error {
	c := config.Parse(raw)
	p.gangLabel = labelKey(c, "gangLabel", p.gangLabel)
	p.sizeLabel = labelKey(c, "sizeLabel", p.sizeLabel)
	p.timeout = stowage.Duration(c.Int("timeoutSeconds", int64(p.timeout/stowage.Second), 1, 15*60)) * stowage.Second
	return c.Err()
}

// labelKey reads a field. The check is roughly Kubernetes' rule: enough to catch a value in a
// key's place.
func labelKey(c *config.Object, field, otherwise string) string {
	key := c.String(field, otherwise)
	name := key[strings.IndexByte(key, '/')+1:]
	if name == "" || len(name) > 63 || strings.ContainsAny(name, "/ \t\n:=,") {
		c.Problem(field, "must be a label's key such as example.com/gang, is \""+key+"\"")
	}
	return key
}

// Needs asks for the pods of gangs that have not ended. A change of one is an event by itself; what else
// may help a gang that gave up is a node with more room.
func (p *policy) Needs() stowage.Needs {
	return stowage.Needs{
		Objects: []stowage.ObjectNeed{{
			Resource: "pods.v1", LabelSelector: p.gangLabel, FieldSelector: "status.phase!=Succeeded,status.phase!=Failed",
		}},
		Events: []stowage.EventNeed{{Resource: "Node", Actions: stowage.ActionAdd | stowage.ActionUpdateNodeAllocatable}},
	}
}

// ObjectChanged counts the pods of each gang.
func (p *policy) ObjectChanged(o *stowage.Object) {
	p.gangs.remove(o.UID())
	name, _ := o.Label(p.gangLabel)
	if o.Deleted() || name == "" {
		return
	}
	pod := config.Parse(o.JSON())
	if pod.Object("metadata").Has("deletionTimestamp") {
		return
	}
	size, _ := o.Label(p.sizeLabel)
	node := pod.Object("spec").String("nodeName", "")
	p.gangs.add(strings.Clone(o.UID()), member{o.Namespace() + "/" + name, strings.Clone(size), node != ""})
}

// StartCycle reads what gang the pod is in, and how that stands.
func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
	p.mine = wish{}
	name, _ := pod.Label(p.gangLabel)
	if name == "" {
		return
	}
	size, _ := pod.Label(p.sizeLabel)
	p.mine = wish{key: pod.Namespace() + "/" + name, name: name}
	p.mine.size, p.mine.problem = p.size(size)
	var agree bool
	if p.mine.exist, agree = p.gangs.with(pod.UID(), p.mine.key, size); p.mine.problem == "" && !agree {
		p.mine.problem = "pods of gang " + name + " have different values of the label " + p.sizeLabel
	}
}

// size reads the size label.
func (p *policy) size(text string) (size int, problem string) {
	size, err := strconv.Atoi(text)
	if err != nil || size < 1 {
		return 0, "label " + p.sizeLabel + " is \"" + text + "\", want the number of pods in the gang"
	}
	return size, ""
}

// PreEnqueue holds the pod until its gang is complete. What is wrong is for PreFilter to say.
func (p *policy) PreEnqueue(*stowage.Cycle, *stowage.Pod) stowage.Status {
	if m := &p.mine; m.problem == "" && m.exist < m.size {
		return m.incomplete()
	}
	return stowage.Success()
}

// PreFilter refuses pods whose labels make no sense; nodes are none of this policy's business.
func (p *policy) PreFilter(*stowage.Cycle, *stowage.Pod) (stowage.PreFilterResult, stowage.Status) {
	if p.mine.problem != "" {
		return stowage.PreFilterResult{}, stowage.UnschedulableAndUnresolvable(p.mine.problem)
	}
	return stowage.PreFilterResult{}, stowage.Skip()
}

// Permit lets the pod go when all of its gang have a node: those that have started, those that wait, and
// this one. It is asked again about a pod that waits when a pod of any gang changes.
func (p *policy) Permit(c *stowage.Cycle, _ *stowage.Pod, _ *stowage.Node) stowage.PermitResult {
	m := &p.mine
	switch {
	case m.key == "":
		return stowage.Allow()
	case m.problem != "":
		return stowage.Deny(stowage.UnschedulableAndUnresolvable(m.problem))
	case m.exist < m.size:
		return stowage.Deny(m.incomplete())
	}
	ready := p.gangs.placed(m.key) + stowage.WaitingPods(m.key)
	if !c.Waiting() {
		ready++
	}
	if ready < m.size {
		c.SetState(waited)
		return stowage.Wait(p.timeout, m.key)
	}
	stowage.AllowWaiting(m.key)
	return stowage.Allow()
}

// waited is the state of a pod that had to wait.
var waited = []byte{1}

// Reserve has nothing to do; it comes with Unreserve.
func (*policy) Reserve(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status {
	return stowage.Success()
}

// Unreserve takes the others along when a pod that waited gives up, because its time is over or because it was
// deleted. Half of the timeout later they try again: sooner than a pod that finds a node now stops waiting for them.
func (p *policy) Unreserve(c *stowage.Cycle, _ *stowage.Pod, _ *stowage.Node) {
	if len(c.State()) == 0 {
		return
	}
	stowage.RejectWaiting(p.mine.key, "another pod of gang "+p.mine.name+" gave up its node")
	stowage.Wake(p.timeout / 2)
}

// incomplete refuses a pod of a gang that has too few. Preemption cannot help.
func (m *wish) incomplete() stowage.Status {
	return stowage.UnschedulableAndUnresolvable("gang " + m.name + " has " + strconv.Itoa(m.exist) + " of " + strconv.Itoa(m.size) + " pods")
}
