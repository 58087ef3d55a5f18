// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// commonWindow is the most memory that a zstd decoder needs to look back, whatever the level, unless whoever
// compressed asked for more (--ultra, --long).
const commonWindow = 8 << 20

// Decompress returns what was stored, decompressed if its first bytes say that it is gzip or zstd and as it is
// otherwise. Both forms may have at most limit bytes; beyond that it is ErrTooLarge, and at most one byte more has
// been decompressed. A broken checksum, an early end and anything after the end are ErrInvalid.
func Decompress(stored []byte, limit int64) ([]byte, error) {
	if int64(len(stored)) > limit {
		return nil, tooLarge(limit)
	}
	var content []byte
	var err error
	switch {
	case bytes.HasPrefix(stored, gzipMagic):
		content, err = gunzip(stored, limit)
	case bytes.HasPrefix(stored, zstdMagic):
		content, err = unzstd(stored, limit)
	default:
		return stored, nil
	}
	switch {
	case errors.Is(err, ErrTooLarge):
		return nil, fmt.Errorf("decompressing: %w", err)
	case err != nil:
		return nil, fmt.Errorf("decompressing: %w: %w", ErrInvalid, err)
	}
	return content, nil
}

func gunzip(stored []byte, limit int64) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(stored))
	if err != nil {
		return nil, err
	}
	return readCapped(r, limit)
}

// unzstd decodes in this goroutine, so that nothing is left to close late. A frame may state a window of many
// gigabytes in a few bytes, and the decoder allocates what it states; one as large as the content is always enough.
func unzstd(stored []byte, limit int64) ([]byte, error) {
	window := uint64(max(commonWindow, limit))
	r, err := zstd.NewReader(bytes.NewReader(stored), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := readCapped(r, limit)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return nil, fmt.Errorf("it needs more than %d bytes of memory to look back: compress with zstd -19, without --ultra or --long: %w", window, err)
	}
	return content, err
}
