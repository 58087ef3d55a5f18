// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// placer is a guest that answers with these placements, and with a score for each.
func placer(placements ...guest.Placement) *wt.Policy {
	p := wt.NewPolicy()
	p.Descriptor.Points = abi.PointGeneratePlacements | abi.PointScorePlacement
	table, rest := []byte{}, []byte{}
	restAt := uint32(wt.TextAt + len(placements)*int(unsafe.Sizeof(abi.Placement{})))
	for _, placement := range placements {
		var rec abi.Placement
		rec.Slots, rec.SlotCount = restAt+uint32(len(rest)), uint32(len(placement.Slots))
		for _, slot := range placement.Slots {
			rest = binary.LittleEndian.AppendUint32(rest, slot)
		}
		rec.Name = abi.Span{Addr: restAt + uint32(len(rest)), Len: uint32(len(placement.Name))}
		rest = append(rest, placement.Name+"\x00\x00\x00\x00"[len(placement.Name)%4:]...)
		for _, n := range []uint32{rec.Name.Addr, rec.Name.Len, rec.Slots, rec.SlotCount} {
			table = binary.LittleEndian.AppendUint32(table, n)
		}
	}
	var f abi.Frame
	return p.Text(string(table)+string(rest)).
		Body(abi.ExportGeneratePlacements,
			wt.SetResult(unsafe.Offsetof(f.Placements), wt.TextAt),
			wt.SetResult(unsafe.Offsetof(f.PlacementCount), uint32(len(placements))), wt.Const(0)).
		Body(abi.ExportScorePlacement, storeScore(groupField(unsafe.Offsetof(abi.PodGroup{}.MinCount))), wt.Const(0))
}

// groupField is code that leaves a field of the group.
func groupField(field uintptr) []byte {
	return wt.Code(wt.Load(wt.FrameAt+uint32(unsafe.Offsetof(abi.Frame{}.Group))), wt.Const(uint32(field)), wt.Add(), wt.LoadTop())
}

// storeScore is code that makes the i32 that code leaves the score of a placement.
func storeScore(code []byte) []byte {
	const extend = 0xad // i32 to i64
	return wt.Code(wt.Load(wt.FrameAt+uint32(unsafe.Offsetof(abi.Frame{}.Results))), code, []byte{extend}, wt.Store64Top())
}

// groupOf is a gang of n pods, of which least must fit.
func groupOf(n int, least int32) *framework.PodGroupInfo {
	g := &framework.PodGroupInfo{
		Namespace: "ns", Name: "gang", Type: fwk.PodGroupKeyType,
		PodGroup: st.MakePodGroup().Namespace("ns").Name("gang").UID("gang").MinCount(least).Obj(),
	}
	for i := range n {
		name := fmt.Sprintf("gang-%d", i)
		g.UnscheduledPods = append(g.UnscheduledPods, st.MakePod().Namespace("ns").Name(name).UID(name).Obj())
	}
	return g
}

// inOrder gives the snapshot's list, which comes from a map, the order of the nodes' names.
func (h *harness) inOrder() *harness {
	h.Helper()
	slices.SortFunc(h.nodes(), func(a, b fwk.NodeInfo) int { return strings.Compare(a.Node().Name, b.Node().Name) })
	return h
}

// nested is the state of the cycle of a group that is part of another.
func nested() *framework.CycleState {
	state := framework.NewCycleState()
	state.SetPlacementCycleState(framework.NewCycleState())
	return state
}

// placements is what the plugin makes of all nodes: the name and nodes of each, or a status.
func (h *harness) placements(state fwk.PodGroupCycleState, g fwk.PodGroupInfo) (got []string, status string) {
	h.Helper()
	result, s := h.plugin.(fwk.PlacementGeneratePlugin).GeneratePlacements(h.ctx, state, g, &fwk.Placement{Name: "all", Nodes: h.nodes()})
	if !s.IsSuccess() {
		return nil, describe(s)
	}
	for _, p := range result.Placements {
		got = append(got, h.describePlacement(p))
	}
	return got, ""
}

