// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/ledger"
)

// stage is a ledger with one node, of which a test tells step by step.
type stage struct {
	*testing.T
	*ledger.Ledger
	node *framework.NodeInfo
}

func newStage(t *testing.T, pods ...*v1.Pod) *stage {
	s := &stage{t, ledger.New(), nodeOf("node", pods...)}
	s.Account("")
	s.Sync(listOf(s.node))
	return s
}

// pods fails the test unless so many pods are counted.
func (s *stage) pods(want int64) {
	s.Helper()
	if got := s.Used(0, "ns", "pods"); got != want {
		s.Fatalf("%d pods are counted, want %d", got, want)
	}
	if got := s.Used(0, "ns", "cpu"); got != 1000*want {
		s.Fatalf("cpu = %d, want %d", got, 1000*want)
	}
}

// forgotten fails the test if any reservation is kept.
func (s *stage) forgotten() {
	s.Helper()
	if _, n := s.Kept(); n > 0 {
		s.Errorf("%d reservations are kept", n)
	}
}

func (s *stage) remove(pod *v1.Pod) {
	s.Helper()
	if err := s.node.RemovePod(klog.Background(), pod); err != nil {
		s.Fatal(err)
	}
}

// inPlace changes the node under its generation, as pod-group cycles do.
func (s *stage) inPlace(change func()) {
	gen := s.node.Generation
	change()
	s.node.Generation = gen
}

func (s *stage) sync() { s.Sync(listOf(s.node)) }
