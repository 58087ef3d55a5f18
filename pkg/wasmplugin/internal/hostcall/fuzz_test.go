// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime/metrics"
	"slices"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

// capabilities that functions ask for; a fuzzed guest has those whose bits are set.
var capabilities = []string{
	abi.CapabilityLog, abi.CapabilityMetrics, abi.CapabilityEvents, abi.CapabilityClock, abi.CapabilityRandom,
	abi.CapabilityLedger, abi.CapabilityObjects + ":configmaps", abi.CapabilityWaitingPods, abi.CapabilityWake,
	abi.CapabilitySharedData,
}

// withSubject is the bit of a fuzzed guest that is about a pod.
const withSubject = 1 << 15

// busy is services that have something to say.
func busy() hostcall.Options {
	data := shareddata{}
	return hostcall.Options{
		Used: func(source int, account, _ string) (int64, bool) { return int64(len(account)), source < 2 },
		Object: func(source int, _, name string) ([]byte, bool, bool) {
			return []byte(name + name), name != "", source < 2
		},
		Waiting: func(key string) int { return len(key) % 8 },
		Allow:   func(key string) int { return len(key) % 8 },
		Reject:  func(key, _ string) int { return len(key) % 8 },
		DataGet: data.get, DataSet: data.set,
	}
}

// Any calls with any arguments on any memory: no panic, no byte written outside of the guest's
// memory, no other errors than the two that end a guest, and bounded work and allocation.
func FuzzHostCalls(f *testing.F) {
	for i, fn := range hostcall.Table() {
		f.Add(append([]byte{byte(i)}, bytes.Repeat([]byte{0, 16, 0}, len(fn.Params))...), []byte("Reason"), uint16(200), uint16(0xffff))
		f.Add(append([]byte{byte(i)}, bytes.Repeat([]byte{1, 8, 0}, len(fn.Params))...), []byte{16, 0, 0, 0, 8}, uint16(64), uint16(0))
	}
	f.Fuzz(func(t *testing.T, program, content []byte, size, granted uint16) {
		const guard = 64
		backing := bytes.Repeat([]byte{0xa5}, int(size)+2*guard)
		mem := memory(backing[guard : guard+int(size)])
		copy(mem, content)
		c := hostcall.NewCaller(hostcall.NewServices(busy()), choose(granted))
		c.Memory = mem
		if granted&withSubject != 0 {
			c.Subject = "pod"
		}
		before := allocated()
		run(t, c, program, uint64(size))
		if n := allocated() - before; n > 4<<20 {
			t.Errorf("the calls allocated %d bytes", n)
		}
		want := bytes.Repeat([]byte{0xa5}, guard)
		if !bytes.Equal(backing[:guard], want) || !bytes.Equal(backing[guard+int(size):], want) {
			t.Error("a call wrote outside of the guest's memory")
		}
	})
}

func choose(granted uint16) (out []string) {
	for i, capability := range capabilities {
		if granted>>i&1 != 0 {
			out = append(out, capability)
		}
	}
	return out
}

// run makes at most 32 calls: each is a function's number, then its arguments.
func run(t *testing.T, c *hostcall.Caller, program []byte, size uint64) {
	t.Helper()
	table := hostcall.Table()
	for range 32 {
		if len(program) == 0 {
			return
		}
		f := table[int(program[0])%len(table)]
		program = program[1:]
		stack := make([]uint64, max(len(f.Params), 1))
		for i := range f.Params {
			stack[i], program = argument(program, size)
		}
		check(t, f, f.Call(c, stack), stack[0])
		if cost := c.Cost(); cost < 100 || cost > 100_000 {
			t.Errorf("%s costs %d", f.Name, cost)
		}
	}
}

// argument is a small number, one near the end of memory, or any.
func argument(program []byte, size uint64) (value uint64, rest []byte) {
	b := make([]byte, 9)
	n := copy(b, program[:min(3, len(program))])
	small := uint64(binary.LittleEndian.Uint16(b[1:]))
	switch b[0] % 4 {
	case 0:
		return small, program[n:]
	case 1:
		return size - small, program[n:]
	case 2:
		return small % 16, program[n:]
	}
	n = copy(b, program)
	return binary.LittleEndian.Uint64(b[1:]), program[n:]
}

func check(t *testing.T, f hostcall.Function, err error, result uint64) {
	t.Helper()
	exit := (*hostcall.Exit)(nil)
	switch {
	case errors.As(err, &exit):
		if f.Name != "proc_exit" {
			t.Errorf("%s ends the guest: %v", f.Name, err)
		}
	case err != nil:
		if !errors.Is(err, hostcall.ErrMisuse) || f.Module != abi.ImportModule && f.Name != "proc_raise" {
			t.Errorf("%s: %v", f.Name, err)
		}
	case f.Module != abi.ImportModule && !slices.Contains([]uint64{success, badf, fault, inval, ioError}, result):
		t.Errorf("%s = %d, an unknown errno", f.Name, result)
	}
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
