// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

func TestDecompress(t *testing.T) {
	const small = 1 << 20
	zeros := strings.Repeat("\x00", small)
	gz, zs := gzipped(t, "\x00asm..."), zstded(t, "\x00asm...")
	flipped := bytes.Clone(gz)
	flipped[len(flipped)-5] ^= 1
	flippedZstd := bytes.Clone(zs)
	flippedZstd[len(flippedZstd)-1] ^= 1
	tests := map[string]struct {
		stored  []byte
		want    string
		wantErr error
		wantMsg string
	}{
		"raw":                       {stored: []byte("\x00asm..."), want: "\x00asm..."},
		"text":                      {stored: []byte("zone: a"), want: "zone: a"},
		"nothing":                   {},
		"half a magic number":       {stored: gz[:1], want: string(gz[:1])},
		"gzip":                      {stored: gz, want: "\x00asm..."},
		"gzip of two members":       {stored: append(bytes.Clone(gz), gz...), want: "\x00asm...\x00asm..."},
		"gzip of the largest":       {stored: gzipped(t, zeros), want: zeros},
		"gzip of one byte too many": {stored: gzipped(t, zeros+"x"), wantErr: source.ErrTooLarge, wantMsg: "decompressing: content is too large: the limit is 1048576 bytes"},
		"gzip bomb":                 {stored: gzipped(t, strings.Repeat(zeros, 100)), wantErr: source.ErrTooLarge},
		"gzip, no end":              {stored: gz[:len(gz)-9], wantErr: source.ErrInvalid, wantMsg: "decompressing: content is not valid: unexpected EOF"},
		"gzip, header only":         {stored: gz[:5], wantErr: source.ErrInvalid},
		"gzip, checksum":            {stored: flipped, wantErr: source.ErrInvalid, wantMsg: "decompressing: content is not valid: gzip: invalid checksum"},
		"gzip, garbage after":       {stored: append(bytes.Clone(gz), "garbage"...), wantErr: source.ErrInvalid},
		"gzip, zeros after":         {stored: append(bytes.Clone(gz), 0, 0, 0), wantErr: source.ErrInvalid},
		"zstd":                      {stored: zs, want: "\x00asm..."},
		"zstd of the largest":       {stored: zstded(t, zeros), want: zeros},
		"zstd of one too many":      {stored: zstded(t, zeros+"x"), wantErr: source.ErrTooLarge, wantMsg: "decompressing: content is too large: the limit is 1048576 bytes"},
		"zstd bomb":                 {stored: zstded(t, strings.Repeat(zeros, 100)), wantErr: source.ErrTooLarge},
		"zstd, no end":              {stored: zs[:len(zs)-5], wantErr: source.ErrInvalid},
		"zstd, checksum":            {stored: flippedZstd, wantErr: source.ErrInvalid},
		"zstd, garbage after":       {stored: append(bytes.Clone(zs), "garbage"...), wantErr: source.ErrInvalid},
		"zstd, window": {
			// A frame that asks for 2 GiB and then has no more.
			stored: []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00}, wantErr: source.ErrInvalid,
			wantMsg: "decompressing: content is not valid: it needs more than 8388608 bytes of memory to look back: compress with zstd -19, without --ultra or --long: window size exceeded",
		},
		"stored is too large": {stored: []byte(zeros + "x"), wantErr: source.ErrTooLarge, wantMsg: "content is too large: the limit is 1048576 bytes"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := source.Decompress(tc.stored, small)
			if !errors.Is(err, tc.wantErr) {
				t.Fatalf("error is %v, want %v", err, tc.wantErr)
			}
			if tc.wantMsg != "" {
				if diff := cmp.Diff(tc.wantMsg, err.Error()); diff != "" {
					t.Errorf("error (-want,+got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("content (-want,+got):\n%s", diff)
			}
		})
	}
}

// What cosign's and zstd's users have: level 19, from a pipe, so that the size is not in the header.
func TestDecompressBestZstd(t *testing.T) {
	content := strings.Repeat("module ", 3<<20)
	var stored bytes.Buffer
	w, err := zstd.NewWriter(&stored, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte(content))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := source.Decompress(stored.Bytes(), limit)
	if err != nil || string(got) != content {
		t.Errorf("Decompress() = %d bytes, %v", len(got), err)
	}
}

// Memory stays near the limit, however much there is to decompress.
func TestDecompressMemory(t *testing.T) {
	bomb := gzipped(t, strings.Repeat("\x00", 64<<20))
	bombZstd := zstded(t, strings.Repeat("\x00", 64<<20))
	for name, stored := range map[string][]byte{"gzip": bomb, "zstd": bombZstd} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := source.Decompress(stored, 1<<20); !errors.Is(err, source.ErrTooLarge) {
				t.Errorf("error is %v, want ErrTooLarge", err)
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 {
				t.Errorf("it allocated %d bytes for a limit of 1 MiB", took)
			}
		})
	}
}

// FuzzDecompress: what comes out is within the limit, and it is what went in unless that was compressed.
func FuzzDecompress(f *testing.F) {
	for _, content := range []string{"", "\x00asm", strings.Repeat("ab", 3000)} {
		f.Add([]byte(content))
		f.Add(gzipped(f, content))
		f.Add(zstded(f, content))
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		const most = 4 << 10
		got, err := source.Decompress(stored, most)
		switch {
		case err != nil && (got != nil || errors.Is(err, source.ErrTooLarge) == errors.Is(err, source.ErrInvalid)):
			t.Fatalf("Decompress() = %d bytes, %v, want one kind of error", len(got), err)
		case len(got) > most:
			t.Fatalf("Decompress() = %d bytes, want at most %d", len(got), most)
		case bytes.HasPrefix(stored, []byte("\x00asm")) && err == nil && !bytes.Equal(stored, got):
			t.Fatal("a module was changed")
		}
	})
}
