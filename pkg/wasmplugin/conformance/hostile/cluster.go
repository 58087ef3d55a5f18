// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"math"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// clusterCalls is one correct call of each host function that is about the cluster, or about what
// guests share.
func clusterCalls() map[string]call {
	const configMapsGrant = abi.CapabilityObjects + ":configmaps"
	key, text := wt.Code(wt.Const(nameAt), wt.Const(6)), wt.Code(wt.Const(wt.TextAt), wt.Const(400))
	of := func(name, params, results, grant string, args ...[]byte) call {
		return call{module: abi.ImportModule, name: name, params: params, results: results, grant: grant, args: wt.Code(args...)}
	}
	used := of(abi.ImportUsed, "iiiii", "j", abi.CapabilityLedger, wt.Const(0), key, key)
	used.needs = accounting
	object := of(abi.ImportObject, "iiiiiii", "i", configMapsGrant, wt.Const(0), key, key, wt.Const(outAt), wt.Const(4000))
	object.needs = declaring
	return map[string]call{
		"used": used, "object": object,
		"waiting": of(abi.ImportWaiting, "ii", "i", abi.CapabilityWaitingPods, key),
		"allow":   of(abi.ImportAllow, "ii", "i", abi.CapabilityWaitingPods, key),
		"reject":  of(abi.ImportReject, "iiii", "i", abi.CapabilityWaitingPods, key, text),
		"wake":    of(abi.ImportWake, "j", "", abi.CapabilityWake, wt.Const64(0)),
		"get":     of(abi.ImportDataGet, "iiii", "i", abi.CapabilitySharedData, key, wt.Const(outAt), wt.Const(4000)),
		"set":     of(abi.ImportDataSet, "iiii", "i", abi.CapabilitySharedData, key, text),
	}
}

// clusterMisuses is calls of them with arguments that no correct guest passes.
func clusterMisuses() map[string]misuseCase {
	var (
		key      = wt.Code(wt.Const(nameAt), wt.Const(6))
		room     = wt.Code(wt.Const(outAt), wt.Const(4000))
		outside  = wt.Code(wt.Const(0xfffffff0), wt.Const(100))
		negative = wt.Code(wt.Const(nameAt), wt.Const(0xffffffff))
		giant    = wt.Code(wt.Const(0), wt.Const(1<<18))
		empty    = wt.Code(wt.Const(0xffffffff), wt.Const(0))
		bad      = faults(misuse)
	)
	out := map[string]misuseCase{
		"used-unknown-source":     {"used", wt.Code(wt.Const(1), key, key), bad},
		"used-negative-source":    {"used", wt.Code(wt.Const(0xffffffff), key, key), bad},
		"used-outside":            {"used", wt.Code(wt.Const(0), outside, key), bad},
		"used-negative":           {"used", wt.Code(wt.Const(0), key, negative), bad},
		"used-giant-names":        {"used", wt.Code(wt.Const(7), giant, giant), Outcome{}},
		"object-unknown-source":   {"object", wt.Code(wt.Const(1), key, key, room), bad},
		"object-negative-source":  {"object", wt.Code(wt.Const(0x80000000), key, key, room), bad},
		"object-outside":          {"object", wt.Code(wt.Const(0), key, outside, room), bad},
		"object-room-outside":     {"object", wt.Code(wt.Const(0), key, key, outside), bad},
		"object-room-negative":    {"object", wt.Code(wt.Const(0), key, key, negative), bad},
		"object-giant-names":      {"object", wt.Code(wt.Const(7), giant, key, room), Outcome{}},
		"wake-negative":           {"wake", wt.Const64(-1), bad},
		"wake-long-ago":           {"wake", wt.Const64(math.MinInt64), bad},
		"wake-never":              {"wake", wt.Const64(math.MaxInt64), Outcome{}},
		"reject-reason-outside":   {"reject", wt.Code(key, outside), bad},
		"reject-reason-negative":  {"reject", wt.Code(key, negative), bad},
		"reject-giant-reason":     {"reject", wt.Code(key, giant), Outcome{}},
		"reject-junk":             {"reject", wt.Code(wt.Const(badAt), wt.Const(12), wt.Const(badAt), wt.Const(12)), Outcome{}},
		"get-room-outside":        {"get", wt.Code(key, outside), bad},
		"get-room-negative":       {"get", wt.Code(key, negative), bad},
		"get-room-over-the-frame": {"get", wt.Code(key, wt.Const(wt.FrameAt), wt.Const(400)), Outcome{}},
		"set-value-outside":       {"set", wt.Code(key, outside), bad},
		"set-value-negative":      {"set", wt.Code(key, negative), bad},
		"set-giant-value":         {"set", wt.Code(key, giant), bad},
		"set-value-just-too-long": {"set", wt.Code(key, wt.Const(0), wt.Const(4<<10+1)), bad},
		"set-junk":                {"set", wt.Code(wt.Const(badAt), wt.Const(12), wt.Const(0), wt.Const(4<<10)), Outcome{}},
	}
	for name, rest := range map[string][]byte{"waiting": nil, "allow": nil, "reject": key, "get": room, "set": key} {
		out[name+"-outside"] = misuseCase{name, wt.Code(outside, rest), bad}
		out[name+"-negative"] = misuseCase{name, wt.Code(negative, rest), bad}
		out[name+"-giant-key"] = misuseCase{name, wt.Code(giant, rest), bad}
		// No byte of it is outside of memory if its address is.
		out[name+"-empty-key-outside"] = misuseCase{name, wt.Code(empty, rest), bad}
		out[name+"-empty-key"] = misuseCase{name, wt.Code(wt.Const(0), wt.Const(0), rest), Outcome{}}
	}
	return out
}

// ungranted is modules that import what they are not granted: each is refused by name.
func ungranted() (out []Guest) {
	for name, c := range calls() {
		if c.grant == "" || c.module != abi.ImportModule {
			continue
		}
		want := Outcome{Result: Refused, Text: c.module + "." + c.name}
		out = append(out, Guest{Name: name + "-not-granted", Want: want, Wasm: func() []byte {
			p := goodPolicy()
			imported(p, c.module, c.name, c.params, c.results)
			return p.Bytes()
		}})
	}
	for _, name := range Later() {
		l := places[name]
		if len(l.grants) == 0 {
			continue
		}
		want := Outcome{Result: Refused, Text: "needs capability \"" + l.grants[0]}
		out = append(out, Guest{Name: lower(name) + "-not-granted", Want: want, Wasm: func() []byte {
			p := goodPolicy()
			l.enter(p)
			return p.Bytes()
		}})
	}
	return sorted(append(out, dataBeyondLimits()...))
}

// dataBeyondLimits fills the values that guests share with keys without end, in as many calls as it takes.
func dataBeyondLimits() (out []Guest) {
	for _, name := range []string{Filter, PreEnqueue, Permit} {
		b := behaviour{name: "set-of-new-keys", want: Outcome{}, grants: []string{abi.CapabilitySharedData}, code: func(p *wt.Policy) []byte {
			set := imported(p, abi.ImportModule, abi.ImportDataSet, "iiii", "i")
			// 200 values of 4 KiB are more than fit.
			return repeat(p, 200, wt.Code(wt.Const(nameAt), wt.Param(0), wt.StoreTop(),
				wt.Const(nameAt), wt.Const(4), wt.Const(0), wt.Const(4<<10), wt.Call(set), wt.Drop()))
		}}
		out = append(out, b.in(name))
	}
	return out
}
