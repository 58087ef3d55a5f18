// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"slices"
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// lie is a policy whose Needs some code fills.
func lie(name string, want Outcome, grants []string, code ...[]byte) Guest {
	return guest("needs-"+name, Configure, want.in(Configure), grants, func(p *wt.Policy) {
		needing(p, wt.Code(text(configMapsAt, configMaps), wt.Code(code...)))
	})
}

func refused(text string) Outcome { return Outcome{Result: Refused, Text: text} }

// Capabilities of policies that lie.
var (
	reading  = []string{abi.CapabilityObjects + ":configmaps"}
	counting = []string{abi.CapabilityLedger}
)

// needs is lies about what a policy wants of the host, which Configure leaves.
func needs() []Guest {
	at := func(addr uint32) []byte {
		return wt.Code(wt.SetResult(needsField, addr), success(), wt.Return())
	}
	return sorted(slices.Concat(needsLists(), eventLies(), objectLies(), accountLies(), []Guest{
		lie("outside", broken, nil, at(0xfffffff0)), lie("across-the-end", broken, nil, at(goodPages<<16-16)),
		lie("misaligned", broken, nil, at(needsAt+2)), lie("of-no-size", broken, nil, wt.Store(needsAt, 0)),
		lie("of-31-bytes", broken, nil, wt.Store(needsAt, 31)), lie("of-4-gib", Outcome{}, nil, wt.Store(needsAt, 0xffffffff)),
		differing("events", nil, eventNeeds, 65), differing("accounts", counting, accountNeeds, 0),
	}))
}

// needsLists is lists that are not what they should be.
func needsLists() (out []Guest) {
	for name, l := range map[string]struct {
		field, addr, most uint32
		grants            []string
	}{
		"events": {eventNeeds, eventNeedAt, 64, nil}, "objects": {objectNeeds, objectNeedAt, 16, reading},
		"accounts": {accountNeeds, accountAt, 8, counting},
	} {
		out = append(out,
			lie(name+"-of-4-gib", broken, l.grants, needsOf(l.field, 0, 0xffffffff)),
			lie(name+"-too-many", broken, l.grants, needsOf(l.field, l.addr, l.most+1)),
			lie(name+"-outside", broken, l.grants, needsOf(l.field, 0xfffffff0, 1)),
			lie(name+"-misaligned", broken, l.grants, needsOf(l.field, l.addr+1, 1)))
	}
	return out
}

func eventLies() []Guest {
	event := func(actions uint32, resource string) []byte {
		return wt.Code(needsOf(eventNeeds, eventNeedAt, 1), text(listAt, resource),
			span(eventNeedAt, listAt, uint32(len(resource))), wt.Store(eventNeedAt+8, actions))
	}
	return []Guest{
		lie("with-an-unknown-resource", refused("does not watch"), nil, event(abi.ActionAdd, "Unicorn")),
		lie("with-an-unnamed-resource", refused("does not watch"), nil, event(abi.ActionAdd, "")),
		lie("with-a-forged-resource", refused("does not watch"), nil, event(abi.ActionAdd, "\n"+Forged)),
		lie("with-no-action", refused("has no actions"), nil, event(0, "Node")),
		lie("with-every-action", refused("has no action"), nil, event(0xffffffff, "Node")),
		lie("with-an-unknown-action", refused("not known"), nil, event(1<<31, "Node")),
		lie("with-as-many-events-as-may-be", Outcome{}, nil, needsOf(eventNeeds, 20<<10, 64), manyEvents()),
	}
}

