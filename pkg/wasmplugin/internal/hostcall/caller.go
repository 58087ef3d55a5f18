// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// Memory is a guest's linear memory; wazero's api.Memory is one. Read returns a view, for reading
// and writing, which is valid while the host function runs.
type Memory interface {
	Read(addr, n uint32) (view []byte, ok bool)
}

// What a call costs, in units of fuel: about one per instruction of a guest. The bytes that it
// looks at or writes come on top. None of it depends on rates or on time, so the fuel that a guest
// uses is as reproducible as what it asks for.
const (
	callCost = 100
	// lookUpCost is for a lock and a map.
	lookUpCost = 400
	// textCost is for each byte of text that is for people: what does not print in it is replaced.
	textCost = 16
	// podCost is for each waiting pod that is let go or rejected, and for a timer.
	podCost = 2000
)

// Caller is a guest as host functions see it.
type Caller struct {
	// Memory is set before the guest's first call.
	Memory Memory
	// Subject is the pod of the current cycle, which events are about; nil outside of one.
	Subject any

	services *Services
	granted  map[string]bool
	output   output
	clock    clock
	random   rand.ChaCha8
	cost     int64
}

// NewCaller makes the Caller of a new instance with the capabilities that its policy was granted.
func NewCaller(services *Services, granted []string) *Caller {
	c := &Caller{services: services, granted: map[string]bool{}}
	for _, capability := range granted {
		c.granted[capability] = true
	}
	c.granted[abi.CapabilityObjects] = Granted(abi.CapabilityObjects, granted)
	// Which bytes a guest without the capability gets is no secret, as long as all get the same.
	c.random.Seed([32]byte([]byte("stowage: not random, on purpose.")))
	return c
}

// Mute has functions succeed from now on without any effect: objects are not found and totals are zero.
func (c *Caller) Mute() { c.services = NewServices(Options{}) }

// Cost returns the fuel that the calls since the last Cost are worth.
func (c *Caller) Cost() int64 {
	cost := c.cost
	c.cost = 0
	return cost
}

// Output returns the end of what the guest wrote to stdout and stderr since the last Output,
// without characters that do not print. Line breaks remain.
func (c *Caller) Output() string { return c.output.take() }

// bytes is the guest's memory from addr. It is charged for by those who look at it.
func (c *Caller) bytes(addr, n uint32) ([]byte, bool) {
	if c.Memory == nil {
		return nil, false
	}
	return c.Memory.Read(addr, n)
}

// prose is text that is for people, and is going to be cleaned.
func (c *Caller) prose(function, argument string, addr, n uint64, limit int) ([]byte, error) {
	b, err := c.text(function, argument, addr, n, limit)
	c.cost += int64(min(len(b), limit)) * (textCost - 1)
	return b, err
}

// text is the memory of an argument of one of our own functions; only the first limit bytes are
// looked at and charged for.
func (c *Caller) text(function, argument string, addr, n uint64, limit int) ([]byte, error) {
	b, ok := c.bytes(uint32(addr), uint32(n))
	if !ok {
		return nil, misuse(function, "%s at address %#x, %d bytes long, is outside of memory", argument, uint32(addr), uint32(n))
	}
	c.cost += int64(min(len(b), limit))
	return b, nil
}

// fill is the result of a function that returns value in the room of its caller, if it fits.
func (c *Caller) fill(room, value []byte) uint32 {
	if len(value) <= len(room) {
		c.cost += int64(copy(room, value))
	}
	return uint32(len(value))
}

// room is the memory that the caller of a function has for its result.
func (c *Caller) room(function string, addr, n uint64) ([]byte, error) {
	return c.text(function, "room", addr, n, 0)
}

// put32 and put64 write a result of a WASI function.
func (c *Caller) put32(addr, value uint32) errno {
	b, ok := c.bytes(addr, 4)
	if !ok {
		return errnoFault
	}
	binary.LittleEndian.PutUint32(b, value)
	return errnoSuccess
}

func (c *Caller) put64(addr uint32, value uint64) errno {
	b, ok := c.bytes(addr, 8)
	if !ok {
		return errnoFault
	}
	binary.LittleEndian.PutUint64(b, value)
	return errnoSuccess
}
