// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTypes(t *testing.T) {
	read := map[string]func(*Reader) any{
		"type":   func(r *Reader) any { return r.FuncType() },
		"limits": func(r *Reader) any { return r.Limits() },
		"table":  func(r *Reader) any { return r.Table() },
		"global": func(r *Reader) any { return r.GlobalType() },
		"import": func(r *Reader) any { return r.Import() },
		"export": func(r *Reader) any { return r.Export() },
	}
	tests := map[string]struct {
		what    string
		bytes   []byte
		want    any
		wantErr string
	}{
		"function type":        {what: "type", bytes: []byte{0x60, 2, 0x7f, 0x70, 1, 0x7b}, want: FuncType{Params: []byte{0x7f, 0x70}, Results: []byte{0x7b}}},
		"type of a bad value":  {what: "type", bytes: []byte{0x60, 2, 0x7f, 0x01, 0}, wantErr: "at byte 0x3: 0x1 is not a value type"},
		"type of a reference":  {what: "type", bytes: []byte{0x60, 2, 0x64, 0x70, 0}, wantErr: "at byte 0x2: the value type 0x64 needs typed function references, which is not supported"},
		"recursive types":      {what: "type", bytes: []byte{0x4e, 0}, wantErr: "at byte 0x0: the type form 0x4e needs garbage collection, which is not supported"},
		"not a type":           {what: "type", bytes: []byte{0x40, 0}, wantErr: "at byte 0x0: 0x40 is not a function type"},
		"params without bytes": {what: "type", bytes: []byte{0x60, 0xff, 0xff, 0xff, 0xff, 0x0f}, wantErr: "at byte 0x1: 4294967295 entries of at least 1 bytes declared, 0 bytes left"},
		"open limits":          {what: "limits", bytes: []byte{0, 5}, want: Limits{Min: 5}},
		"limits":               {what: "limits", bytes: []byte{1, 5, 6}, want: Limits{Min: 5, Max: 6, HasMax: true}},
		"limits upside down":   {what: "limits", bytes: []byte{1, 5, 4}, wantErr: "at byte 0x0: the maximum 4 is less than the minimum 5"},
		"shared":               {what: "limits", bytes: []byte{3, 5, 6}, wantErr: "at byte 0x0: limits with the flags 0x3 needs threads, which is not supported"},
		"64-bit":               {what: "limits", bytes: []byte{4, 5}, wantErr: "at byte 0x0: limits with the flags 0x4 needs memory64, which is not supported"},
		"page size":            {what: "limits", bytes: []byte{8, 5}, wantErr: "at byte 0x0: limits with the flags 0x8 needs custom page sizes, which is not supported"},
		"not limits":           {what: "limits", bytes: []byte{16, 5}, wantErr: "at byte 0x0: 0x10 is not how limits start"},
		"table":                {what: "table", bytes: []byte{0x6f, 0, 5}, want: Table{Elem: ExternRef, Limits: Limits{Min: 5}}},
		"table of numbers":     {what: "table", bytes: []byte{0x7f, 0, 5}, wantErr: "at byte 0x0: i32 is not a reference type"},
		"table with a value":   {what: "table", bytes: []byte{0x40, 0, 0x70, 0, 5}, wantErr: "at byte 0x0: a table with an initial value needs typed function references, which is not supported"},
		"global":               {what: "global", bytes: []byte{0x7c, 1}, want: GlobalType{Type: F64, Mutable: true}},
		"shared global":        {what: "global", bytes: []byte{0x7c, 2}, wantErr: "at byte 0x1: 0x2 is not a mutability"},
		"imported function":    {what: "import", bytes: []byte{1, 'm', 1, 'f', 0, 9}, want: Import{Module: "m", Name: "f", Type: 9}},
		"imported memory":      {what: "import", bytes: []byte{1, 'm', 1, 'f', 2, 0, 9}, want: Import{Module: "m", Name: "f", Kind: KindMemory, Memory: Limits{Min: 9}}},
		"imported tag":         {what: "import", bytes: []byte{1, 'm', 1, 'f', 4, 0, 9}, wantErr: "at byte 0x4: a tag needs exception handling, which is not supported"},
		"imported what":        {what: "import", bytes: []byte{1, 'm', 1, 'f', 5}, wantErr: "at byte 0x4: 0x5 is not a kind of import or export"},
		"export":               {what: "export", bytes: []byte{1, 'f', 3, 9}, want: Export{Name: "f", Kind: KindGlobal, Index: 9}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewReader(tc.bytes)
			got := read[tc.what](r)
			if diff := cmp.Diff(tc.wantErr, message(r.Err())); diff != "" {
				t.Fatalf("unexpected error (-want,+got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, got); tc.wantErr == "" && diff != "" {
				t.Errorf("unexpected value (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestBody(t *testing.T) {
	r := NewReader([]byte{8, 2, 3, 0x7f, 0xff, 0x7f, 0x7e, 0x01, 0x0b, 2, 0, 0x0b})
	var b Body
	r.Body(&b)
	if diff := cmp.Diff([]Locals{{3, I32}, {16383, I64}}, b.Locals); diff != "" || b.LocalCount != 16386 {
		t.Errorf("unexpected locals, %d in all (-want,+got):\n%s", b.LocalCount, diff)
	}
	if b.Code.Len() != 2 || b.Code.Offset() != 7 {
		t.Errorf("the code has %d bytes from %d, want 2 from 7", b.Code.Len(), b.Code.Offset())
	}
	r.Body(&b)
	if b.LocalCount != 0 || b.Code.Len() != 1 || r.Err() != nil || r.Len() != 0 {
		t.Errorf("the second body has %d locals and %d bytes of code; %d bytes are left, error %v", b.LocalCount, b.Code.Len(), r.Len(), r.Err())
	}
}

func TestBodyWithMoreLocalsThanBytes(t *testing.T) {
	r := NewReader([]byte{4, 0xff, 0xff, 0x03, 0x0b})
	r.Body(&Body{})
	if diff := cmp.Diff("at byte 0x1: 65535 entries of at least 2 bytes declared, 1 bytes left", message(r.Err())); diff != "" {
		t.Errorf("unexpected error (-want,+got):\n%s", diff)
	}
}

func TestIsFeature(t *testing.T) {
	r := NewReader([]byte{0x12})
	r.Instr(&Instr{})
	if f, ok := IsFeature(r.Err()); f != FeatureTailCalls || !ok {
		t.Errorf("got %q, %t; want tail calls", f, ok)
	}
	r = NewReader(nil)
	r.Byte()
	if f, ok := IsFeature(r.Err()); ok {
		t.Errorf("an unexpected end is taken for the feature %q", f)
	}
}
