// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/ledger"
)

// account names an account in a way to assign pods, by the label.
type account struct{ label, name string }

// usage is what a ledger says, or should say, by account and resource.
type usage map[account]map[string]int64

// add counts a pod that requests r.
func (u usage) add(labels []string, pod *v1.Pod, r fwk.Resource) {
	for _, label := range labels {
		name, ok := pod.Namespace, true
		if label != "" {
			name, ok = pod.Labels[label]
		}
		if ok {
			u.addTo(account{label, name}, r)
		}
	}
}

func (u usage) addTo(a account, r fwk.Resource) {
	if u[a] == nil {
		u[a] = map[string]int64{}
	}
	u[a]["pods"]++
	u[a]["cpu"] += r.GetMilliCPU()
	u[a]["memory"] += r.GetMemory()
	u[a]["ephemeral-storage"] += r.GetEphemeralStorage()
	for name, n := range r.GetScalarResources() {
		u[a][string(name)] += n
	}
	for name, n := range u[a] {
		if n == 0 {
			delete(u[a], name)
		}
	}
}

func usageOf(l *ledger.Ledger, labels []string) usage {
	u := usage{}
	for _, label := range labels {
		way := l.Account(label)
		for _, name := range l.Accounts(way) {
			u[account{label, name}] = l.Totals(way, name)
		}
	}
	return u
}
