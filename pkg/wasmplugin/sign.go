// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"encoding/base64"
	"strconv"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// Reasons why pods are not signed.
const (
	noSigner    = "the policy does not sign pods"
	noSignature = "the policy left no signature"
	brokeDown   = "the policy broke down lately"
)

// SignPod asks the policy for what it looks at in the pod. A policy may look at anything, so two pods
// are only alike to it if it says so: one that does not sign, refuses to or breaks down has its pods
// scheduled one by one. Without this method the framework would do that with every pod of the profile.
//
// The framework calls it when a pod is added or changes, with the scheduling queue locked.
func (c common) SignPod(ctx context.Context, pod *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	p := c.policy.of(pod)
	if l := p.module.Load(); l != nil && !l.about.Has(abi.PointSign) {
		return nil, unsigned(noSigner)
	}
	if !p.queueing.respite.over() {
		return nil, unsigned(brokeDown)
	}
	a := p.queued(signPoint, pod)
	if !a.answers(abi.PointSign) {
		return nil, unsigned(noSigner)
	}
	answer, err := p.ask(ctx, signPoint, a, guest.Sign, guest.Batch{})
	switch {
	case err != nil:
		p.queueing.respite.begin()
		return nil, unsigned(err.Error())
	case answer.Code != abi.Success:
		return nil, unsigned(answer.Reason)
	case answer.State == nil:
		return nil, unsigned(noSignature)
	}
	return []fwk.SignFragment{{Key: signKey(p), Value: signed(a.module.loaded, answer.State)}}, nil
}

// signKey is the policy's part of a pod's signature.
func signKey(p *policy) string { return "stowage.dev/" + p.id }

// signed is printable, as the framework makes JSON of it. Bytes that different generations left mean
// different things.
func signed(l *loaded, b []byte) string {
	return l.digest + "/" + strconv.Itoa(l.number) + "/" + base64.RawStdEncoding.EncodeToString(b)
}
