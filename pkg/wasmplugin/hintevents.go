// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// watched is what the scheduler watches. Each may be named in full, as here, or without its group.
var watched = []fwk.EventResource{
	fwk.Pod, fwk.AssignedPod, fwk.UnscheduledPod, fwk.TargetPod, fwk.Node,
	fwk.PersistentVolume, fwk.PersistentVolumeClaim,
	fwk.CSINode, fwk.CSIDriver, fwk.VolumeAttachment, fwk.CSIStorageCapacity, fwk.StorageClass,
	fwk.ResourceClaim, fwk.ResourceSlice, fwk.DeviceClass,
	fwk.PodGroup, fwk.CompositePodGroup,
}

// everything is the events of a policy that declares none. It is what the framework assumes of a
// plugin that says nothing, and pod groups: more could have the scheduler watch what it may not.
var everything = []fwk.EventResource{
	fwk.AssignedPod, fwk.UnscheduledPod, fwk.TargetPod, fwk.Node,
	fwk.PersistentVolume, fwk.PersistentVolumeClaim,
	fwk.CSINode, fwk.CSIDriver, fwk.CSIStorageCapacity, fwk.StorageClass,
	fwk.ResourceClaim, fwk.DeviceClass,
	fwk.PodGroup,
}

// resourceOf is the framework's name of a resource.
func resourceOf(name string) (fwk.EventResource, bool) {
	for _, r := range watched {
		if name == string(r) || name == short(r) {
			return r, true
		}
	}
	return "", false
}

// short is the name without its group.
func short(r fwk.EventResource) string { return string(r[strings.LastIndex(string(r), "/")+1:]) }

// podResources are pods in general, and those in which the framework tells them apart.
var podResources = []fwk.EventResource{fwk.Pod, fwk.AssignedPod, fwk.UnscheduledPod, fwk.TargetPod}

// actions is the framework's actions for those of the contract, and the resources that have them; nil
// is all resources.
var actions = []struct {
	bit       uint32
	action    fwk.ActionType
	resources []fwk.EventResource
}{
	{abi.ActionAdd, fwk.Add, nil},
	{abi.ActionDelete, fwk.Delete, nil},
	{abi.ActionUpdate, fwk.Update, nil},
	{abi.ActionUpdateNodeAllocatable, fwk.UpdateNodeAllocatable, []fwk.EventResource{fwk.Node}},
	{abi.ActionUpdateNodeLabels, fwk.UpdateNodeLabel, []fwk.EventResource{fwk.Node}},
	{abi.ActionUpdateNodeTaints, fwk.UpdateNodeTaint, []fwk.EventResource{fwk.Node}},
	{abi.ActionUpdateNodeConditions, fwk.UpdateNodeCondition, []fwk.EventResource{fwk.Node}},
	{abi.ActionUpdateNodeAnnotations, fwk.UpdateNodeAnnotation, []fwk.EventResource{fwk.Node}},
	{abi.ActionUpdatePodLabels, fwk.UpdatePodLabel, podResources},
	{abi.ActionUpdatePodScaleDown, fwk.UpdatePodScaleDown, podResources},
	{abi.ActionUpdatePodTolerations, fwk.UpdatePodToleration, podResources},
	{abi.ActionUpdatePodGatesEliminated, fwk.UpdatePodSchedulingGatesEliminated, podResources},
}

// eventOf translates what a policy declares. The framework would never match an action that the
// resource does not have, and would wait forever for a resource that does not exist, so both are
// errors.
func eventOf(need guest.EventNeed) (e fwk.ClusterEvent, err error) {
	var ok bool
	if e.Resource, ok = resourceOf(need.Resource); !ok {
		return e, fmt.Errorf("the scheduler does not watch %q; it watches %s; declare other kinds as objects that the policy reads", need.Resource, known())
	}
	rest := need.Actions
	for _, a := range actions {
		if rest&a.bit == 0 {
			continue
		}
		if a.resources != nil && !slices.Contains(a.resources, e.Resource) {
			return e, fmt.Errorf("%q has no action %#x", need.Resource, a.bit)
		}
		e.ActionType |= a.action
		rest &^= a.bit
	}
	switch {
	case rest != 0:
		return e, fmt.Errorf("actions %#x of %q are not known", rest, need.Resource)
	case e.ActionType == 0:
		return e, fmt.Errorf("%q has no actions", need.Resource)
	}
	return e, nil
}

// known is the names of what the scheduler watches, for people.
func known() string {
	names := make([]string, len(watched))
	for i, r := range watched {
		names[i] = short(r)
	}
	return strings.Join(names, ", ")
}

// checkNeeds tells what is wrong with the events that a policy declares.
func checkNeeds(needs guest.Needs) error {
	var errs []error
	for i, need := range needs.Events {
		if _, err := eventOf(need); err != nil {
			errs = append(errs, fmt.Errorf("%w: event %d that it declares: %w", engine.ErrModule, i, err))
		}
	}
	return errors.Join(errs...)
}
