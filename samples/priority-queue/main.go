// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// priority-queue tries pods by their class, which a label names, and then by their age.
package main

import (
	"slices"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

const reads = stowage.ReadPodLabels

func init() { stowage.Register(newPolicy(), reads) }

func main() {}

var (
	_ stowage.Configurer      = (*policy)(nil)
	_ stowage.QueueSortPlugin = (*policy)(nil)
)

type policy struct {
	label string
	// classes are from the best to the worst; pods without a known class are of the default one.
	classes      []string
	defaultClass int
}

func newPolicy() *policy {
	return &policy{label: "stowage.dev/class", classes: []string{"high", "normal", "low"}, defaultClass: 1}
}

// Configure sets the label and the classes.
func (p *policy) Configure(raw []byte) error {
	c := config.Parse(raw)
	if p.label = c.String("label", p.label); p.label == "" {
		c.Problem("label", "must be a label's key such as example.com/class")
	}
	normal := p.classes[p.defaultClass]
	if c.Has("classes") {
		p.classes = classes(c)
	}
	normal = c.String("defaultClass", normal)
	if p.defaultClass = slices.Index(p.classes, normal); p.defaultClass < 0 {
		c.Problem("defaultClass", "must be one of classes, is \""+normal+"\"")
	}
	return c.Err()
}

func classes(c *config.Object) []string {
	list := c.Strings("classes")
	for i, class := range list {
		if class == "" || slices.Contains(list[:i], class) {
			c.Problem("classes", "must be different values of a label, has \""+class+"\"")
		}
	}
	return list
}

// QueueSort puts better classes first, and older pods first within a class. Pods of the same second, which is as
// exactly as Kubernetes knows their age, keep the order in which they came.
func (p *policy) QueueSort(pod *stowage.Pod) stowage.SortKey {
	value, _ := pod.Label(p.label)
	class := slices.Index(p.classes, value)
	if class < 0 {
		class = p.defaultClass
	}
	return stowage.NewSortKey().Int(int64(class)).Int(pod.CreatedUnixNano())
}
