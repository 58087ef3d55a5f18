// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// node-number is the toy that scheduler extensions are compared with: a pod and a node whose
// names end with the same digit belong together.
package main

import (
	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

// It reads names only, which are always there.
const reads = stowage.Reads(0)

func init() { stowage.Register(&policy{}, reads) }

func main() {}

var (
	_ stowage.Configurer     = (*policy)(nil)
	_ stowage.CycleStarter   = (*policy)(nil)
	_ stowage.PreScorePlugin = (*policy)(nil)
	_ stowage.ScorePlugin    = (*policy)(nil)
)

// score is what a node gets that suits the pod.
const score = 10

type policy struct {
	reverse bool
	digit   byte
	ok      bool
}

// Configure reads the one setting.
func (p *policy) Configure(raw []byte) error {
	c := config.Parse(raw)
	p.reverse = c.Bool("reverse", false)
	return c.Err()
}

// StartCycle finds the pod's digit.
func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
	p.digit, p.ok = lastDigit(pod.Name())
}

// PreScore steps aside for pods without a digit.
func (p *policy) PreScore(*stowage.Cycle, *stowage.Pod, stowage.Nodes) stowage.Status {
	if !p.ok {
		return stowage.Skip()
	}
	return stowage.Success()
}

// Score is 10 for a node with the pod's digit, or with another digit if reversed, else 0.
func (p *policy) Score(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) (int64, stowage.Status) {
	digit, ok := lastDigit(node.Name())
	if ok && p.ok && (digit == p.digit) != p.reverse {
		return score, stowage.Success()
	}
	return 0, stowage.Success()
}

func lastDigit(name string) (byte, bool) {
	if name == "" {
		return 0, false
	}
	c := name[len(name)-1]
	return c, c >= '0' && c <= '9'
}
