// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

func TestDeclaredEvents(t *testing.T) {
	for name, tc := range map[string]struct {
		need guest.EventNeed
		want fwk.ClusterEvent
		err  string
	}{
		"node": {
			need: guest.EventNeed{Resource: "Node", Actions: abi.ActionAdd | abi.ActionUpdateNodeAllocatable | abi.ActionUpdateNodeTaints},
			want: fwk.ClusterEvent{Resource: fwk.Node, ActionType: fwk.Add | fwk.UpdateNodeAllocatable | fwk.UpdateNodeTaint},
		},
		"pod": {
			need: guest.EventNeed{Resource: "AssignedPod", Actions: abi.ActionDelete | abi.ActionUpdatePodScaleDown},
			want: fwk.ClusterEvent{Resource: fwk.AssignedPod, ActionType: fwk.Delete | fwk.UpdatePodScaleDown},
		},
		"any update": {
			need: guest.EventNeed{Resource: "Pod", Actions: abi.ActionUpdate},
			want: fwk.ClusterEvent{Resource: fwk.Pod, ActionType: fwk.Update},
		},
		"short name": {
			need: guest.EventNeed{Resource: "CSINode", Actions: abi.ActionAdd},
			want: fwk.ClusterEvent{Resource: fwk.CSINode, ActionType: fwk.Add},
		},
		"full name": {
			need: guest.EventNeed{Resource: "resource.k8s.io/ResourceClaim", Actions: abi.ActionDelete},
			want: fwk.ClusterEvent{Resource: fwk.ResourceClaim, ActionType: fwk.Delete},
		},
		"unknown resource": {need: guest.EventNeed{Resource: "configmaps.v1", Actions: abi.ActionAdd}, err: `does not watch "configmaps.v1"`},
		"no resource":      {need: guest.EventNeed{Actions: abi.ActionAdd}, err: `does not watch ""`},
		"everything":       {need: guest.EventNeed{Resource: "*", Actions: abi.ActionAdd}, err: `does not watch "*"`},
		"no actions":       {need: guest.EventNeed{Resource: "Node"}, err: `"Node" has no actions`},
		"unknown action":   {need: guest.EventNeed{Resource: "Node", Actions: 1<<31 | abi.ActionAdd}, err: `actions 0x80000000 of "Node" are not known`},
		"another's action": {need: guest.EventNeed{Resource: "Node", Actions: abi.ActionUpdatePodLabels}, err: `"Node" has no action 0x100`},
		"part of a claim":  {need: guest.EventNeed{Resource: "PersistentVolumeClaim", Actions: abi.ActionUpdateNodeLabels}, err: "has no action"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := eventOf(tc.need)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error = %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("event (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestNeedsAreChecked(t *testing.T) {
	good := guest.EventNeed{Resource: "Node", Actions: abi.ActionAdd}
	if err := checkNeeds(guest.Needs{Events: []guest.EventNeed{good}}); err != nil {
		t.Errorf("error = %v, want none", err)
	}
	err := checkNeeds(guest.Needs{Events: []guest.EventNeed{{Resource: "Nod", Actions: 1}, good, {Resource: "Pod"}}})
	if !errors.Is(err, engine.ErrModule) {
		t.Fatalf("error = %v, want %v", err, engine.ErrModule)
	}
	for _, want := range []string{"event 0 ", "event 2 "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want one about %q", err, want)
		}
	}
}

// Every action of the contract but those of Event is translated.
func TestActionsAreComplete(t *testing.T) {
	var all uint32
	for _, a := range actions {
		all |= a.bit
	}
	if want := abi.ActionUpdatePodGatesEliminated<<1 - 1; all != want {
		t.Errorf("actions = %#x, want %#x", all, want)
	}
}