func (h *harness) describePlacement(p *fwk.Placement) string {
	h.Helper()
	text := p.Name + ":"
	for _, info := range p.Nodes {
		name := info.Node().Name
		if own, err := h.snap.Get(name); err != nil || own != info {
			h.Errorf("node %s of placement %s is not the snapshot's object (%v)", name, p.Name, err)
		}
		text += " " + name
	}
	return text
}

// assignment is a pod of a group with the node that it would be on.
type assignment struct {
	fwk.ProposedAssignment
	pod  *v1.Pod
	node string
}

func (a assignment) GetPod() *v1.Pod     { return a.pod }
func (a assignment) GetNodeName() string { return a.node }

// assign places the group's pods on the nodes in turn.
func assign(g *framework.PodGroupInfo, nodes ...string) *fwk.PodGroupAssignments {
	out := &fwk.PodGroupAssignments{Placement: &fwk.Placement{Name: strings.Join(nodes, ",")}}
	for i, pod := range g.UnscheduledPods {
		out.ProposedAssignments = append(out.ProposedAssignments, assignment{pod: pod, node: nodes[i%len(nodes)]})
	}
	return out
}

// scorePlacement scores a placement in a group's cycle.
func (h *harness) scorePlacement(cycle fwk.PodGroupCycleState, g fwk.PodGroupInfo, assignments *fwk.PodGroupAssignments) (int64, string) {
	state := framework.NewCycleState()
	state.SetPodGroupSchedulingCycle(cycle)
	score, status := h.plugin.(fwk.PlacementScorePlugin).ScorePlacement(h.ctx, state, g, assignments)
	return score, describe(status)
}

func set(name string, slots ...uint32) guest.Placement {
	return guest.Placement{Name: name, Slots: slots}
}

func TestGeneratePlacements(t *testing.T) {
	const outside = "Error: ABI violation in stowage_generate_placements: placement \"a\" has slot 0x"
	for name, tc := range map[string]struct {
		answer []guest.Placement
		want   []string
		fail   string
	}{
		"a partition":                {answer: []guest.Placement{set("a", 0, 2), set("b", 1)}, want: []string{"a: n0 n2", "b: n1"}},
		"placements may overlap":     {answer: []guest.Placement{set("a", 1, 0), set("b", 1, 2)}, want: []string{"a: n1 n0", "b: n1 n2"}},
		"they are sets":              {answer: []guest.Placement{set("a", 0, 1, 0), set("b", 0)}, want: []string{"a: n0 n1", "b: n0"}},
		"empty ones are dropped":     {answer: []guest.Placement{set("a"), set("b", 1)}, want: []string{"b: n1"}},
		"names are made unique":      {answer: []guest.Placement{set("a", 0), set("a", 1), set("a-2", 2)}, want: []string{"a: n0", "a-2: n1", "a-2-2: n2"}},
		"names are made up":          {answer: []guest.Placement{set("", 0), set("\xff", 1)}, want: []string{"placement: n0", "\ufffd: n1"}},
		"none":                       {},
		"a slot that no node has":    {answer: []guest.Placement{set("a", 0, 3)}, fail: outside},
		"a slot far out of the call": {answer: []guest.Placement{set("a", 1<<30)}, fail: outside},
	} {
		for depth, cycle := range map[string]func() (*framework.CycleState, uint32){
			"group": func() (*framework.CycleState, uint32) { return framework.NewCycleState(), 0 },
			// Its nodes are encoded for the call.
			"part of a group": func() (*framework.CycleState, uint32) { return nested(), abi.ScratchSlot },
		} {
			t.Run(name+"/"+depth, func(t *testing.T) {
				state, flag := cycle()
				h := newHarnessOf(t, placer(flagged(tc.answer, flag)...), nil).inOrder()
				got, fail := h.placements(state, groupOf(2, 2))
				if !strings.HasPrefix(fail, tc.fail) || (fail == "") != (tc.fail == "") {
					t.Fatalf("status %q, want %q", fail, tc.fail)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("placements (-want,+got):\n%s", diff)
				}
			})
		}
	}
}

