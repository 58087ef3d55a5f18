// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

func TestNoArgumentsAndNoEnvironment(t *testing.T) {
	for _, name := range []string{"args", "environ"} {
		c, mem := guest(hostcall.Options{})
		mem.put(8, 77, 77, 77)
		wantErrno(t, c, success, name+"_sizes_get", 8, 12)
		wantErrno(t, c, success, name+"_get", outside, outside)
		if diff := cmp.Diff([]uint32{0, 0, 77}, []uint32{mem.u32(8), mem.u32(12), mem.u32(16)}); diff != "" {
			t.Errorf("count, size and what follows (-want,+got):\n%s", diff)
		}
		wantErrno(t, c, fault, name+"_sizes_get", outside, 0)
		wantErrno(t, c, fault, name+"_sizes_get", 0, 65533)
	}
}

func TestNoFilesAndNoSockets(t *testing.T) {
	c, mem := guest(hostcall.Options{})
	before := bytes.Clone(mem)
	for _, f := range hostcall.Table() {
		for _, prefix := range []string{"fd_prestat", "path_", "sock_", "fd_filestat", "fd_pread", "fd_close", "fd_seek"} {
			if !strings.HasPrefix(f.Name, prefix) {
				continue
			}
			for fd := range uint64(5) {
				args := make([]uint64, len(f.Params))
				args[0] = fd
				wantErrno(t, c, badf, f.Name, args...)
			}
		}
	}
	if !bytes.Equal(before, mem) {
		t.Error("a function without a descriptor wrote to memory")
	}
}

func TestStandardStreams(t *testing.T) {
	const read, write = 1 << 1, 1 << 6
	for fd, rights := range []uint64{read, write, write} {
		c, mem := guest(hostcall.Options{})
		wantErrno(t, c, success, "fd_fdstat_get", uint64(fd), 0)
		if got := [2]uint64{mem.u64(0), mem.u64(8)}; got != [2]uint64{2, rights} {
			t.Errorf("descriptor %d: type, flags and rights = %v, want a character device with rights %d", fd, got, rights)
		}
		wantErrno(t, c, fault, "fd_fdstat_get", uint64(fd), 65520)
	}
	c, mem := guest(hostcall.Options{})
	wantErrno(t, c, badf, "fd_fdstat_get", 3, 0)
	mem.put(64, 77)
	wantErrno(t, c, success, "fd_read", 0, 0, 1, 64)
	if n := mem.u32(64); n != 0 {
		t.Errorf("read %d bytes of standard input, want its end", n)
	}
	wantErrno(t, c, badf, "fd_read", 1, 0, 1, 64)
	wantErrno(t, c, fault, "fd_read", 0, 0, 1, outside)
}

func TestOutputIsCaptured(t *testing.T) {
	c, mem := guest(hostcall.Options{})
	copy(mem[100:], "panic: \x1b[1mno\nline two\r\n")
	mem.put(0, 100, 7, 107, 17)
	wantErrno(t, c, success, "fd_write", 1, 0, 2, 64)
	wantErrno(t, c, success, "fd_write", 2, 8, 1, 64)
	if n := mem.u32(64); n != 17 {
		t.Errorf("wrote %d bytes, want 17", n)
	}
	got := []string{c.Output(), c.Output()}
	if diff := cmp.Diff([]string{"panic:  [1mno\nline two \n [1mno\nline two", ""}, got); diff != "" {
		t.Errorf("output, and output afterwards (-want,+got):\n%s", diff)
	}
}

func TestOutputIsBounded(t *testing.T) {
	c, mem := guest(hostcall.Options{})
	for i := range mem {
		mem[i] = 'x'
	}
	for i := range uint32(1024) {
		mem.put(8*i, 8192, 50000)
	}
	wantErrno(t, c, success, "fd_write", 1, 0, 1024, 8192)
	if n := mem.u32(8192); n != 64<<10 {
		t.Errorf("wrote %d bytes, want a short write of 64 KiB", n)
	}
	if cost := c.Cost(); cost != 100+8192+64<<10 {
		t.Errorf("cost = %d, want that of 64 KiB", cost)
	}
	for range 5000 {
		mem.put(0, 60000, 1)
		wantErrno(t, c, success, "fd_write", 2, 0, 1, 8192)
	}
	if n := len(c.Output()); n != 2<<10 {
		t.Errorf("%d bytes of output were kept, want the last 2 KiB", n)
	}
}

