// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNumbers(t *testing.T) {
	tests := map[string]struct {
		bytes   []byte
		read    func(*Reader) int64
		want    int64
		wantErr string
	}{
		"u32 one byte":              {bytes: []byte{0x7f}, read: u32, want: 127},
		"u32 largest":               {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, read: u32, want: 1<<32 - 1},
		"u32 padded":                {bytes: []byte{0x83, 0x80, 0x00}, read: u32, want: 3},
		"u32 too large":             {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0x1f}, read: u32, wantErr: "at byte 0x0: number does not fit in 32 bits"},
		"u32 too long":              {bytes: []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, read: u32, wantErr: "at byte 0x0: number does not fit in 32 bits"},
		"u32 cut off":               {bytes: []byte{0x80, 0x80}, read: u32, wantErr: "at byte 0x2: unexpected end"},
		"u32 of nothing":            {read: u32, wantErr: "at byte 0x0: unexpected end"},
		"s32 minus one":             {bytes: []byte{0x7f}, read: s32, want: -1},
		"s32 64":                    {bytes: []byte{0xc0, 0x00}, read: s32, want: 64},
		"s32 smallest":              {bytes: []byte{0x80, 0x80, 0x80, 0x80, 0x78}, read: s32, want: -1 << 31},
		"s32 largest":               {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0x07}, read: s32, want: 1<<31 - 1},
		"s32 minus one padded":      {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0x7f}, read: s32, want: -1},
		"s32 bits beyond the sign":  {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, read: s32, wantErr: "at byte 0x0: number does not fit in 32 bits"},
		"s32 too long":              {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, read: s32, wantErr: "at byte 0x0: number does not fit in 32 bits"},
		"s33 largest index":         {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, read: (*Reader).S33, want: 1<<32 - 1},
		"s33 negative":              {bytes: []byte{0x40}, read: (*Reader).S33, want: -64},
		"s33 too large":             {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0x1f}, read: (*Reader).S33, wantErr: "at byte 0x0: number does not fit in 33 bits"},
		"s64 smallest":              {bytes: []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f}, read: (*Reader).S64, want: -1 << 63},
		"s64 largest":               {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00}, read: (*Reader).S64, want: 1<<63 - 1},
		"s64 bits beyond the sign":  {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, read: (*Reader).S64, wantErr: "at byte 0x0: number does not fit in 64 bits"},
		"f32":                       {bytes: []byte{1, 2, 3, 4}, read: func(r *Reader) int64 { return int64(r.F32()) }, want: 0x04030201},
		"f64 cut off":               {bytes: []byte{1, 2, 3, 4}, read: func(r *Reader) int64 { return int64(r.F64()) }, wantErr: "at byte 0x0: 8 bytes declared, 4 left"},
		"count that fits":           {bytes: []byte{2, 0, 0, 0, 0}, read: count2, want: 2},
		"count that does not fit":   {bytes: []byte{2, 0, 0, 0}, read: count2, wantErr: "at byte 0x0: 2 entries of at least 2 bytes declared, 3 bytes left"},
		"count that would overflow": {bytes: []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, read: count2, wantErr: "at byte 0x0: 4294967295 entries of at least 2 bytes declared, 0 bytes left"},
		"name that is not UTF-8":    {bytes: []byte{1, 0xff}, read: func(r *Reader) int64 { return int64(len(r.Name())) }, wantErr: "at byte 0x0: name is not UTF-8"},
		"name that is too long":     {bytes: []byte{9, 'a'}, read: func(r *Reader) int64 { return int64(len(r.Name())) }, wantErr: "at byte 0x1: 9 bytes declared, 1 left"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewReader(tc.bytes)
			got := tc.read(r)
			if diff := cmp.Diff(tc.wantErr, message(r.Err())); diff != "" {
				t.Fatalf("unexpected error (-want,+got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("unexpected number (-want,+got):\n%s", diff)
			}
			if left := r.Len(); tc.wantErr != "" && left != 0 {
				t.Errorf("a failed reader has %d bytes left", left)
			}
		})
	}
}

func u32(r *Reader) int64 { return int64(r.U32()) }

func s32(r *Reader) int64 { return int64(r.S32()) }

func count2(r *Reader) int64 { return int64(r.Count(2)) }

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
