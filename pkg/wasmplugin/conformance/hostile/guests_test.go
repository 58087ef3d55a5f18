// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"k8s.io/component-base/metrics/legacyregistry"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/hostile"
)

// ignored is what the framework gets in place of a fault that is ignored; nothing where it gets no status.
var ignored = map[string]fwk.Code{
	hostile.PreFilter: fwk.Skip, hostile.Filter: fwk.Success, hostile.PreScore: fwk.Skip, hostile.Score: fwk.Success,
	hostile.NormalizeScore: fwk.Success, hostile.AddPod: fwk.Success, hostile.RemovePod: fwk.Success,
	hostile.PreEnqueue: fwk.Success, hostile.PostFilter: fwk.Unschedulable, hostile.RankVictims: fwk.Unschedulable,
	hostile.PodGroupPostFilter: fwk.Unschedulable, hostile.Reserve: fwk.Success, hostile.Permit: fwk.Success,
	hostile.PreBindPreFlight: fwk.Skip, hostile.PreBind: fwk.Success, hostile.Bind: fwk.Skip,
	hostile.GeneratePlacements: fwk.Success, hostile.ScorePlacement: fwk.Success,
}

// same is what the framework gets whatever the failurePolicy, and the point that faults are counted at.
var same = map[string]struct {
	code  fwk.Code
	point string
}{
	hostile.Sign: {fwk.Unschedulable, "Sign"}, hostile.QueueingHint: {fwk.Success, "QueueingHint"},
	hostile.QueueSort: {0, "QueueSort"}, hostile.Unreserve: {0, "Unreserve"}, hostile.PostBind: {0, "PostBind"}, hostile.Idle: {0, "Idle"},
}

// Each guest goes from its bytes to what the scheduler is told, and comes to what it must.
func TestGuestsComeToWhatTheyMust(t *testing.T) {
	s := newScene(t)
	dir := t.TempDir()
	for _, g := range hostile.Corpus() {
		path := filepath.Join(dir, g.Name+".wasm")
		if err := os.WriteFile(path, g.Wasm(), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, failurePolicy := range []string{"Fail", "Ignore"} {
			if failurePolicy == "Ignore" && (g.Where == "" || slices.Contains(hostile.OnLoad(), g.Where)) {
				continue
			}
			t.Run(g.Name+"/"+failurePolicy, func(t *testing.T) {
				s.run(t, g, path, failurePolicy)
			})
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// run tries a guest. Where the machine was too busy for it to do harm within the deadline it is tried again.
func (s *scene) run(t *testing.T, g hostile.Guest, path, failurePolicy string) {
	t.Helper()
	for try := 1; ; try++ {
		before := faultsAt(t, g)
		got := s.try(t, g, path, failurePolicy, before)
		late := strings.Contains(got.message, "deadline exceeded") || strings.Contains(got.message, "no guest became free") ||
			strings.Contains(got.message, "was used up")
		if late && !slices.Contains(g.Want.Kinds, "deadline exceeded") && try < 10 {
			continue
		}
		check(t, g, failurePolicy == "Ignore", got)
		checkCounted(t, g, before)
		return
	}
}

func (s *scene) try(t *testing.T, g hostile.Guest, path, failurePolicy string, before float64) outcome {
	t.Helper()
	plugin, err := s.load(g, path, failurePolicy)
	if err != nil {
		// An empty file is a mistake in the configuration.
		return outcome{message: err.Error()}
	}
	began := time.Now()
	on := *s
	on.TB = t
	got := on.attempt(plugin, g.Where)
	if g.Where == hostile.Idle && g.Want.Result == hostile.Fault {
		awaitIdle(t, g, before)
	}
	if err := plugin.(io.Closer).Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > slow {
		t.Errorf("it took %v", took)
	}
	s.client.ClearActions()
	return got
}

// slow is more than the deadlines of all points together.
const slow = 20 * time.Second

func check(t *testing.T, g hostile.Guest, ignoreFaults bool, got outcome) {
	t.Helper()
	placed, known := g.Placed(ignoreFaults)
	if known && placed != got.placed {
		t.Errorf("placed is %t, want %t (%s)", got.placed, placed, got.message)
	}
	if known && !placed && !g.Explains(ignoreFaults, got.message) {
		t.Errorf("message %q does not tell of %+v", got.message, g.Want)
	}
	if waits := g.Want.Result == hostile.Waiting; waits != got.waits && g.Want.Result != hostile.Anything {
		t.Errorf("waits is %t, want %t (%s)", got.waits, waits, got.message)
	}
	if strings.ContainsFunc(got.message, unicode.IsControl) {
		t.Errorf("message %q has control characters", got.message)
	}
	if g.Want.Result == hostile.Fault && g.Where != hostile.Buffer {
		checkCode(t, g.Where, ignoreFaults, got)
	}
}

// checkCode is about what failurePolicy does where.
func checkCode(t *testing.T, where string, ignoreFaults bool, got outcome) {
	t.Helper()
	want := fwk.Error
	if ignoreFaults {
		want = ignored[where]
	}
	switch {
	case where == hostile.Objects:
		// It is the first point that is asked, or the policy is not loaded, whatever happens first.
		return
	case where == hostile.Score && !ignoreFaults:
		// PreScore scores all nodes.
		where = hostile.PreScore
	}
	code := got.codes[where]
	if silent, ok := same[where]; ok {
		want = silent.code
	}
	if code != want {
		t.Errorf("the framework got %v, want %v (%s)", code, want, got.message)
	}
}

// faultsAt is how many faults were counted where nobody else hears of them.
func faultsAt(t *testing.T, g hostile.Guest) (n float64) {
	t.Helper()
	if !g.Silent() || g.Want.Result != hostile.Fault {
		return 0
	}
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "stowage_policy_faults_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "point" && l.GetValue() == same[g.Where].point {
					n += m.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}

func checkCounted(t *testing.T, g hostile.Guest, before float64) {
	t.Helper()
	if g.Silent() && g.Want.Result == hostile.Fault && faultsAt(t, g) <= before {
		t.Error("the fault was not counted")
	}
}

// awaitIdle gives a guest the time to idle, which it does beside what others do.
func awaitIdle(t *testing.T, g hostile.Guest, before float64) {
	t.Helper()
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until) && faultsAt(t, g) == before; {
		time.Sleep(5 * time.Millisecond)
	}
}
