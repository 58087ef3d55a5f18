// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"cmp"
	"crypto/rand"
	"io"
	"time"
)

// Options of a policy's Services. Functions may be called from several goroutines and must not
// block; nil ones do nothing and answer that there is nothing.
type Options struct {
	// Log gets a line without line breaks. The level is one of abi.LogDebug to abi.LogError.
	Log func(level uint32, line string)
	// Count and Gauge return false if the policy has too many names already.
	Count func(name string, delta int64) bool
	Gauge func(name string, value float64) bool
	// Event is about Caller.Subject, which is never nil here.
	Event func(subject any, warning bool, reason, note string)
	// Dropped counts calls of a function that came to nothing.
	Dropped func(function string)

	// Used is what an account's pods request of a resource, in the units of the ABI's Resources.
	// The source is an index in abi.Needs.Accounts; ok is false if there is no such index.
	Used func(source int, account, resource string) (amount int64, ok bool)
	// Object is a cluster object as JSON, which nobody changes any more. The source is an index in
	// abi.Needs.Objects; ok is false if there is no such index.
	Object func(source int, namespace, name string) (json []byte, found, ok bool)

	// Waiting is how many pods wait for a key of this policy's. Allow lets them go and Reject ends
	// their wait; both return of how many, and decide themselves how many a call may be about.
	Waiting func(key string) int
	Allow   func(key string) int
	Reject  func(key, reason string) int
	// Wake has the subject, which is never nil here, tried again after a time from 100 ms to 1 h if
	// the policy rejects it now. It may be called any number of times about the same subject.
	Wake func(subject any, after time.Duration)

	// DataGet and DataSet are the data that the policy's instances share. DataGet's value must not
	// change later; DataSet must copy its value, and returns false if there is no room for it.
	DataGet func(key string) (value []byte, found bool)
	DataSet func(key string, value []byte) bool

	// Now is the time, for guests with abi.CapabilityClock and for rates. Defaults to time.Now.
	Now func() time.Time
	// Random is for guests with abi.CapabilityRandom. Defaults to crypto/rand.
	Random io.Reader

	Limits Limits
}

// Limits of what all instances of a policy do together. Zero means the default.
type Limits struct {
	// LogLines per second, LogBurst at once. Default to 10 and 100.
	LogLines float64
	LogBurst int
	// LogBytes of a line that are kept. Defaults to 4 KiB.
	LogBytes int
	// Events per minute, EventBurst at once. Default to 10 and 10: an event is a write to the
	// API server, which other users share.
	Events     float64
	EventBurst int
}

func (l *Limits) setDefaults() {
	l.LogLines, l.LogBurst = cmp.Or(l.LogLines, 10), cmp.Or(l.LogBurst, 100)
	l.LogBytes = cmp.Or(l.LogBytes, 4<<10)
	l.Events, l.EventBurst = cmp.Or(l.Events, 10), cmp.Or(l.EventBurst, 10)
}

// setNeutral completes the options.
func (o *Options) setNeutral() {
	o.setOutput()
	o.setCluster()
	o.setData()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
}

func (o *Options) setOutput() {
	if o.Log == nil {
		o.Log = func(uint32, string) {}
	}
	if o.Count == nil {
		o.Count = func(string, int64) bool { return true }
	}
	if o.Gauge == nil {
		o.Gauge = func(string, float64) bool { return true }
	}
	if o.Event == nil {
		o.Event = func(any, bool, string, string) {}
	}
	if o.Dropped == nil {
		o.Dropped = func(string) {}
	}
}

func (o *Options) setCluster() {
	if o.Used == nil {
		o.Used = func(int, string, string) (int64, bool) { return 0, true }
	}
	if o.Object == nil {
		o.Object = func(int, string, string) (json []byte, found, ok bool) { return nil, false, true }
	}
	if o.Waiting == nil {
		o.Waiting = func(string) int { return 0 }
	}
	if o.Allow == nil {
		o.Allow = func(string) int { return 0 }
	}
	if o.Reject == nil {
		o.Reject = func(string, string) int { return 0 }
	}
	if o.Wake == nil {
		o.Wake = func(any, time.Duration) {}
	}
}

func (o *Options) setData() {
	if o.DataGet == nil {
		o.DataGet = func(string) ([]byte, bool) { return nil, false }
	}
	if o.DataSet == nil {
		o.DataSet = func(string, []byte) bool { return false }
	}
}
