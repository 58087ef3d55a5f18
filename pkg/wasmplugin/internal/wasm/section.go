// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"bytes"
	"fmt"
)

// Header is how a core module starts.
const Header = "\x00asm\x01\x00\x00\x00"

// SectionID says what a section holds.
type SectionID byte

// The sections of a module.
const (
	SectionCustom SectionID = iota
	SectionType
	SectionImport
	SectionFunction
	SectionTable
	SectionMemory
	SectionGlobal
	SectionExport
	SectionStart
	SectionElement
	SectionCode
	SectionData
	SectionDataCount
	sectionTag
)

var sectionNames = [...]string{
	"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count", "tag",
}

// String is the section's name in the specification.
func (id SectionID) String() string {
	if int(id) < len(sectionNames) {
		return sectionNames[id]
	}
	return fmt.Sprintf("section %d", byte(id))
}

// rank is the place in the order that sections have.
func (id SectionID) rank() int {
	if id == SectionDataCount {
		return 2*int(SectionElement) + 1
	}
	return 2 * int(id)
}

// Section is a section of a module.
type Section struct {
	ID SectionID
	// Name is a custom section's.
	Name string
	// Start is the offset of the section's ID; End is one past its last byte.
	Start, End int
	// Content reads what comes after the size and, in a custom section, the name.
	Content Reader
}

// Done is an error if the content has failed or is not read to its end.
func (s *Section) Done() error {
	if s.Content.err == nil && s.Content.Len() > 0 {
		s.Content.Fail(s.Content.pos, "%s section ends %d bytes before its declared size", s.ID, s.Content.Len())
	}
	return s.Content.err
}

// Sections calls visit for each section in turn. It checks the header, that sizes are exact and
// that every section other than custom ones comes once and in its place.
func Sections(module []byte, visit func(*Section) error) error {
	r := NewReader(module)
	if !bytes.Equal(r.Bytes(uint32(min(len(Header), len(module)))), []byte(Header)) {
		return &Error{Problem: "it does not start with the header of a core module"}
	}
	last := 0
	for r.Len() > 0 {
		s := r.section(&last)
		if err := r.Err(); err != nil {
			return err
		}
		if err := visit(&s); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) section(last *int) (s Section) {
	s.Start = r.pos
	s.ID = SectionID(r.Byte())
	s.Content = r.Sub(r.U32())
	s.End = r.pos
	switch {
	case s.ID == sectionTag:
		r.refuse(s.Start, FeatureExceptions, "a tag section")
	case s.ID > sectionTag:
		r.Fail(s.Start, "there is no section with the ID %d", byte(s.ID))
	case s.ID == SectionCustom:
		s.Name = s.Content.Name()
		r.fail(s.Content.err)
	case s.ID.rank() <= *last:
		r.Fail(s.Start, "%s section repeated or out of order", s.ID)
	default:
		*last = s.ID.rank()
	}
	return s
}
