// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// The conformance guest does what the annotations of the pod tell it to, so that a host can
// check that guests see every field of nodes and pods, and that every result comes back.
//
//	conformance/echo: <field>          Filter refuses each node; the reason is the field's value
//	conformance/filter: <outcome>      Filter's outcome for every node
//	conformance/pre-filter: <outcome>  PreFilter's outcome; also "only a,b" for a subset (or "only")
//	conformance/state: <text>          the state that PreFilter leaves
//	conformance/pre-score: <outcome>   PreScore's outcome
//	conformance/score: <outcome>       Score's outcome for every node
//	conformance/score-label: <key>     Score is the number in this label of the node; 0 without
//	conformance/normalize: <how>       "reverse" (100 - score), "top" (scaled to the highest), or an outcome
//	conformance/log: <text>            StartCycle logs the text
//
// An outcome is success, skip, panic, or error, unschedulable, unresolvable with a reason
// behind a colon: "unschedulable: no room". Without an annotation the outcome is success, and
// scores stay as they are.
//
// The configuration may be any text; {"refuse":"<reason>"} is refused.
//
// Fields are "config", "state", "nodes" (names of all nodes of the snapshot, sorted), and those
// of nodefields.go and podfields.go. Values of lists are separated by "; ", parts of an entry by
// one space, and strings in them are quoted as in Go. A field that does not exist reads "no such field".
package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

const reads = stowage.ReadNodeLabels | stowage.ReadNodeTaints | stowage.ReadNodeExtended |
	stowage.ReadNodeConditions | stowage.ReadNodeImages | stowage.ReadNodeAnnotations |
	stowage.ReadNodePods | stowage.ReadNodePorts | stowage.ReadNodeTable |
	stowage.ReadPodLabels | stowage.ReadPodAnnotations | stowage.ReadPodTolerations |
	stowage.ReadPodAffinity | stowage.ReadPodContainers | stowage.ReadPodVolumes | stowage.ReadPodOwners

func init() { stowage.Register(&policy{}, reads) }

func main() {}

type policy struct {
	config string
}

// Configure keeps the text.
func (p *policy) Configure(raw []byte) error {
	p.config = string(raw)
	if reason := config.Parse(raw).String("refuse", ""); reason != "" {
		return errors.New(reason)
	}
	return nil
}

// StartCycle logs.
func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
	if text, ok := pod.Annotation("conformance/log"); ok {
		stowage.Log(stowage.LevelInfo, text)
	}
}

// PreFilter leaves state and restricts nodes.
func (p *policy) PreFilter(c *stowage.Cycle, pod *stowage.Pod) (stowage.PreFilterResult, stowage.Status) {
	state, _ := pod.Annotation("conformance/state")
	r := stowage.PreFilterResult{State: []byte(state)}
	how, _ := pod.Annotation("conformance/pre-filter")
	only, ok := strings.CutPrefix(how, "only")
	if !ok {
		return r, outcome(pod, "conformance/pre-filter")
	}
	names := strings.Split(strings.TrimSpace(only), ",")
	r.Subset = &stowage.Subset{}
	for node := range c.Nodes() {
		if slices.Contains(names, node.Name()) {
			r.Subset.Add(node)
		}
	}
	return r, stowage.Success()
}

// Filter echoes a field.
func (p *policy) Filter(c *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) stowage.Status {
	if field, ok := pod.Annotation("conformance/echo"); ok {
		return stowage.Unschedulable(p.echo(c, pod, node, field))
	}
	return outcome(pod, "conformance/filter")
}

func (p *policy) echo(c *stowage.Cycle, pod *stowage.Pod, node *stowage.Node, field string) string {
	switch field {
	case "config":
		return p.config
	case "state":
		return string(c.State())
	case "nodes":
		var names []string
		for n := range c.Nodes() {
			names = append(names, strings.Clone(n.Name()))
		}
		slices.Sort(names)
		return strings.Join(names, "; ")
	}
	if read, ok := nodeFields[field]; ok {
		return read(node)
	}
	if read, ok := podFields[field]; ok {
		return read(pod, node)
	}
	return "no such field"
}

// PreScore does nothing but what it is told.
func (p *policy) PreScore(_ *stowage.Cycle, pod *stowage.Pod, _ stowage.Nodes) stowage.Status {
	return outcome(pod, "conformance/pre-score")
}

// Score reads a label.
func (p *policy) Score(_ *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) (int64, stowage.Status) {
	key, _ := pod.Annotation("conformance/score-label")
	text, _ := node.Label(key)
	n, _ := strconv.ParseInt(text, 10, 64)
	return n, outcome(pod, "conformance/score")
}

// NormalizeScore scales.
func (p *policy) NormalizeScore(_ *stowage.Cycle, pod *stowage.Pod, nodes stowage.Nodes, scores []int64) stowage.Status {
	how, _ := pod.Annotation("conformance/normalize")
	top := int64(0)
	for i := range nodes.All() {
		top = max(top, scores[i])
	}
	for i := range scores {
		switch {
		case how == "reverse":
			scores[i] = stowage.MaxScore - scores[i]
		case how == "top" && top > 0:
			scores[i] = scores[i] * stowage.MaxScore / top
		}
	}
	if how == "reverse" || how == "top" {
		return stowage.Success()
	}
	return outcome(pod, "conformance/normalize")
}

func outcome(pod *stowage.Pod, annotation string) stowage.Status {
	text, _ := pod.Annotation(annotation)
	code, reason, _ := strings.Cut(text, ": ")
	switch code {
	case "skip":
		return stowage.Skip()
	case "panic":
		panic("the pod asked for a panic: " + annotation)
	case "error":
		return stowage.Error(reason)
	case "unschedulable":
		return stowage.Unschedulable(reason)
	case "unresolvable":
		return stowage.UnschedulableAndUnresolvable(reason)
	}
	return stowage.Success()
}
