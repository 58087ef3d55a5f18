// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// Where a Policy keeps things.
const (
	// DescriptorAt is the address of the descriptor.
	DescriptorAt = 64
	// FrameAt is the address of the frame: buffer kind 0.
	FrameAt = 1 << 16
	// BufferRoom is the room of each buffer; kind k is at (k+1)*BufferRoom.
	BufferRoom = 1 << 16
	// TextAt is free for a test's data.
	TextAt = 1024
)

// Policy is a guest that follows the ABI except where a test makes it not to.
type Policy struct {
	Module
	Descriptor abi.Descriptor
	// Bodies is what each export does, by name: code that leaves an i32. A nil body leaves the
	// export out.
	Bodies map[string][]byte
}

// NewPolicy is a policy that answers every extension point with Success and nothing else.
func NewPolicy() *Policy {
	p := &Policy{
		Module: Module{Pages: abi.BufferKinds + 1, Data: map[uint32][]byte{}},
		Descriptor: abi.Descriptor{
			Magic: abi.Magic, Size: uint32(unsafe.Sizeof(abi.Descriptor{})), Major: abi.Major, Minor: abi.Minor,
			Points: abi.PointPreFilter | abi.PointFilter | abi.PointPreScore | abi.PointScore | abi.PointNormalizeScore,
		},
		Bodies: map[string][]byte{
			abi.ExportDescribe: Const(DescriptorAt),
			abi.ExportBuffer:   Code(Param(0), Const(1), Add(), Const(16), ShiftLeft()),
		},
	}
	for _, name := range []string{
		abi.ExportConfigure, abi.ExportPreFilter, abi.ExportFilter, abi.ExportPreScore, abi.ExportScore, abi.ExportNormalizeScore,
	} {
		p.Bodies[name] = Const(uint32(abi.Success))
	}
	return p
}

// Body replaces what an export does.
func (p *Policy) Body(export string, code ...[]byte) *Policy {
	p.Bodies[export] = Code(code...)
	return p
}

// Without leaves an export out.
func (p *Policy) Without(export string) *Policy {
	delete(p.Bodies, export)
	return p
}

// Text puts text at TextAt.
func (p *Policy) Text(text string) *Policy {
	p.Data[TextAt] = []byte(text)
	return p
}

// Import adds a function import and returns its index.
func (p *Policy) Import(module, name string, params int, results ...byte) uint32 {
	p.Imports = append(p.Imports, Import{module, name, slices.Repeat([]byte{I32}, params), results})
	return uint32(len(p.Imports) - 1)
}

// Define adds a function that is not exported and returns its index. Imports come before it.
func (p *Policy) Define(f Func) uint32 {
	p.Funcs = append(p.Funcs, f)
	return uint32(len(p.Imports) + len(p.Funcs) - 1)
}

// Index is the index of an export. Imports and other functions come before it, and no export
// may be added or left out after it.
func (p *Policy) Index(export string) uint32 {
	return uint32(len(p.Imports) + len(p.Funcs) + slices.Index(p.exported(), export))
}

// exported is the exports in the order of their indices.
func (p *Policy) exported() []string { return slices.Sorted(maps.Keys(p.Bodies)) }

// Bytes assembles the policy.
func (p *Policy) Bytes() []byte {
	m := p.Module
	m.Data = maps.Clone(p.Data)
	m.Funcs = slices.Clone(p.Funcs)
	if _, own := m.Data[DescriptorAt]; !own {
		m.Data[DescriptorAt] = encode(p.Descriptor)
	}
	for _, name := range p.exported() {
		f := Func{Name: name, Results: []byte{I32}, Body: p.Bodies[name]}
		switch name {
		case abi.ExportBuffer:
			f.Params = []byte{I32, I32}
		case abi.ExportInitialize:
			f.Results = nil
		}
		m.Funcs = append(m.Funcs, f)
	}
	return m.Bytes()
}

func encode(d abi.Descriptor) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, d)
	if err != nil {
		panic(fmt.Sprintf("encoding a descriptor: %v", err))
	}
	return b
}

// SetResult stores a u32 in the frame at the offset of one of its fields.
func SetResult(field uintptr, value uint32) []byte { return Store(FrameAt+uint32(field), value) }

// SetSpan stores a span in the frame at the offset of one of its fields.
func SetSpan(field uintptr, addr, n uint32) []byte {
	return Code(SetResult(field, addr), SetResult(field+4, n))
}

// Exit is code that ends the guest through WASI with an exit code, given proc_exit's index.
func Exit(procExit, code uint32) []byte { return Code(Const(code), Call(procExit), Const(0)) }

// WriteText is code that writes n bytes from TextAt to stderr, given fd_write's index.
func WriteText(fdWrite, n uint32) []byte {
	const iovec, written = 32, 40
	return Code(Store(iovec, TextAt), Store(iovec+4, n),
		Const(2), Const(iovec), Const(1), Const(written), Call(fdWrite), Drop())
}
