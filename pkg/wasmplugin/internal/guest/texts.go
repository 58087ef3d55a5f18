// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

const (
	// maxText is the most bytes of a reason that are kept: it goes into events and statuses.
	maxText = 1 << 10
	// maxTexts bounds the cache of texts; policies repeat a few reasons for thousands of nodes.
	maxTexts = 256
)

// texts makes strings of bytes, the same string for the same bytes while it remembers them.
type texts struct{ seen map[string]string }

func (t *texts) get(b []byte) string {
	b = b[:min(len(b), maxText)]
	if s, ok := t.seen[string(b)]; ok {
		return s
	}
	if t.seen == nil || len(t.seen) >= maxTexts {
		t.seen = map[string]string{}
	}
	s := strings.Map(printable, string(b))
	t.seen[string(b)] = s
	return s
}

// printable keeps what a guest says from looking like something else in logs, events and
// terminals: line breaks and other control characters become spaces, what is not UTF-8 a ?.
func printable(r rune) rune {
	switch {
	case r == utf8.RuneError:
		return '?'
	case unicode.IsPrint(r):
		return r
	}
	return ' '
}

// verdicts makes Verdicts, the same one for the same outcome while it remembers it.
type verdicts struct{ seen map[outcome]*Verdict }

type outcome struct {
	code   abi.Code
	reason string
}

func (v *verdicts) get(code abi.Code, reason string) *Verdict {
	key := outcome{code, reason}
	if have, ok := v.seen[key]; ok {
		return have
	}
	if v.seen == nil || len(v.seen) >= maxTexts {
		v.seen = map[outcome]*Verdict{}
	}
	made := &Verdict{Code: code, Reason: reason}
	v.seen[key] = made
	return made
}
