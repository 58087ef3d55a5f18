// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// SignatureSuffix is what is appended to a path, key or URL path for the signatures of what is there.
	SignatureSuffix = ".sigstore.json"
	// MaxSignatureBytes is how large the signatures of one blob may be together, as they are stored.
	MaxSignatureBytes = 1 << 20
	// MaxSignatures is how many there may be: each costs a verification.
	MaxSignatures = 32
)

// newBlob makes a blob of what was stored, unless it is known; there are no signatures if bundle is empty.
func newBlob(known string, stored, bundle []byte, limit int64) (*Blob, error) {
	version := versionOf(stored, bundle)
	if version == known {
		return nil, ErrUnchanged
	}
	if len(stored) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrInvalid)
	}
	signatures, err := splitSignatures(bundle)
	if err != nil {
		return nil, err
	}
	content, err := Decompress(stored, limit)
	if err != nil {
		return nil, err
	}
	return &Blob{Content: content, Stored: stored, Version: version, Signatures: signatures}, nil
}

// versionOf covers the signatures: a module that was refused for want of one is tried again when it comes.
func versionOf(stored, bundle []byte) string {
	version := fmt.Sprintf("sha256:%x", sha256.Sum256(stored))
	if len(bundle) > 0 {
		version += fmt.Sprintf("+sha256:%x", sha256.Sum256(bundle))
	}
	return version
}

// splitSignatures takes a file of signatures apart: one of any format, a JSON array of them, or several JSON
// documents one after another. Which of them is good is not decided here.
func splitSignatures(bundle []byte) ([]Signature, error) {
	bundle = bytes.TrimSpace(bundle)
	if len(bundle) == 0 {
		return nil, nil
	}
	documents, err := split(bundle)
	if err != nil {
		// It is not JSON, as a signature in base64.
		documents = []json.RawMessage{bundle}
	}
	if len(documents) > MaxSignatures {
		return nil, fmt.Errorf("%w: it has more than %d signatures", ErrInvalid, MaxSignatures)
	}
	var signatures []Signature
	for _, document := range documents {
		signatures = append(signatures, Signature{Data: document})
	}
	return signatures, nil
}

func split(bundle []byte) (documents []json.RawMessage, err error) {
	if bundle[0] == '[' {
		err = json.Unmarshal(bundle, &documents)
		return documents, err
	}
	for decoder := json.NewDecoder(bytes.NewReader(bundle)); ; {
		var document json.RawMessage
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
}

// readCapped reads all there is, if that is no more than limit bytes.
func readCapped(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(limit)
	}
	return data, nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, limit)
}
