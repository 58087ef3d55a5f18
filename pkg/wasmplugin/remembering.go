// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/cache"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// remembering is a policy's part of the host's cache: what worked last.
type remembering struct {
	cache           *cache.Cache
	profile, policy string
	// limit is the most bytes of a module.
	limit int64
}

// Recall implements generation.Memory.
func (k *remembering) Recall(origin string) (*generation.Remembered, error) {
	r, err := k.cache.Record(k.profile, k.policy)
	if errors.Is(err, cache.ErrMissing) || err == nil && r.Source != origin {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	blob := &source.Blob{Version: r.Version, Manifest: r.Manifest}
	digest := r.Stored
	if digest == "" {
		digest = r.Digest
	}
	if blob.Stored, err = k.cache.Module(digest); err != nil {
		return nil, err
	}
	if blob.Content, err = source.Decompress(blob.Stored, k.limit); err != nil {
		return nil, err
	}
	if len(r.Signatures) > 0 {
		if err := json.Unmarshal(r.Signatures, &blob.Signatures); err != nil {
			return nil, fmt.Errorf("reading the signatures of what worked last: %w", err)
		}
	}
	return &generation.Remembered{Origin: r.Source, Module: blob, Config: r.Config}, nil
}

// Remember implements generation.Memory.
func (k *remembering) Remember(r *generation.Remembered) error {
	signatures, err := json.Marshal(r.Module.Signatures)
	if err != nil {
		return fmt.Errorf("keeping the signatures of what works: %w", err)
	}
	record := cache.Record{
		Profile: k.profile, Policy: k.policy, Source: r.Origin, Version: r.Module.Version, Manifest: r.Module.Manifest,
		Digest: digestOf(r.Module.Content), Config: r.Config, Signatures: signatures, Time: time.Now(),
	}
	if err := k.cache.PutModule(record.Digest, r.Module.Content); err != nil {
		return err
	}
	if !bytes.Equal(r.Module.Stored, r.Module.Content) {
		record.Stored = digestOf(r.Module.Stored)
		if err := k.cache.PutModule(record.Stored, r.Module.Stored); err != nil {
			return err
		}
	}
	return k.cache.PutRecord(record)
}

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }
