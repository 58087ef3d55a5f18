// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSections(t *testing.T) {
	tests := map[string]struct {
		bytes   []byte
		want    []string
		wantErr string
	}{
		"none": {},
		"all in order": {
			bytes: []byte{1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9, 0, 12, 0, 10, 0, 11, 0},
			want:  []string{"type", "import", "function", "table", "memory", "global", "export", "start", "element", "data count", "code", "data"},
		},
		"custom anywhere":       {bytes: []byte{0, 2, 1, 'a', 1, 0, 0, 3, 1, 'b', 7, 2, 0}, want: []string{"custom a", "type", "custom b", "import"}},
		"repeated":              {bytes: []byte{1, 0, 1, 0}, want: []string{"type"}, wantErr: "at byte 0xa: type section repeated or out of order"},
		"out of order":          {bytes: []byte{3, 0, 2, 0}, want: []string{"function"}, wantErr: "at byte 0xa: import section repeated or out of order"},
		"data count after code": {bytes: []byte{10, 0, 12, 0}, want: []string{"code"}, wantErr: "at byte 0xa: data count section repeated or out of order"},
		"tag":                   {bytes: []byte{13, 0}, wantErr: "at byte 0x8: a tag section needs exception handling, which is not supported"},
		"unknown":               {bytes: []byte{14, 0}, wantErr: "at byte 0x8: there is no section with the ID 14"},
		"too long":              {bytes: []byte{1, 9, 0}, wantErr: "at byte 0xa: 9 bytes declared, 1 left"},
		"custom without name":   {bytes: []byte{0, 0}, wantErr: "at byte 0xa: unexpected end"},
		"custom with long name": {bytes: []byte{0, 2, 5, 'a', 'b', 'c', 'd', 'e'}, wantErr: "at byte 0xb: 5 bytes declared, 1 left"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := Sections(slices.Concat([]byte(Header), tc.bytes), func(s *Section) error {
				if name := s.ID.String(); s.ID == SectionCustom {
					got = append(got, name+" "+s.Name)
				} else {
					got = append(got, name)
				}
				return nil
			})
			if diff := cmp.Diff(tc.wantErr, message(err)); diff != "" {
				t.Errorf("unexpected error (-want,+got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("unexpected sections (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestSectionsNeedsTheHeader(t *testing.T) {
	for _, module := range []string{"", "\x00as", Header[:7], "\x00asm\x0d\x00\x01\x00", "(module)"} {
		err := Sections([]byte(module), func(*Section) error { return nil })
		if diff := cmp.Diff("at byte 0x0: it does not start with the header of a core module", message(err)); diff != "" {
			t.Errorf("%q: unexpected error (-want,+got):\n%s", module, diff)
		}
	}
}

func TestSectionDone(t *testing.T) {
	err := Sections([]byte(Header+"\x08\x02\x05\x05"), func(s *Section) error {
		s.Content.U32()
		return s.Done()
	})
	if diff := cmp.Diff("at byte 0xb: start section ends 1 bytes before its declared size", message(err)); diff != "" {
		t.Errorf("unexpected error (-want,+got):\n%s", diff)
	}
}

func TestElem(t *testing.T) {
	tests := map[string]struct {
		bytes []byte
		want  string
	}{
		"active":                         {[]byte{0, 0x41, 7, 0x0b, 2, 3, 4}, "active 0 @7 funcref [ref.func 3 ref.func 4]"},
		"passive":                        {[]byte{1, 0, 1, 3}, "passive 0 @0 funcref [ref.func 3]"},
		"active in a table":              {[]byte{2, 5, 0x41, 7, 0x0b, 0, 1, 3}, "active 5 @7 funcref [ref.func 3]"},
		"declarative":                    {[]byte{3, 0, 1, 3}, "declarative 0 @0 funcref [ref.func 3]"},
		"active, expressions":            {[]byte{4, 0x41, 7, 0x0b, 2, 0xd2, 3, 0x0b, 0xd0, 0x70, 0x0b}, "active 0 @7 funcref [ref.func 3 ref.null]"},
		"passive, expressions":           {[]byte{5, 0x6f, 1, 0xd0, 0x6f, 0x0b}, "passive 0 @0 externref [ref.null]"},
		"active in a table, expressions": {[]byte{6, 5, 0x41, 7, 0x0b, 0x70, 1, 0xd2, 3, 0x0b}, "active 5 @7 funcref [ref.func 3]"},
		"declarative, expressions":       {[]byte{7, 0x70, 1, 0xd2, 3, 0x0b}, "declarative 0 @0 funcref [ref.func 3]"},
		"unknown form":                   {[]byte{8, 0, 0}, "at byte 0x0: 0x8 is not how an element segment starts"},
		"unknown kind":                   {[]byte{1, 1, 0}, "at byte 0x1: 0x1 is not a kind of element"},
		"more items than bytes":          {[]byte{1, 0, 0x80, 0x80, 0x80, 0x80, 0x08, 3}, "at byte 0x2: 2147483648 entries of at least 1 bytes declared, 1 bytes left"},
		"offset of two instructions":     {[]byte{0, 0x41, 7, 0x41, 1, 0x6a, 0x0b, 0}, "at byte 0x3: a constant expression of more than one instruction needs extended constant expressions, which is not supported"},
		"offset that is not constant":    {[]byte{0, 0x20, 7, 0x0b, 0}, "at byte 0x1: local.get in a constant expression"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, describeElem(NewReader(tc.bytes))); diff != "" {
				t.Errorf("unexpected segment (-want,+got):\n%s", diff)
			}
		})
	}
}

func describeElem(r *Reader) string {
	var e Elem
	var in Instr
	var items []string
	r.Elem(&e)
	for range e.Count {
		r.ElemItem(&e, &in)
		if in.Op == OpRefFunc {
			items = append(items, fmt.Sprint(in.Op, " ", in.Index))
		} else {
			items = append(items, in.Op.String())
		}
	}
	if err := r.Err(); err != nil {
		return err.Error()
	}
	mode := [...]string{"active", "passive", "declarative"}[e.Mode]
	return fmt.Sprintf("%s %d @%d %s %v", mode, e.Index, e.Offset.Const, e.Type, items)
}

func TestData(t *testing.T) {
	tests := map[string]struct {
		bytes   []byte
		want    Data
		wantErr string
	}{
		"active":               {bytes: []byte{0, 0x41, 7, 0x0b, 2, 1, 2}, want: Data{Segment: Segment{Offset: Instr{Op: OpI32Const, Start: 1, End: 3, Const: 7}}, Init: []byte{1, 2}}},
		"passive":              {bytes: []byte{1, 1, 9}, want: Data{Segment: Segment{Mode: Passive}, Init: []byte{9}}},
		"active with memory":   {bytes: []byte{2, 0, 0x23, 7, 0x0b, 0}, want: Data{Segment: Segment{Offset: Instr{Op: OpGlobalGet, Start: 2, End: 4, Index: 7}}, Init: []byte{}}},
		"of a second memory":   {bytes: []byte{2, 1, 0x41, 7, 0x0b, 0}, wantErr: "at byte 0x0: data for memory 1 needs multiple memories, which is not supported"},
		"longer than the rest": {bytes: []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f}, wantErr: "at byte 0x6: 4294967295 bytes declared, 0 left"},
		"unknown form":         {bytes: []byte{3, 0}, wantErr: "at byte 0x0: 0x3 is not how a data segment starts"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewReader(tc.bytes)
			var got Data
			r.Data(&got)
			if diff := cmp.Diff(tc.wantErr, message(r.Err())); diff != "" {
				t.Fatalf("unexpected error (-want,+got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, got); tc.wantErr == "" && diff != "" {
				t.Errorf("unexpected segment (-want,+got):\n%s", diff)
			}
		})
	}
}
