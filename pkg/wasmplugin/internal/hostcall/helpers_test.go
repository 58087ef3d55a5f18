// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

// memory is a guest's memory without a guest.
type memory []byte

func (m memory) Read(addr, n uint32) ([]byte, bool) {
	if uint64(addr)+uint64(n) > uint64(len(m)) {
		return nil, false
	}
	return m[addr : addr+n : addr+n], true
}

func (m memory) u32(addr uint32) uint32 { return binary.LittleEndian.Uint32(m[addr:]) }
func (m memory) u64(addr uint32) uint64 { return binary.LittleEndian.Uint64(m[addr:]) }

func (m memory) put(addr uint32, values ...uint32) {
	for i, v := range values {
		binary.LittleEndian.PutUint32(m[addr+uint32(4*i):], v)
	}
}

// outside is an address that no test's memory has.
const outside = 0xfffffff0

// guest is a Caller with a page of memory.
func guest(opts hostcall.Options, granted ...string) (*hostcall.Caller, memory) {
	mem := make(memory, 64<<10)
	c := hostcall.NewCaller(hostcall.NewServices(opts), granted)
	c.Memory = mem
	return c, mem
}

func function(t *testing.T, name string) hostcall.Function {
	t.Helper()
	table := hostcall.Table()
	i := slices.IndexFunc(table, func(f hostcall.Function) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("the table has no %s", name)
	}
	return table[i]
}

// call calls a function as the engine does and returns its result.
func call(t *testing.T, c *hostcall.Caller, name string, args ...uint64) (uint64, error) {
	t.Helper()
	f := function(t, name)
	if len(args) != len(f.Params) {
		t.Fatalf("%s takes %d arguments, the test has %d", name, len(f.Params), len(args))
	}
	stack := make([]uint64, max(len(f.Params), len(f.Results)))
	copy(stack, args)
	err := f.Call(c, stack)
	if err != nil || len(f.Results) == 0 {
		return 0, err
	}
	return stack[0], nil
}

// wantErrno calls a WASI function, which never ends the guest.
func wantErrno(t *testing.T, c *hostcall.Caller, want uint64, name string, args ...uint64) {
	t.Helper()
	if got, err := call(t, c, name, args...); err != nil || got != want {
		t.Errorf("%s%v = %d, %v, want %d", name, args, got, err, want)
	}
}

func wantMisuse(t *testing.T, err error, want string) {
	t.Helper()
	if !errors.Is(err, hostcall.ErrMisuse) || err.Error() != want {
		t.Errorf("error = %v, want a misuse: %s", err, want)
	}
}

// Results of WASI functions.
const (
	success = 0
	badf    = 8
	fault   = 21
	inval   = 28
	ioError = 29
)

// shareddata is what instances of a policy share, without a limit.
type shareddata map[string]string

func (d shareddata) get(key string) ([]byte, bool) {
	value, found := d[key]
	return []byte(value), found
}

func (d shareddata) set(key string, value []byte) bool {
	d[key] = string(value)
	return true
}
