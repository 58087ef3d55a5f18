// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"bytes"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// cluster is what a policy can ask the host about besides nodes and its pod.
type cluster struct {
	used    map[usedKey]int64
	objects map[objectKey]*Object
	waiting map[string]int
	shared  map[string][]byte
}

type usedKey struct {
	source            int
	account, resource string
}

type objectKey struct {
	source          int
	namespace, name string
}

func newCluster() cluster {
	return cluster{map[usedKey]int64{}, map[objectKey]*Object{}, map[string]int{}, map[string][]byte{}}
}

// Limits of what a policy hands over.
const (
	maxKey   = 256
	maxValue = 4 << 10
)

// SetUsed sets what stowage.Used answers.
func (h *Harness) SetUsed(source int, account, resource string, amount int64) {
	h.host.cluster.used[usedKey{source, account, resource}] = amount
}

// SetWaiting sets how many pods wait with a key. Attempt.Permit adds to it when the policy says Wait.
func (h *Harness) SetWaiting(key string, pods int) { h.host.cluster.waiting[key] = pods }

// SetSharedData sets what stowage.SharedData answers.
func (h *Harness) SetSharedData(key, value string) { h.host.cluster.shared[key] = []byte(value) }

// SharedData is what the policy stored; "" if nothing.
func (h *Harness) SharedData(key string) string { return string(h.host.cluster.shared[key]) }

func (h *host) Used(source uint32, account, resource string) int64 {
	h.t.Helper()
	if int(source) >= len(h.needs.Accounts) {
		h.t.Errorf("Used: source is %d, which the policy's Needs.Accounts does not have", source)
	}
	return h.cluster.used[usedKey{int(source), account, resource}]
}

func (h *host) Object(source uint32, namespace, name string, room []byte) uint32 {
	h.t.Helper()
	if int(source) >= len(h.needs.Objects) {
		h.t.Errorf("FindObject: source is %d, which the policy's Needs.Objects does not have", source)
	}
	o, ok := h.cluster.objects[objectKey{int(source), namespace, name}]
	if !ok {
		return abi.Absent
	}
	return fill(room, []byte(o.json()))
}

// fill copies a value that fits, and returns its length in any case.
func fill(room, value []byte) uint32 {
	if len(value) <= len(room) {
		copy(room, value)
	}
	return uint32(len(value))
}

func (h *host) Waiting(key string) uint32 {
	h.t.Helper()
	h.checkKey("WaitingPods", key)
	return uint32(h.cluster.waiting[key])
}

func (h *host) Allow(key string) uint32 {
	h.t.Helper()
	h.checkKey("AllowWaiting", key)
	h.effects.Allowed = append(h.effects.Allowed, key)
	return h.release(key)
}

func (h *host) Reject(key, reason string) uint32 {
	h.t.Helper()
	h.checkKey("RejectWaiting", key)
	h.effects.Rejected = append(h.effects.Rejected, Rejection{key, reason})
	return h.release(key)
}

func (h *host) release(key string) uint32 {
	n := h.cluster.waiting[key]
	delete(h.cluster.waiting, key)
	return uint32(n)
}

func (h *host) checkKey(function, key string) {
	h.t.Helper()
	if len(key) > maxKey {
		h.t.Errorf("%s: key has %d bytes, want at most %d", function, len(key), maxKey)
	}
}

func (h *host) Wake(nanoseconds int64) {
	h.t.Helper()
	if nanoseconds < 0 {
		h.t.Errorf("Wake: %d ns is in the past", nanoseconds)
	}
	if !h.muted {
		h.effects.Wakes = append(h.effects.Wakes, stowage.Duration(nanoseconds))
	}
}

func (h *host) DataGet(key string, room []byte) uint32 {
	h.t.Helper()
	h.checkKey("SharedData", key)
	value, ok := h.cluster.shared[key]
	if !ok {
		return abi.Absent
	}
	return fill(room, value)
}

func (h *host) DataSet(key string, value []byte) uint32 {
	h.t.Helper()
	h.checkKey("SetSharedData", key)
	if len(value) > maxValue {
		h.t.Errorf("SetSharedData: value of %q has %d bytes, want at most %d", key, len(value), maxValue)
	}
	if len(value) == 0 {
		delete(h.cluster.shared, key)
	} else {
		h.cluster.shared[key] = bytes.Clone(value)
	}
	return abi.DataStored
}
