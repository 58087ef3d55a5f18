// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"math"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// Limits of what Kubernetes and Prometheus take.
const (
	maxName   = 63
	maxReason = 128
	// An event has room for 1,024 bytes; the host puts the policy's name before the note.
	maxNote = 768
)

// log (level, address, length).
func log(c *Caller, stack []uint64) error {
	level, limit := uint32(stack[0]), c.services.opts.Limits.LogBytes
	if level > abi.LogError {
		return misuse(abi.ImportLog, "level is %d, want %d to %d", level, abi.LogDebug, abi.LogError)
	}
	line, err := c.text(abi.ImportLog, "line", stack[1], stack[2], limit)
	if err != nil {
		return err
	}
	if c.services.allowLine() {
		c.services.opts.Log(level, clean(line, limit))
	}
	return nil
}

// count (name address, length, delta).
func count(c *Caller, stack []uint64) error {
	name, err := c.name(abi.ImportCount, stack)
	if err != nil {
		return err
	}
	delta := int64(stack[2])
	if delta < 0 {
		return misuse(abi.ImportCount, "delta of %s is %d; a counter only grows, use a gauge", name, delta)
	}
	if !c.services.opts.Count(name, delta) {
		c.services.opts.Dropped(abi.ImportCount)
	}
	return nil
}

// gauge (name address, length, value).
func gauge(c *Caller, stack []uint64) error {
	name, err := c.name(abi.ImportGauge, stack)
	if err != nil {
		return err
	}
	value := math.Float64frombits(stack[2])
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return misuse(abi.ImportGauge, "value of %s is %g, want a finite number", name, value)
	}
	if !c.services.opts.Gauge(name, value) {
		c.services.opts.Dropped(abi.ImportGauge)
	}
	return nil
}

func (c *Caller) name(function string, stack []uint64) (string, error) {
	b, err := c.text(function, "name", stack[0], stack[1], maxName)
	if err != nil {
		return "", err
	}
	if !isName(b) {
		return "", misuse(function, "name is %q (%d bytes), want a lowercase letter and at most %d lowercase letters, digits and _",
			clean(b, maxName), len(b), maxName-1)
	}
	return string(b), nil
}

// event (type, reason address, length, note address, length) -> EventRecorded or EventDropped.
func event(c *Caller, stack []uint64) error {
	kind := uint32(stack[0])
	if kind > abi.EventWarning {
		return misuse(abi.ImportEvent, "type is %d, want %d or %d", kind, abi.EventNormal, abi.EventWarning)
	}
	reason, err := c.text(abi.ImportEvent, "reason", stack[1], stack[2], maxReason)
	if err != nil {
		return err
	}
	if !isReason(reason) {
		return misuse(abi.ImportEvent, "reason is %q (%d bytes), want an uppercase letter and at most %d letters and digits",
			clean(reason, maxReason), len(reason), maxReason-1)
	}
	note, err := c.text(abi.ImportEvent, "note", stack[3], stack[4], maxNote)
	if err != nil {
		return err
	}
	stack[0] = uint64(c.record(kind == abi.EventWarning, string(reason), note))
	return nil
}

func (c *Caller) record(warning bool, reason string, note []byte) uint32 {
	s := c.services
	if c.Subject == nil || !s.events.AllowN(s.opts.Now(), 1) {
		s.opts.Dropped(abi.ImportEvent)
		return abi.EventDropped
	}
	s.opts.Event(c.Subject, warning, reason, clean(note, maxNote))
	return abi.EventRecorded
}
