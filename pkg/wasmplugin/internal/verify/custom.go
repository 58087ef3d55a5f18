// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// Custom sections that something reads: the compiler names, the report producers.
const (
	sectionNames     = "name"
	sectionProducers = "producers"
	// maxProducers is how many the report has.
	maxProducers = 16
)

func (c *checker) readCustom(s *wasm.Section) {
	start := s.Content.Offset()
	c.report.CustomSections = append(c.report.CustomSections, plain(s.Name))
	c.report.customBytes += s.End - s.Start
	if err := atMost("custom sections", len(c.report.CustomSections), c.limits.CustomSections); err != nil {
		s.Content.Fail(start, "%v", err)
	}
	if err := atMost("bytes of custom sections", c.report.customBytes, c.limits.CustomBytes); err != nil {
		s.Content.Fail(start, "%v: build without debug information (Go: -ldflags=-w)", err)
	}
	switch s.Name {
	case sectionNames:
		c.once(s, c.readNames)
	case sectionProducers:
		c.once(s, c.readProducers)
	default:
		s.Content.Bytes(uint32(s.Content.Len()))
	}
}

// once reads a custom section that may come once.
func (c *checker) once(s *wasm.Section, read func(*wasm.Reader)) {
	if c.seen[s.Name] {
		s.Content.Fail(s.Start, "there are two custom sections %q", s.Name)
		return
	}
	c.seen[s.Name] = true
	read(&s.Content)
}

// readNames reads the name section: wazero believes its counts too.
func (c *checker) readNames(r *wasm.Reader) {
	for last := -1; r.Len() > 0; {
		start := r.Offset()
		id := int(r.Byte())
		if id <= last {
			r.Fail(start, "names of kind %d repeated or out of order", id)
		}
		last = id
		sub := r.Sub(r.U32())
		if r.Err() != nil {
			return
		}
		c.readNameMap(&sub, id)
		if !c.adopt(&sub, fmt.Sprintf("names of kind %d", id)) {
			return
		}
	}
}

func (c *checker) readNameMap(r *wasm.Reader, kind int) {
	switch kind {
	case 0: // the module's
		r.Name()
	case 1: // functions'
		for n := r.Count(2); n > 0 && r.Err() == nil; n-- {
			r.U32()
			r.Name()
		}
	case 2: // locals', by function
		c.localNames = r.Count(2)
		for n := c.localNames; n > 0 && r.Err() == nil; n-- {
			r.U32()
			for m := r.Count(2); m > 0 && r.Err() == nil; m-- {
				r.U32()
				r.Name()
			}
		}
	default:
		r.Bytes(uint32(r.Len()))
	}
}

func (c *checker) readProducers(r *wasm.Reader) {
	for n := r.Count(2); n > 0 && r.Err() == nil; n-- {
		field := r.Name()
		for m := r.Count(2); m > 0 && r.Err() == nil; m-- {
			p := Producer{Field: plain(field), Name: plainText(r.Name()), Version: plainText(r.Name())}
			if len(c.report.Producers) < maxProducers {
				c.report.Producers = append(c.report.Producers, p)
			}
		}
	}
}
