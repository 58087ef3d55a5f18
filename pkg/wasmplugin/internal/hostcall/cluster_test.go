// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

// cluster is services that answer and write down what they were asked for.
func (r *recorder) cluster() hostcall.Options {
	o := r.options(hostcall.Limits{})
	o.Used = func(source int, account, resource string) (int64, bool) {
		r.note("used %d %q %q", source, account, resource)
		return -5_000_000_000, source == 1
	}
	o.Object = func(source int, namespace, name string) ([]byte, bool, bool) {
		r.note("object %d %q %q", source, namespace, name)
		return []byte(`{"a":1}`), name == "settings", source == 1
	}
	o.Waiting = func(key string) int { r.note("waiting %q", key); return 3 }
	o.Allow = func(key string) int { r.note("allow %q", key); return 2 }
	o.Reject = func(key, reason string) int { r.note("reject %q %q", key, reason); return 1 }
	o.Wake = func(subject any, after time.Duration) { r.note("wake %v %v", subject, after) }
	o.DataGet = func(key string) ([]byte, bool) { r.note("get %q", key); return []byte("tokens"), key == "team" }
	o.DataSet = func(key string, value []byte) bool { r.note("set %q %q", key, value); return !r.full }
	return o
}

// Where the tests of these functions have their texts, and room for results.
const (
	wordsAt = 0
	roomAt  = 1000
	words   = "team cpu settings"
)

// asked is a guest with all capabilities that is about a pod.
func asked(opts hostcall.Options) (*hostcall.Caller, memory) {
	c, mem := guest(opts, capabilities...)
	c.Subject = "pod"
	copy(mem[wordsAt:], words)
	for i := range 20_000 {
		mem[roomAt+i] = '.'
	}
	return c, mem
}

func TestClusterFunctions(t *testing.T) {
	const absent = uint64(abi.Absent)
	used := -int64(5_000_000_000)
	long := strings.Repeat(".", 317)
	for name, tc := range map[string]struct {
		function string
		args     []uint64
		result   uint64
		want     []string
		room     string
	}{
		"used":             {"used", []uint64{1, 0, 4, 5, 3}, uint64(used), []string{`used 1 "team" "cpu"`}, "........"},
		"used of nothing":  {"used", []uint64{1, 0, 0, 0, 0}, uint64(used), []string{`used 1 "" ""`}, "........"},
		"longest account":  {"used", []uint64{1, roomAt, 317, 5, 3}, uint64(used), []string{`used 1 "` + long + `" "cpu"`}, "........"},
		"longer account":   {"used", []uint64{1, roomAt, 318, 5, 3}, 0, nil, "........"},
		"longer resource":  {"used", []uint64{1, 0, 4, roomAt, 60000}, 0, nil, "........"},
		"object":           {"object", []uint64{1, 0, 4, 9, 8, roomAt, 7}, 7, []string{`object 1 "team" "settings"`}, `{"a":1}.`},
		"no such object":   {"object", []uint64{1, 0, 0, 9, 7, roomAt, 7}, absent, []string{`object 1 "" "setting"`}, "........"},
		"little room":      {"object", []uint64{1, 0, 4, 9, 8, roomAt, 6}, 7, []string{`object 1 "team" "settings"`}, "........"},
		"longer name":      {"object", []uint64{1, 0, 4, roomAt, 318, roomAt, 7}, absent, nil, "........"},
		"longer namespace": {"object", []uint64{1, roomAt, 318, 9, 8, roomAt, 7}, absent, nil, "........"},
		"waiting":          {"waiting", []uint64{0, 4}, 3, []string{`waiting "team"`}, "........"},
		"without a key":    {"waiting", []uint64{0, 0}, 3, []string{`waiting ""`}, "........"},
		"allow":            {"allow", []uint64{5, 3}, 2, []string{`allow "cpu"`}, "........"},
		"longest key":      {"allow", []uint64{roomAt, 256}, 2, []string{`allow "` + long[:256] + `"`}, "........"},
		"reject":           {"reject", []uint64{0, 4, 5, 3}, 1, []string{`reject "team" "cpu"`}, "........"},
		"long reason":      {"reject", []uint64{0, 4, roomAt, 1025}, 1, []string{`reject "team" "` + strings.Repeat(".", 1024) + `"`}, "........"},
		"get":              {"data_get", []uint64{0, 4, roomAt, 8}, 6, []string{`get "team"`}, "tokens.."},
		"get its size":     {"data_get", []uint64{0, 4, 0, 0}, 6, []string{`get "team"`}, "........"},
		"get nothing":      {"data_get", []uint64{0, 3, roomAt, 8}, absent, []string{`get "tea"`}, "........"},
		"get over its key": {"data_get", []uint64{0, 4, 0, 8}, 6, []string{`get "team"`}, "........"},
		"set":              {"data_set", []uint64{0, 4, 5, 3}, uint64(abi.DataStored), []string{`set "team" "cpu"`}, "........"},
		"set to nothing":   {"data_set", []uint64{0, 4, 0, 0}, uint64(abi.DataStored), []string{`set "team" ""`}, "........"},
	} {
		t.Run(name, func(t *testing.T) {
			var r recorder
			c, mem := asked(r.cluster())
			got, err := call(t, c, tc.function, tc.args...)
			if err != nil || got != tc.result {
				t.Errorf("%s = %d, %v, want %d", tc.function, got, err, tc.result)
			}
			if room := string(mem[roomAt : roomAt+8]); room != tc.room {
				t.Errorf("room has %q, want %q", room, tc.room)
			}
			r.want(t, tc.want...)
		})
	}
}

