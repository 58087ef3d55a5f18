// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"strings"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// buffers is guests that give the host memory that they do not have, or the same twice.
func buffers() []Guest {
	const size = (abi.BufferWindow + 1) << 16
	always := func(name string, addr uint32) Guest {
		return answer("buffer-"+name, Buffer, broken, wt.Const(addr))
	}
	// window returns an address for windows only, which are asked for when the first pod comes.
	window := func(name string, want Outcome, code ...[]byte) Guest {
		g := answer("window-"+name, Buffer, want, fixedRoom(), wt.Code(code...))
		g.Want = want
		return g
	}
	return []Guest{
		always("none", 0), always("misaligned", 12345), always("at-the-end", size), always("across-the-end", size-8),
		always("behind-the-end", 0xfffffff8), always("negative", 0x80000000),
		answer("buffer-of-one-address", Buffer, Outcome{Result: Anything}, wt.Const(wt.FrameAt)),
		answer("buffer-in-the-descriptor", Buffer, Outcome{Result: Anything}, wt.Const(wt.DescriptorAt)),
		// The frame, too, is then where the rest of the guest does not expect it.
		answer("buffer-always-new", Buffer, Outcome{Result: Anything}, moreRoom()),
		window("none", broken, wt.Const(0)), window("misaligned", broken, wt.Const(wt.FrameAt+4)),
		window("outside", broken, wt.Const(0xffff0000)), window("across-the-end", broken, wt.Const(size-4096)),
		window("over-the-frame", Outcome{Result: Anything}, wt.Const(wt.FrameAt)),
		window("over-everything", Outcome{Result: Anything}, wt.Const(8)),
		window("over-each-other", Outcome{Result: Anything}, wt.Const(3<<16)),
	}
}

// descriptors is lies about the module.
func descriptors() []Guest {
	lie := func(name string, want Outcome, change func(p *wt.Policy)) Guest {
		return guest("descriptor-"+name, Describe, want.in(Describe), nil, change)
	}
	field := func(name string, want Outcome, change func(d *abi.Descriptor)) Guest {
		return lie(name, want, func(p *wt.Policy) { change(&p.Descriptor) })
	}
	refused := func(text string) Outcome { return Outcome{Result: Refused, Text: text} }
	at := func(name string, addr uint32) Guest {
		return lie(name, broken, func(p *wt.Policy) { p.Body(abi.ExportDescribe, wt.Const(addr)) })
	}
	return []Guest{
		at("outside", 0xfffffffc), at("at-zero", 0), at("across-the-end", goodPages<<16-16), at("misaligned", wt.DescriptorAt+1),
		field("without-magic", broken, func(d *abi.Descriptor) { d.Magic++ }),
		field("of-no-size", broken, func(d *abi.Descriptor) { d.Size = 0 }),
		field("of-4-gib", Outcome{}, func(d *abi.Descriptor) { d.Size = 0xffffffff }),
		field("of-another-version", refused("ABI version 9.0"), func(d *abi.Descriptor) { d.Major = 9 }),
		field("requiring-all", refused("requires ABI features"), func(d *abi.Descriptor) { d.Required = 1<<64 - 1 }),
		field("with-every-option", Outcome{}, func(d *abi.Descriptor) { d.Optional = 1<<64 - 1 }),
		field("reading-the-unknown", refused("reads parts"), func(d *abi.Descriptor) { d.Reads = 1 << 63 }),
		field("reading-without-grant", refused("nodePods"), func(d *abi.Descriptor) { d.Reads = abi.NodePods }),
		field("of-unknown-points", refused("extension points"), func(d *abi.Descriptor) { d.Points |= 1 << 40 }),
		field("of-no-points", Outcome{Result: Anything}, func(d *abi.Descriptor) { d.Points = 0 }),
		field("of-a-producer-outside", Outcome{}, func(d *abi.Descriptor) { d.Producer = abi.Span{Addr: 0xfffffff0, Len: 0xffffffff} }),
		field("of-a-producer-of-256-kib", Outcome{}, func(d *abi.Descriptor) { d.Producer = abi.Span{Len: 1 << 18} }),
		lie("of-a-forging-producer", Outcome{}, func(p *wt.Policy) {
			p.Text("me\n" + Forged).Descriptor.Producer = abi.Span{Addr: wt.TextAt, Len: 9}
		}),
		lie("of-a-missing-export", refused("stowage_filter"), func(p *wt.Policy) { p.Without(abi.ExportFilter) }),
		lie("that-changes", Outcome{}, func(p *wt.Policy) {
			p.Body(abi.ExportDescribe, wt.Const(wt.DescriptorAt), wt.Store(wt.DescriptorAt+24, 0xffffffff))
		}),
	}
}