func flagged(in []guest.Placement, flag uint32) (out []guest.Placement) {
	for _, p := range in {
		var slots []uint32
		for _, slot := range p.Slots {
			slots = append(slots, slot|flag)
		}
		out = append(out, guest.Placement{Name: p.Name, Slots: slots})
	}
	return out
}

// A group without pods to place is not the policy's business.
func TestPlacementsWithoutPods(t *testing.T) {
	h := newHarnessOf(t, placer().Body(abi.ExportGeneratePlacements, wt.Unreachable()).Body(abi.ExportScorePlacement, wt.Unreachable()), nil).inOrder()
	g := groupOf(0, 1)
	got, fail := h.placements(framework.NewCycleState(), g)
	if diff := cmp.Diff([]string{"all: n0 n1 n2"}, got); diff != "" || fail != "" {
		t.Errorf("status %q, placements (-want,+got):\n%s", fail, diff)
	}
	if score, fail := h.scorePlacement(framework.NewCycleState(), g, assign(g)); score != 0 || fail != "" {
		t.Errorf("score %d %q, want 0", score, fail)
	}
}

func TestPlacementFailures(t *testing.T) {
	const undivided = "all: n0 n1 n2"
	trap := func(export string) *wt.Policy { return placer().Body(export, wt.Unreachable()) }
	tooHigh := placer().Body(abi.ExportScorePlacement, storeScore(wt.Const(101)), wt.Const(0))
	choice := placer().Body(abi.ExportGeneratePlacements, wt.Const(uint32(abi.Error))).Body(abi.ExportScorePlacement, wt.Const(uint32(abi.Error)))
	for name, tc := range map[string]struct {
		guest            *wt.Policy
		policy           string
		placements, fail string
		scored           string
	}{
		"generating, Fail":   {trap(abi.ExportGeneratePlacements), "Fail", "", "Error: trap in stowage_generate_placements: wasm error: unreachable", ""},
		"generating, Ignore": {trap(abi.ExportGeneratePlacements), "Ignore", undivided, "", ""},
		"scoring, Fail":      {trap(abi.ExportScorePlacement), "Fail", "", "", "Error: trap in stowage_score_placement: wasm error: unreachable"},
		"scoring, Ignore":    {trap(abi.ExportScorePlacement), "Ignore", "", "", ""},
		"out of range":       {tooHigh, "Fail", "", "", "Error: ABI violation in stowage_score_placement: score 101 is not in [0, 100]"},
		// What a policy chooses is not ignored.
		"chosen": {choice, "Ignore", "", "Error: ", "Error: "},
	} {
		t.Run(name, func(t *testing.T) {
			h, g := newHarnessOf(t, tc.guest, map[string]any{"failurePolicy": tc.policy}).inOrder(), groupOf(2, 0)
			got, fail := h.placements(framework.NewCycleState(), g)
			if strings.Join(got, "; ") != tc.placements || fail != tc.fail {
				t.Errorf("placements %q, status %q, want %q, %q", got, fail, tc.placements, tc.fail)
			}
			if score, fail := h.scorePlacement(framework.NewCycleState(), g, assign(g, "n0")); score != 0 || fail != tc.scored {
				t.Errorf("score %d, status %q, want 0, %q", score, fail, tc.scored)
			}
		})
	}
}