func TestFullData(t *testing.T) {
	r := recorder{full: true}
	c, _ := asked(r.cluster())
	if got, err := call(t, c, abi.ImportDataSet, 0, 4, 5, 3); err != nil || uint32(got) != abi.DataFull {
		t.Errorf("data_set = %d, %v, want DataFull", got, err)
	}
	r.want(t, `set "team" "cpu"`, "dropped data_set")
}

func TestWake(t *testing.T) {
	for name, tc := range map[string]struct {
		after time.Duration
		pod   any
		want  string
	}{
		"a while":  {time.Minute, "pod", "wake pod 1m0s"},
		"at once":  {0, "pod", "wake pod 100ms"},
		"soon":     {time.Millisecond, "pod", "wake pod 100ms"},
		"next day": {24 * time.Hour, "pod", "wake pod 1h0m0s"},
		"never":    {math.MaxInt64, "pod", "wake pod 1h0m0s"},
		"nobody":   {time.Minute, nil, "dropped wake"},
	} {
		t.Run(name, func(t *testing.T) {
			var r recorder
			c, _ := asked(r.cluster())
			c.Subject = tc.pod
			if _, err := call(t, c, abi.ImportWake, uint64(tc.after)); err != nil {
				t.Fatal(err)
			}
			r.want(t, tc.want)
		})
	}
}

// Services that the host does not have answer that there is nothing.
func TestNeutralAnswers(t *testing.T) {
	for function, tc := range map[string]struct {
		args []uint64
		want uint64
	}{
		"used":     {[]uint64{7, 0, 4, 5, 3}, 0},
		"object":   {[]uint64{7, 0, 4, 5, 3, roomAt, 100}, uint64(abi.Absent)},
		"waiting":  {[]uint64{0, 4}, 0},
		"allow":    {[]uint64{0, 4}, 0},
		"reject":   {[]uint64{0, 4, 5, 3}, 0},
		"wake":     {[]uint64{5}, 0},
		"data_get": {[]uint64{0, 4, roomAt, 100}, uint64(abi.Absent)},
		"data_set": {[]uint64{0, 4, 5, 3}, uint64(abi.DataFull)},
	} {
		c, _ := asked(hostcall.Options{})
		if got, err := call(t, c, function, tc.args...); err != nil || got != tc.want {
			t.Errorf("%s = %d, %v, want %d", function, got, err, tc.want)
		}
	}
}

func TestMisuseOfClusterFunctions(t *testing.T) {
	const where = " at address 0xfffffff0, 17 bytes long, is outside of memory"
	start := strings.Repeat(".", 63)
	for name, tc := range map[string]struct {
		function string
		args     []uint64
		want     string
	}{
		"used source":       {"used", []uint64{2, 0, 4, 5, 3}, "used: source is 2, which the policy's Needs.Accounts do not have"},
		"used last source":  {"used", []uint64{math.MaxUint32, 0, 4, 5, 3}, "used: source is 4294967295, which the policy's Needs.Accounts do not have"},
		"account outside":   {"used", []uint64{1, outside, 17, 5, 3}, "used: account" + where},
		"resource outside":  {"used", []uint64{1, 0, 4, outside, 17}, "used: resource" + where},
		"object source":     {"object", []uint64{2, 0, 4, 5, 3, 0, 0}, "object: source is 2, which the policy's Needs.Objects do not have"},
		"namespace outside": {"object", []uint64{1, outside, 17, 5, 3, 0, 0}, "object: namespace" + where},
		"name outside":      {"object", []uint64{1, 0, 4, outside, 17, 0, 0}, "object: name" + where},
		"room outside":      {"object", []uint64{1, 0, 4, 5, 3, outside, 17}, "object: room" + where},
		"waiting key":       {"waiting", []uint64{outside, 17}, "waiting: key" + where},
		"allow key":         {"allow", []uint64{roomAt, 257}, `allow: key "` + start + `"... has 257 bytes, want at most 256`},
		"reject key":        {"reject", []uint64{roomAt, 257, 0, 0}, `reject: key "` + start + `"... has 257 bytes, want at most 256`},
		"reason outside":    {"reject", []uint64{0, 4, outside, 17}, "reject: reason" + where},
		"wake before":       {"wake", []uint64{math.MaxUint64}, "wake: time is -1ns, want one from now on"},
		"get key":           {"data_get", []uint64{roomAt, 257, 0, 0}, `data_get: key "` + start + `"... has 257 bytes, want at most 256`},
		"get room":          {"data_get", []uint64{0, 4, outside, 17}, "data_get: room" + where},
		"set key":           {"data_set", []uint64{outside, 17, 0, 0}, "data_set: key" + where},
		"set outside":       {"data_set", []uint64{0, 4, outside, 17}, "data_set: value" + where},
		"set too much":      {"data_set", []uint64{0, 4, roomAt, 4097}, `data_set: value of "team" has 4097 bytes, want at most 4096`},
	} {
		t.Run(name, func(t *testing.T) {
			var r recorder
			c, _ := asked(r.cluster())
			_, err := call(t, c, tc.function, tc.args...)
			wantMisuse(t, err, tc.want)
			if len(r.got) > 0 && !strings.Contains(name, "source") {
				t.Errorf("services were asked for %q", r.got)
			}
		})
	}
}
