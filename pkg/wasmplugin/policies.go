// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
)

// PolicyStatus is where a policy stands, for people; it is shown as JSON.
type PolicyStatus struct {
	Profile string `json:"profile"`
	Policy  string `json:"policy"`
	// Role is that of another module in the policy's plugin: canary or shadow.
	Role          string                 `json:"role,omitempty"`
	Mode          v1alpha1.Mode          `json:"mode"`
	FailurePolicy v1alpha1.FailurePolicy `json:"failurePolicy"`
	Loading       generation.Status      `json:"loading"`
	// Retired is how many generations were replaced and are still needed by attempts that began with them.
	Retired int    `json:"retiredGenerations"`
	Breaker string `json:"circuitBreaker"`
	// Differences are the latest decisions of a shadow that differed from the policy's.
	Differences []Difference `json:"differences,omitempty"`
}

// SetSelf says what events about policies are recorded on: what stands for the scheduler, as its pod or its
// lease. It comes before any factory; without it there are none.
func (h *Host) SetSelf(self *v1.ObjectReference) { h.self = self }

// add keeps a plugin's policy for Policies.
func (h *Host) add(p *policy) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.policies = append(h.policies, p)
}

// all is the policies of all plugins, with canaries and shadows.
func (h *Host) all() (all []*policy) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.policies {
		all = append(all, p)
		if p.canary != nil {
			all = append(all, p.canary.policy)
		}
		if p.shadow != nil {
			all = append(all, p.shadow.policy)
		}
	}
	return all
}

// Policies is where all policies stand, by profile and name.
func (h *Host) Policies() []PolicyStatus {
	list := []PolicyStatus{}
	for _, p := range h.all() {
		list = append(list, p.status())
	}
	slices.SortStableFunc(list, func(a, b PolicyStatus) int {
		return cmp.Or(cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.Policy, b.Policy))
	})
	return list
}

func (p *policy) status() PolicyStatus {
	s := PolicyStatus{
		Profile: p.handle.ProfileName(), Policy: p.name, Role: p.role, Mode: p.args.Mode, FailurePolicy: p.args.FailurePolicy,
		Loading: p.pipeline.Status(), Retired: p.retired.count(), Breaker: p.breaker.State().String(),
	}
	if p.shadowing != nil {
		s.Differences = p.shadowing.differences()
	}
	return s
}

// Ready is nil if each policy has a module whose absence would keep pods from being placed.
func (h *Host) Ready() error {
	var errs []error
	for _, p := range h.all() {
		if p.ignoreFaults || p.monitored || p.module.Load() != nil {
			continue
		}
		errs = append(errs, fmt.Errorf("policy %q of profile %q: %w", p.id, p.handle.ProfileName(), p.missing()))
	}
	return errors.Join(errs...)
}
