// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// Key is what an entry was made from: a hash over all that it depends on.
type Key = [sha256.Size]byte

// errDamaged is an entry that is not what was stored.
var errDamaged = errors.New("the file is damaged")

// label is what an entry says about itself. It comes after the content, so that a file that the
// compiler wrote becomes an entry without being copied.
type label struct {
	// Magic has the version of this format.
	Magic [8]byte
	Key   Key
	// Name is the file's name, padded with zeros.
	Name [maxName]byte
	Size int64
}

// maxName is the bytes of the longest name: wazero's, which is a hash in hexadecimal.
const maxName = 64

var (
	magic     = [8]byte{'s', 't', 'o', 'w', 'a', 'g', 'e', 1}
	labelSize = int64(binary.Size(label{}))
	// sealSize is what follows the content: the label, and the SHA-256 of content and label.
	sealSize = labelSize + sha256.Size
)

// seal ends a hash of the content with the label and is what has to follow the content.
func (l label) seal(content hash.Hash) []byte {
	// The label has nothing that could not be encoded.
	b, _ := binary.Append(nil, binary.LittleEndian, l)
	_, _ = content.Write(b)
	return content.Sum(b)
}

func newLabel(key Key, name string, size int64) label {
	l := label{Magic: magic, Key: key, Size: size}
	copy(l.Name[:], name)
	return l
}

// sealFile makes an entry of a file by adding the seal.
func sealFile(f *os.File, key Key, name string) error {
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err != nil {
		return fmt.Errorf("reading what is to be stored: %w", err)
	}
	if _, err := f.Write(newLabel(key, name, size).seal(sum)); err != nil {
		return fmt.Errorf("sealing an entry: %w", err)
	}
	return nil
}

// unseal copies the content of an entry. What was copied must not be used if there is an error;
// errDamaged is the entry's fault.
func unseal(f *os.File, key Key, name string, to io.Writer) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("reading an entry: %w", err)
	}
	size := info.Size() - sealSize
	if size < 0 || !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it has %d bytes", errDamaged, info.Size())
	}
	if b, ok := to.(*bytes.Buffer); ok {
		b.Grow(int(size))
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(to, sum), f, size); err != nil {
		return fmt.Errorf("copying an entry: %w", err)
	}
	var found bytes.Buffer
	if _, err := io.CopyN(&found, f, sealSize); err != nil {
		return fmt.Errorf("reading an entry: %w", err)
	}
	if !bytes.Equal(found.Bytes(), newLabel(key, name, size).seal(sum)) {
		return fmt.Errorf("%w: its seal is not that of %x-%s with %d bytes", errDamaged, key, name, size)
	}
	return nil
}
