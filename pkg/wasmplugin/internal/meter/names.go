// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"encoding/binary"
	"fmt"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// names is what the name section says.
type names struct {
	present bool
	// module is the module's name, functions those of functions by index.
	module    string
	functions []entryName
}

type entryName struct {
	index uint32
	name  string
}

// Subsections of the name section.
const (
	nameModule    = 0
	nameFunctions = 1
	nameGlobals   = 7
)

// custom reads the name section; other custom sections are only copied.
func (p *program) custom(s *wasm.Section) error {
	if s.Name != "name" {
		return nil
	}
	if p.names.present {
		return fmt.Errorf("a second name section at byte %#x", s.Start)
	}
	p.names.present = true
	for s.Content.Len() > 0 {
		id := s.Content.Byte()
		sub := s.Content.Sub(s.Content.U32())
		if err := p.names.read(id, &sub); err != nil {
			return fmt.Errorf("name section: %w", err)
		}
	}
	return s.Done()
}

func (n *names) read(id byte, r *wasm.Reader) error {
	switch id {
	case nameModule:
		n.module = r.Name()
	case nameFunctions:
		for count := r.Count(2); count > 0; count-- {
			index := r.U32()
			n.functions = append(n.functions, entryName{index, r.Name()})
		}
	default:
		return r.Err()
	}
	if r.Len() > 0 {
		r.Fail(r.Offset(), "subsection %d ends %d bytes before its declared size", id, r.Len())
	}
	return r.Err()
}

// appendNames appends a name section in which functions are called what they were called before,
// by name or by index, so that traces do not show what was added to the module.
func (p *program) appendNames(out []byte) []byte {
	byIndex := make([]string, len(p.functions))
	for _, f := range p.names.functions {
		if int(f.index) < len(byIndex) {
			byIndex[f.index] = f.name
		}
	}
	content := appendSized(nil, "name")
	if p.names.module != "" {
		content = appendSized(append(content, nameModule), appendSized(nil, p.names.module))
	}
	content = appendSized(append(content, nameFunctions), p.functionNames(byIndex))
	content = appendSized(append(content, nameGlobals), p.globalNames())
	return appendSection(out, wasm.SectionCustom, content)
}

func (p *program) functionNames(byIndex []string) []byte {
	out := binary.AppendUvarint(nil, uint64(len(byIndex)+1))
	for i, name := range byIndex {
		if i == int(p.imported) {
			out = p.refuelName(out)
		}
		if name == "" {
			name = fmt.Sprintf("$%d", i)
		}
		out = appendSized(binary.AppendUvarint(out, uint64(p.shifted(uint32(i)))), name)
	}
	if len(byIndex) == int(p.imported) {
		out = p.refuelName(out)
	}
	return out
}

func (p *program) refuelName(out []byte) []byte {
	return appendSized(binary.AppendUvarint(out, uint64(p.imported)), ImportModule+"."+ImportRefuel)
}

func (p *program) globalNames() []byte {
	out := appendSized(binary.AppendUvarint([]byte{2}, uint64(p.globals)), ExportFuel)
	return appendSized(binary.AppendUvarint(out, uint64(p.globals)+1), ExportStack)
}
