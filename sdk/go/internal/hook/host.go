// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hook

import "sync"

// Host is what a policy asks of its host while it runs natively.
type Host interface {
	Log(level uint32, message string)
	Count(name string, delta int64)
	Gauge(name string, value float64)
	Event(kind uint32, reason, note string) uint32
	Used(source uint32, account, resource string) int64
	Object(source uint32, namespace, name string, room []byte) uint32
	Waiting(key string) uint32
	Allow(key string) uint32
	Reject(key, reason string) uint32
	Wake(nanoseconds int64)
	DataGet(key string, room []byte) uint32
	DataSet(key string, value []byte) uint32
}

var (
	// serving is held while a policy runs on a Host, so that tests that run at the same time
	// do not get each other's lines.
	serving sync.Mutex
	mu      sync.Mutex // guards current
	current Host
)

// Serve runs a policy on a Host.
func Serve(h Host, run func()) {
	serving.Lock()
	defer serving.Unlock()
	set(h)
	defer set(nil)
	run()
}

func set(h Host) {
	mu.Lock()
	defer mu.Unlock()
	current = h
}

// Current is the Host that the running policy has, or nil.
func Current() Host {
	mu.Lock()
	defer mu.Unlock()
	return current
}