// While the policy has no module, or its breaker is open, failurePolicy decides.
func TestPlacementsWithoutGuest(t *testing.T) {
	g := groupOf(2, 1)
	for policy, want := range map[string]string{"Fail": "Error: " + errOpen.Error(), "Ignore": ""} {
		h := newHarnessOf(t, placer().Body(abi.ExportScorePlacement, wt.Unreachable()),
			map[string]any{"failurePolicy": policy, "circuitBreaker": map[string]any{"faults": 1}})
		h.scorePlacement(framework.NewCycleState(), g, assign(g, "n0"))
		if _, fail := h.scorePlacement(framework.NewCycleState(), g, assign(g, "n0")); fail != want {
			t.Errorf("score with %s and an open breaker: %q, want %q", policy, fail, want)
		}
		if _, fail := h.placements(framework.NewCycleState(), g); fail != want {
			t.Errorf("placements with %s and an open breaker: %q, want %q", policy, fail, want)
		}
		none := newHarnessOfBytes(t, []byte("no module"), map[string]any{"failurePolicy": policy})
		_, fail := none.scorePlacement(framework.NewCycleState(), g, assign(g, "n0"))
		if missing := strings.HasPrefix(fail, "Error: "+errMissing.Error()); missing != (policy == "Fail") || (fail == "") == missing {
			t.Errorf("score with %s and no module: %q", policy, fail)
		}
		if _, generates := none.plugin.(fwk.PlacementGeneratePlugin); generates {
			t.Error("a policy without a module takes the profile's one place for a generator")
		}
	}
}

// One fault ends the scoring of all placements of a group, which are scored at the same time.
func TestPlacementFaultIsOne(t *testing.T) {
	h, g := newHarnessOf(t, placer().Body(abi.ExportScorePlacement, wt.Unreachable()), map[string]any{"failurePolicy": "Ignore"}), groupOf(3, 3)
	for range 3 {
		before, cycle := faults(t, "trap"), framework.NewCycleState()
		var workers sync.WaitGroup
		for range 16 {
			workers.Go(func() {
				if score, fail := h.scorePlacement(cycle, g, assign(g, "n0", "n1")); score != 0 || fail != "" {
					t.Errorf("score %d %q, want 0", score, fail)
				}
			})
		}
		workers.Wait()
		if got := faults(t, "trap") - before; got < 1 || got > 2 {
			t.Errorf("%d faults in a group, want one per running guest at most", got)
		}
	}
}

// A placement may name a node that is gone only if the scheduler is wrong.
func TestPlacementOnUnknownNode(t *testing.T) {
	h, g := newHarnessOf(t, placer(), nil), groupOf(1, 1)
	_, fail := h.scorePlacement(framework.NewCycleState(), g, assign(g, "gone"))
	if want := `Error: looking at a node of a placement: nodeinfo not found for node name "gone"`; fail != want {
		t.Errorf("status %q, want %q", fail, want)
	}
}

// How many pods of a group must be placed: those on nodes count.
func TestMissingPods(t *testing.T) {
	composite := func(least int32, parts ...*framework.PodGroupInfo) *framework.PodGroupInfo {
		c := st.MakeCompositePodGroup().Namespace("ns").Name("all").MinGroupCount(least).Obj()
		return &framework.PodGroupInfo{Namespace: "ns", Name: "all", Type: fwk.CompositePodGroupKeyType, CompositePodGroup: c, Children: parts}
	}
	basic := groupOf(3, 0)
	basic.PodGroup = st.MakePodGroup().Namespace("ns").Name("basic").BasicPolicy().Obj()
	for name, tc := range map[string]struct {
		group *framework.PodGroupInfo
		want  int64
	}{
		"a gang":                   {groupOf(3, 2), 2},
		"no gang":                  {basic, 1},
		"the smallest parts":       {composite(2, groupOf(9, 7), groupOf(9, 3), groupOf(9, 5)), 8},
		"more parts than there is": {composite(5, groupOf(9, 7), basic), 8},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarnessOf(t, placer(), nil)
			score, fail := h.scorePlacement(framework.NewCycleState(), tc.group, assign(groupOf(1, 1), "n0"))
			if score != tc.want || fail != "" {
				t.Errorf("the guest sees %d %q, want %d", score, fail, tc.want)
			}
		})
	}
}
