// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Record is what a policy had that worked.
type Record struct {
	// Profile and Policy tell whose record it is.
	Profile string `json:"profile"`
	Policy  string `json:"policy"`
	// Source is where the module came from, and Version which one it was there.
	Source  string `json:"source"`
	Version string `json:"version,omitempty"`
	// Digest is the module's. As long as there is the record, the module stays.
	Digest string `json:"digest"`
	// Stored is the digest of what the source has, if that is compressed: signatures are about that. It
	// is kept as a module is, and stays as the module does.
	Stored string `json:"stored,omitempty"`
	// Manifest is the digest of the OCI manifest, if it came with one.
	Manifest string `json:"manifest,omitempty"`
	// Config is what the guests were configured with.
	Config json.RawMessage `json:"config,omitempty"`
	// Signers are the signatures that were found good.
	Signers []string `json:"signers,omitempty"`
	// Signatures are the signatures themselves, for whoever does not take a file's word for them.
	Signatures json.RawMessage `json:"signatures,omitempty"`
	// Time is when it was put into use.
	Time time.Time `json:"time"`
}

// sealed is a record in its file.
type sealed struct {
	// Digest is that of Record, byte for byte.
	Digest string          `json:"digest"`
	Record json.RawMessage `json:"record"`
}

// maxRecord bounds what is read for a record, in bytes; a configuration is far below 1 MiB.
const maxRecord = 4 << 20

// modules is the digests of what has to stay with the record.
func (r *Record) modules() []string {
	if r.Stored == "" {
		return []string{r.Digest}
	}
	return []string{r.Digest, r.Stored}
}

// PutRecord replaces the policy's record. What it refers to must have been put before.
func (c *Cache) PutRecord(r Record) error {
	if err := c.has(r.modules()); err != nil {
		return fmt.Errorf("keeping the record of %s/%s: finding its module: %w", r.Profile, r.Policy, err)
	}
	b, err := seal(r)
	if err == nil {
		err = c.prepare()
	}
	if err == nil {
		err = c.write(c.record(r.Profile, r.Policy), true, func(w io.Writer) error {
			_, err := w.Write(b)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("keeping the record of %s/%s: %w", r.Profile, r.Policy, err)
	}
	return nil
}

func (c *Cache) has(digests []string) error {
	for _, digest := range digests {
		path, err := c.module(digest)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Record is the policy's record, or ErrMissing.
func (c *Cache) Record(profile, policy string) (Record, error) {
	r, err := c.load(profile, policy)
	if err != nil {
		return Record{}, fmt.Errorf("%w: the record of %s/%s: %w", ErrMissing, profile, policy, err)
	}
	return r, nil
}

func (c *Cache) load(profile, policy string) (r Record, err error) {
	if err := c.prepare(); err != nil {
		return r, err
	}
	path := c.record(profile, policy)
	r, err = read(path)
	if err == nil && (r.Profile != profile || r.Policy != policy) {
		err = fmt.Errorf("%w: it is of %s/%s", errDamaged, r.Profile, r.Policy)
	}
	if errors.Is(err, errDamaged) {
		c.discard(path, err)
	}
	return r, err
}

// RemoveRecord forgets the policy's record; its module may then be evicted.
func (c *Cache) RemoveRecord(profile, policy string) error {
	err := c.prepare()
	if err == nil {
		err = os.Remove(c.record(profile, policy))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the record of %s/%s: %w", profile, policy, err)
	}
	return nil
}

func seal(r Record) ([]byte, error) {
	record, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealed{Digest: digestOf(record), Record: record})
}

// read reads a record; errDamaged is the file's fault.
func read(path string) (r Record, err error) {
	f, err := os.Open(path)
	if err != nil {
		return r, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err != nil {
		return r, fmt.Errorf("reading a record: %w", err)
	}
	return unsealRecord(b)
}

func unsealRecord(b []byte) (r Record, err error) {
	var s sealed
	if len(b) > maxRecord {
		return r, fmt.Errorf("%w: it has more than %d bytes", errDamaged, maxRecord)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return r, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if found := digestOf(s.Record); found != s.Digest {
		return r, fmt.Errorf("%w: its digest is %s and not %s", errDamaged, found, s.Digest)
	}
	if err := json.Unmarshal(s.Record, &r); err != nil {
		return r, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return r, nil
}

// record is a record's path: something to recognize and a hash, as names may be long, and have
// characters that file names must not have.
func (c *Cache) record(profile, policy string) string {
	id := sha256.Sum256(fmt.Appendf(nil, "%q %q", profile, policy))
	return filepath.Join(c.records(), fmt.Sprintf("%s-%s-%x.json", readable(profile), readable(policy), id[:16]))
}

// readable is the start of a name with all but letters, digits and dashes replaced.
func readable(name string) string {
	b := []byte(name[:min(len(name), 40)])
	for i, ch := range b {
		letter := 'a' <= ch|0x20 && ch|0x20 <= 'z' && ch >= 'A'
		if !letter && (ch < '0' || ch > '9') && ch != '-' {
			b[i] = '_'
		}
	}
	return string(b)
}
