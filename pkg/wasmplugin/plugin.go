// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// policy is one configured policy in one profile. It holds nothing of a cycle: that is in the
// CycleState.
type policy struct {
	name                string
	host                *Host
	handle              fwk.Handle
	store               *snapshot.Store
	pool                *guest.Pool
	about               guest.Description
	logger              klog.Logger
	filterKey, scoreKey fwk.StateKey
	// lookups holds a *lookup for each CPU that filters.
	lookups sync.Pool
}

// common is what every plugin has, whatever points its policy answers.
type common struct{ policy *policy }

// Name is the name that the operator gave the policy.
func (c common) Name() string { return c.policy.name }

// Close ends the policy's guests; calls that still run finish first.
func (c common) Close() error { return c.policy.pool.Close(context.Background()) }

// SignPod declines: a policy may look at anything of a pod, so two pods are only alike to it
// if it says so, and version 1.0 of the ABI has no way to say it. Without this method the
// framework would give up batching for every pod of the profile.
func (c common) SignPod(context.Context, *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	return nil, unsigned
}

// The framework finds a plugin's extension points by its methods, so there is a type for each
// combination that a module may have.
type (
	filterPlugin struct {
		common
		filterPoints
	}
	scorePlugin struct {
		common
		scorePoints
	}
	filterScorePlugin struct {
		common
		filterPoints
		scorePoints
	}
)

const (
	filterMask = abi.PointPreFilter | abi.PointFilter
	scoreMask  = abi.PointPreScore | abi.PointScore | abi.PointNormalizeScore
)

// expose returns the policy as a plugin with the points that its module answers.
func (p *policy) expose() fwk.Plugin {
	c := common{p}
	switch filters, scores := p.about.Has(filterMask), p.about.Has(scoreMask); {
	case filters && scores:
		return &filterScorePlugin{c, filterPoints{p}, scorePoints{p}}
	case scores:
		return &scorePlugin{c, scorePoints{p}}
	}
	return &filterPlugin{c, filterPoints{p}}
}