func TestBadWrites(t *testing.T) {
	for name, tc := range map[string]struct {
		args []uint64
		want uint64
	}{
		"stdin":            {[]uint64{0, 0, 1, 64}, badf},
		"file":             {[]uint64{3, 0, 1, 64}, badf},
		"many vectors":     {[]uint64{1, 0, 1025, 64}, inval},
		"endless vectors":  {[]uint64{1, 0, math.MaxUint32, 64}, inval},
		"vectors outside":  {[]uint64{1, outside, 2, 64}, fault},
		"result outside":   {[]uint64{1, 0, 1, outside}, fault},
		"bytes outside":    {[]uint64{1, 16, 1, 64}, fault},
		"too many of them": {[]uint64{1, 24, 1, 64}, fault},
	} {
		t.Run(name, func(t *testing.T) {
			c, mem := guest(hostcall.Options{})
			mem.put(0, 100, 4, 0, 0, outside, 4, 100, math.MaxUint32)
			wantErrno(t, c, tc.want, "fd_write", tc.args...)
			if out := c.Output(); out != "" {
				t.Errorf("output = %q, want none", out)
			}
		})
	}
}

func TestExit(t *testing.T) {
	c, _ := guest(hostcall.Options{})
	_, err := call(t, c, "proc_exit", 2)
	if exit := (*hostcall.Exit)(nil); !errors.As(err, &exit) || exit.Code != 2 {
		t.Errorf("proc_exit(2) = %v, want *Exit with code 2", err)
	}
}

func clock(t *testing.T, c *hostcall.Caller, mem memory, id uint64) uint64 {
	t.Helper()
	wantErrno(t, c, success, "clock_time_get", id, 0, 8)
	return mem.u64(8)
}

const epoch = 1_640_995_200_000_000_000

func TestClockWithoutCapability(t *testing.T) {
	const step = 1_000_000
	for range 2 { // the same in every instance
		c, mem := guest(forbidden(t))
		got := []uint64{clock(t, c, mem, 1), clock(t, c, mem, 0), clock(t, c, mem, 1), clock(t, c, mem, 0)}
		if diff := cmp.Diff([]uint64{step, epoch + 2*step, 3 * step, epoch + 4*step}, got); diff != "" {
			t.Errorf("monotonic and real time (-want,+got):\n%s", diff)
		}
		wantErrno(t, c, success, "clock_res_get", 1, 8)
		if mem.u64(8) != step {
			t.Errorf("resolution = %d, want %d", mem.u64(8), step)
		}
		wantErrno(t, c, inval, "clock_time_get", 2, 0, 8)
		wantErrno(t, c, inval, "clock_res_get", math.MaxUint32, 8)
		wantErrno(t, c, fault, "clock_time_get", 0, 0, 65529)
		wantErrno(t, c, fault, "clock_res_get", 0, outside)
	}
}

func TestClockWithCapability(t *testing.T) {
	now := time.Unix(2_000_000_000, 5)
	c, mem := guest(hostcall.Options{Now: func() time.Time { return now }}, abi.CapabilityClock)
	now = now.Add(time.Minute)
	got := []uint64{clock(t, c, mem, 0), clock(t, c, mem, 1)}
	if diff := cmp.Diff([]uint64{2_000_000_060_000_000_005, 60_000_000_000}, got); diff != "" {
		t.Errorf("real and monotonic time (-want,+got):\n%s", diff)
	}
	wantErrno(t, c, success, "clock_res_get", 0, 8)
	if mem.u64(8) != 1 {
		t.Errorf("resolution = %d, want 1", mem.u64(8))
	}
}

func TestRandomWithoutCapability(t *testing.T) {
	var got [2][]byte
	for i := range got {
		c, mem := guest(forbidden(t))
		for _, at := range []uint64{0, 16} {
			wantErrno(t, c, success, "random_get", at, 16)
		}
		got[i] = mem[:32]
		if bytes.Equal(mem[:16], mem[16:32]) || bytes.Equal(mem[:16], make([]byte, 16)) {
			t.Errorf("random bytes repeat: %x", mem[:32])
		}
	}
	if diff := cmp.Diff(got[0], got[1]); diff != "" {
		t.Errorf("two instances (-one,+two):\n%s", diff)
	}
}

func TestRandomWithCapability(t *testing.T) {
	c, mem := guest(hostcall.Options{Random: strings.NewReader("chance")}, abi.CapabilityRandom)
	wantErrno(t, c, success, "random_get", 8, 6)
	if got := string(mem[8:14]); got != "chance" {
		t.Errorf("random bytes = %q, want those of the host", got)
	}
	wantErrno(t, c, ioError, "random_get", 8, 1)
}

func TestRandomIsBounded(t *testing.T) {
	c, _ := guest(forbidden(t))
	c.Memory = make(memory, 1<<20+1)
	wantErrno(t, c, success, "random_get", 0, 1<<20)
	wantErrno(t, c, inval, "random_get", 0, 1<<20+1)
	wantErrno(t, c, fault, "random_get", 2, 1<<20)
	wantErrno(t, c, fault, "random_get", outside, 100)
}