func objectLies() []Guest {
	unread, anything := Outcome{Result: LoadFault}, Outcome{Result: Anything}
	object := func(spans ...[]byte) []byte {
		return wt.Code(needsOf(objectNeeds, objectNeedAt, 1), span(objectNeedAt, configMapsAt, uint32(len(configMaps))), wt.Code(spans...))
	}
	return []Guest{
		lie("objects-without-grant", refused("objects:configmaps"), nil, object()),
		lie("other-objects-than-granted", refused("objects:secrets"), reading, object(text(listAt, "secrets.v1"), span(objectNeedAt, listAt, 10))),
		lie("an-unknown-kind", unread, reading, object(text(listAt, "../../v1"), span(objectNeedAt, listAt, 8))),
		lie("an-unnamed-kind", unread, reading, object(span(objectNeedAt, 0, 0))),
		lie("a-bad-label-selector", unread, reading, object(text(listAt, "a in (("), span(objectNeedAt+16, listAt, 7))),
		lie("a-bad-namespace", unread, reading, object(text(listAt, "../up"), span(objectNeedAt+8, listAt, 5))),
		// The API server judges what remains.
		lie("a-bad-field-selector", anything, reading, object(text(listAt, "=,==!"), span(objectNeedAt+24, listAt, 5))),
		lie("a-selector-of-4-kib", anything, reading, object(span(objectNeedAt+16, 0, 4<<10))),
		lie("a-selector-too-long", broken, reading, object(span(objectNeedAt+16, 0, 4<<10+1))),
		lie("a-selector-of-4-gib", broken, reading, object(span(objectNeedAt+24, 0, 0xffffffff))),
		lie("the-same-objects-often", Outcome{}, reading, needsOf(objectNeeds, 20<<10, 16), manyObjects()),
	}
}

func accountLies() []Guest {
	one := needsOf(accountNeeds, accountAt, 1)
	return []Guest{
		lie("the-ledger-without-grant", refused("ledger"), nil, one),
		lie("a-label-outside", broken, counting, one, span(accountAt, 0xfffffff0, 32)),
		lie("a-label-too-long", broken, counting, one, span(accountAt, 0, 318)),
		lie("a-label-of-junk", Outcome{}, counting, one, wt.Store(listAt, 0xff1b0a9b), span(accountAt, listAt, 4)),
		lie("the-same-account-often", Outcome{}, counting, needsOf(accountNeeds, 20<<10, 8)),
	}
}

// manyEvents is 64 times the same.
func manyEvents() []byte {
	size := uint32(unsafe.Sizeof(abi.EventNeed{}))
	code := text(listAt, "Node")
	for i := range uint32(64) {
		code = append(code, wt.Code(span(20<<10+i*size, listAt, 4), wt.Store(20<<10+i*size+8, abi.ActionAdd))...)
	}
	return code
}

// manyObjects is 16 times the same.
func manyObjects() (code []byte) {
	size := uint32(unsafe.Sizeof(abi.ObjectNeed{}))
	for i := range uint32(16) {
		code = append(code, span(20<<10+i*size, configMapsAt, uint32(len(configMaps)))...)
	}
	return code
}

// differing is a policy whose first guest needs nothing, and whose later guests, which can be told by
// the random bytes that they get, need something. Only what the first one needs counts.
func differing(name string, grants []string, field, count uint32) Guest {
	grants = append([]string{abi.CapabilityRandom}, grants...)
	return guest("needs-other-"+name+"-each-time", Configure, Outcome{Result: Anything}, grants, func(p *wt.Policy) {
		random := wasi(p, "random_get", "ii", "i")
		needing(p, wt.Code(wt.Const(listAt), wt.Const(4), wt.Call(random), wt.Drop(),
			wt.Const(needsAt+field), wt.Const(accountAt), wt.StoreTop(),
			wt.Const(needsAt+field+4), wt.Load(listAt), wt.Const(1), []byte{0x71}, wt.Const(max(1, count)), wt.Multiply(), wt.StoreTop()))
	})
}

// onlyOnce is guests of which the first starts and the others do not, which they can tell by what
// they share.
func onlyOnce() (out []Guest) {
	for name, b := range map[string]struct {
		want Outcome
		code []byte
	}{
		"trap": {faults(trap), wt.Unreachable()}, "refusal": {Outcome{Result: LoadFault, Text: "refuses its config"}, wt.Code(wt.Const(uint32(abi.Error)), wt.Return())},
	} {
		out = append(out, guest("only-once-before-a-"+name, Configure, b.want.in(Configure), []string{abi.CapabilitySharedData}, func(p *wt.Policy) {
			get := imported(p, abi.ImportModule, abi.ImportDataGet, "iiii", "i")
			set := imported(p, abi.ImportModule, abi.ImportDataSet, "iiii", "i")
			key := wt.Code(wt.Const(nameAt), wt.Const(6), wt.Const(outAt), wt.Const(4))
			p.Body(abi.ExportConfigure, key, wt.Call(get), wt.Const(abi.Absent), wt.Equal(), wt.Not(), wt.If(b.code),
				key, wt.Call(set), wt.Drop(), success())
		}))
	}
	return sorted(out)
}
