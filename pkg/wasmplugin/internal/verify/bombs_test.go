// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// allowance is how much Check may allocate for a module, in bytes: a constant, of which the most
// is to remember which of 50,000 locals are used, and a multiple of what is there.
func allowance(module []byte) uint64 { return 512<<10 + 40*uint64(len(module)) }

// checked runs Check and tells what it allocated.
func checked(module []byte, opts verify.Options) (allocated uint64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = verify.Check(module, opts)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}

// cheap checks that a module takes Check little time and memory, and returns its error.
func cheap(t *testing.T, module []byte, opts verify.Options) error {
	t.Helper()
	start := time.Now()
	allocated, err := checked(module, opts)
	if limit := allowance(module); allocated > limit {
		t.Errorf("%d bytes made it allocate %d, more than %d", len(module), allocated, limit)
	}
	// A megabyte takes about 50 ms; a loaded machine or the race detector much longer.
	if took, limit := time.Since(start), time.Second+time.Duration(len(module))*time.Microsecond; took > limit {
		t.Errorf("%d bytes took %v, more than %v", len(module), took, limit)
	}
	return err
}

func TestLiesAreRefused(t *testing.T) {
	for name, module := range wt.Lies() {
		t.Run(name, func(t *testing.T) {
			if err := cheap(t, module, verify.Options{}); !errors.Is(err, verify.ErrModule) {
				t.Errorf("Check = %v, want ErrModule", err)
			}
		})
	}
}

// heavy is why each module of wasmtest.Heavy is refused: for the cost that it is about.
var heavy = map[string]string{
	"calls":                    "code section: function 0: at byte 0x17: compiling it is estimated to need 375002600 bytes of memory, the limit is 100663296: split the function",
	"divisions":                "code section: function 0: at byte 0x17: compiling it is estimated to need 525000800 bytes of memory, the limit is 100663296: split the function",
	"accesses":                 "code section: function 0: at byte 0x1c: compiling it is estimated to need 437427972 bytes of memory, the limit is 100663296: split the function",
	"accesses in many blocks":  "code section: function 0: at byte 0x1c: compiling it is estimated to need 62026077966 bytes of memory, the limit is 100663296: split the function",
	"empty functions":          "function section: at byte 0x12: 125000 functions, the limit is 100000",
	"functions full of locals": "code section: function 40: at byte 0xf558: 2049959 locals in all functions together, the limit is 2000000",
	"nested blocks":            "code section: function 0: at byte 0x4e39: 10001 nested blocks, the limit is 10000",
	"nested loops":             "code section: function 0: at byte 0x4e3b: 10001 nested blocks, the limit is 10000",
	"joins times locals":       "code section: function 0: at byte 0x17: compiling it is estimated to need 900434502750 bytes of memory, the limit is 100663296: split the function",
	"a long chain of blocks":   "code section: function 0: at byte 0x17: compiling it is estimated to need 966666100 bytes of memory, the limit is 100663296: split the function",
	"branches to one block":    "code section: function 0: at byte 0x17: compiling it is estimated to need 687505700 bytes of memory, the limit is 100663296: split the function",
	"long branch table":        "code section: function 0: at byte 0x1f: 500001 targets of a br_table, the limit is 65520",
	"a deep stack":             "code section: function 0: at byte 0x17: 166666 values on the operand stack, the limit is 10000",
	"many results":             "code section: function 1: at byte 0xaad: 225000000 values on the operand stack, the limit is 10000",
	"wide branch table":        "code section: function 0: at byte 0xab0: 500001 targets of a br_table, the limit is 65520",
	"blocks with parameters":   "code section: function 0: at byte 0xaaa: compiling it is estimated to need 158766349200 bytes of memory, the limit is 100663296: split the function",
	"one huge type":            "type section: at byte 0xd: type 0 has 500000 parameters, the limit is 1000",
	"types":                    "type section: at byte 0xc: 166666 types, the limit is 10000",
	"globals":                  "global section: at byte 0xc: 100000 globals, the limit is 10000",
	"tables":                   "table section: at byte 0xc: 166666 tables, the limit is 4",
	"empty data":               "data section: at byte 0x11: 250000 data segments, the limit is 100000",
	"element entries":          "element section: at byte 0x17: 500000 items of element segments, the limit is 262144",
	"elements":                 "element section: at byte 0x12: 166666 element segments, the limit is 10000",
	"exports":                  "export section: at byte 0x16: 50000 exports, the limit is 1000",
	"custom sections":          "custom section: at byte 0x19c: 101 custom sections, the limit is 100",
	"names times functions":    "compiling the module so far is estimated to take 2510200000 ns, the limit is 1000000000 ns: split large functions, or leave out what is not used",
}

func TestHeavyModulesAreRefused(t *testing.T) {
	opts := verify.Options{Limits: verify.DefaultLimits()}
	// So that nothing has to be so large that it runs into other limits first.
	opts.Limits.Effort = 1_000_000_000
	for name, module := range wt.Heavy(500_000) {
		t.Run(name, func(t *testing.T) {
			err := cheap(t, module, opts)
			if diff := cmp.Diff("not a usable module: "+heavy[name], fmt.Sprint(err)); diff != "" {
				t.Errorf("error (-want,+got):\n%s", diff)
			}
		})
	}
}