// unloadable is bytes that must be refused before anything of them runs: what lies about its
// own content, and modules that ask for what no policy gets.
func unloadable() []Guest {
	var out []Guest
	for name, wasm := range wt.Lies() {
		out = append(out, bytes("lie-"+strings.Map(plainLetter, name), "not a usable module", wasm))
	}
	for name, wasm := range wt.Heavy(100_000) {
		out = append(out, bytes("heavy-"+strings.Map(plainLetter, name), "not a usable module", wasm))
	}
	for name, tc := range map[string]struct {
		text   string
		change func(p *wt.Policy)
	}{
		"memory-of-4-gib":           {"memory", func(p *wt.Policy) { p.Pages = 1 << 16 }},
		"memory-over-the-limit":     {"memory", func(p *wt.Policy) { p.Pages = 1<<15 + 1 }},
		"huge-table":                {"table", func(p *wt.Policy) { p.Tables = []wt.Table{{Min: 1 << 27}} }},
		"large-table":               {"table", func(p *wt.Policy) { p.Tables = []wt.Table{{Min: 10_000_000, Max: 10_000_000}} }},
		"many-tables":               {"table", func(p *wt.Policy) { p.Tables = make([]wt.Table, 100_000) }},
		"table-growth":              {"table.grow", growingTable},
		"unknown-import":            {"env.abort", func(p *wt.Policy) { imported(p, "env", "abort", "iiii", "") }},
		"import-with-other-type":    {"stowage.log", func(p *wt.Policy) { imported(p, abi.ImportModule, abi.ImportLog, "jj", "d") }},
		"log-without-grant":         {"\"log\"", func(p *wt.Policy) { imported(p, abi.ImportModule, abi.ImportLog, "iii", "") }},
		"events-without-grant":      {"\"events\"", func(p *wt.Policy) { imported(p, abi.ImportModule, abi.ImportEvent, "iiiii", "i") }},
		"import-of-the-meter":       {"stowage:meter", func(p *wt.Policy) { imported(p, "stowage:meter", "refuel", "", "") }},
		"export-as-the-meter":       {"stowage:meter", func(p *wt.Policy) { p.Bodies["stowage:meter/fuel"] = wt.Const(0) }},
		"export-with-other-type":    {abi.ExportScore, otherType},
		"no-memory":                 {"memory", func(p *wt.Policy) { p.Pages = 0 }},
		"unknown-function":          {"", func(p *wt.Policy) { p.Body(abi.ExportFilter, wt.Call(4000), wt.Const(0)) }},
		"unknown-global":            {"", func(p *wt.Policy) { p.Body(abi.ExportFilter, wt.Const64(1), wt.GlobalSet(0), wt.Const(0)) }},
		"start-that-does-not-exist": {"start", func(p *wt.Policy) { p.Start = 4000 }},
		"invalid-types":             {"", func(p *wt.Policy) { p.Body(abi.ExportFilter, wt.Const64(0)) }},
		"tail-call":                 {"tail call", func(p *wt.Policy) { p.Body(abi.ExportFilter, []byte{0x12, 0}) }},
		"threads":                   {"thread", func(p *wt.Policy) { p.Body(abi.ExportFilter, []byte{0xfe, 3, 0}, wt.Const(0)) }},
		"exceptions":                {"exception", func(p *wt.Policy) { p.Body(abi.ExportFilter, []byte{0x08, 0}) }},
		"too-many-locals": {"locals", func(p *wt.Policy) {
			p.Define(wt.Func{Locals: []wt.Locals{{Count: 1_000_000, Type: wt.I64}}})
		}},
	} {
		out = append(out, Guest{Name: name, Want: Outcome{Result: Refused, Text: tc.text}, Wasm: func() []byte {
			p := goodPolicy()
			tc.change(p)
			return p.Bytes()
		}})
	}
	return append(sorted(out),
		bytes("nothing", "empty", nil),
		bytes("component", "component", []byte("\x00asm\x0d\x00\x01\x00")),
		bytes("text", "", []byte("(module)")),
		bytes("gzip", "", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00")),
		bytes("elf", "", []byte("\x7fELF\x02\x01\x01\x00")),
		bytes("zeros", "", make([]byte, 1<<20)),
		Guest{Name: "truncated", Want: Outcome{Result: Refused}, Wasm: func() []byte {
			whole := goodPolicy().Bytes()
			return whole[:len(whole)-10]
		}},
		Guest{Name: "too-large", Want: Outcome{Result: Refused}, Wasm: func() []byte {
			p := goodPolicy()
			p.Customs = []wt.Custom{{Name: "ballast", Content: make([]byte, 65<<20)}}
			return p.Bytes()
		}},
	)
}

func bytes(name, text string, wasm []byte) Guest {
	return Guest{Name: name, Want: Outcome{Result: Refused, Text: text}, Wasm: func() []byte { return wasm }}
}

func plainLetter(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
		return r
	case r == ' ' || r == '^' || r == '-' || r == '_':
		return '-'
	}
	return -1
}

// growingTable grows a table by as much as there can be.
func growingTable(p *wt.Policy) {
	p.Tables = []wt.Table{{Min: 1}}
	p.Body(abi.ExportFilter, wt.NoFunc(), wt.Const(0xfffffffe), wt.TableGrow(0))
}

func otherType(p *wt.Policy) {
	p.Without(abi.ExportScore)
	p.Define(wt.Func{Name: abi.ExportScore, Params: []byte{wt.I64}, Results: []byte{wt.F64}, Body: wt.ConstF64(1)})
}
