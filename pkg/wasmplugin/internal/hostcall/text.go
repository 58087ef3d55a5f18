// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean is the first limit bytes as one line that is safe to show: what does not print becomes a
// space, so that a guest can neither forge lines of a log nor hide text in them, and what is not
// UTF-8 becomes a question mark. It never gets longer.
func clean(b []byte, limit int) string {
	b = cut(b, limit)
	if isPlain(b) {
		return string(b)
	}
	return strings.Map(printable, string(b))
}

// isPlain tells whether it is ASCII that prints, as most text is.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func printable(r rune) rune {
	switch {
	case r == utf8.RuneError:
		return '?'
	case !unicode.IsPrint(r):
		return ' '
	}
	return r
}

// cut keeps limit bytes and no part of a character.
func cut(b []byte, limit int) []byte {
	if len(b) <= limit {
		return b
	}
	end := limit
	for end > 0 && limit-end < utf8.UTFMax-1 && !utf8.RuneStart(b[end]) {
		end--
	}
	return b[:end]
}

// isName matches [a-z][a-z0-9_]{0,62}.
func isName(b []byte) bool {
	return isWord(b, maxName, isLower, func(c byte) bool { return isLower(c) || isDigit(c) || c == '_' })
}

// isReason matches [A-Z][A-Za-z0-9]{0,127}.
func isReason(b []byte) bool {
	return isWord(b, maxReason, isUpper, func(c byte) bool { return isLower(c) || isUpper(c) || isDigit(c) })
}

func isWord(b []byte, limit int, first, other func(byte) bool) bool {
	if len(b) == 0 || len(b) > limit || !first(b[0]) {
		return false
	}
	for _, c := range b[1:] {
		if !other(c) {
			return false
		}
	}
	return true
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
