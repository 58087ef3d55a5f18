// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// value is JSON. Text holds a string's contents, a number's or boolean's source.
type value struct {
	kind   kind
	text   string
	list   []value
	fields []field
}

type field struct {
	value
	name string
	used bool
}

// maxDepth bounds recursion; no configuration comes near.
const maxDepth = 64

type parser struct {
	in    string
	at    int
	depth int
}

func parse(in string) (value, error) {
	p := &parser{in: in}
	v, err := p.value()
	if err == nil && p.peek() != 0 {
		err = p.unexpected("end of text")
	}
	return v, err
}

// peek is the next byte that is not white space; 0 at the end.
func (p *parser) peek() byte {
	for p.at < len(p.in) {
		switch c := p.in[p.at]; c {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return c
		}
	}
	return 0
}

func (p *parser) unexpected(want string) error {
	got := "end of text"
	if p.at < len(p.in) {
		got = strconv.Quote(p.in[p.at:min(p.at+1, len(p.in))])
	}
	return errors.New("is not JSON: want " + want + " at byte " + strconv.Itoa(p.at) + ", found " + got)
}

func (p *parser) value() (value, error) {
	switch c := p.peek(); {
	case c == '{':
		return p.nested('}', p.field, value{kind: object})
	case c == '[':
		return p.nested(']', p.element, value{kind: list})
	case c == '"':
		s, err := p.string()
		return value{kind: text, text: s}, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	return p.word()
}

// nested reads the entries of a list or object up to the closing bracket.
func (p *parser) nested(end byte, entry func(*value) error, v value) (value, error) {
	if p.depth++; p.depth > maxDepth {
		return v, errors.New("is nested too deeply")
	}
	p.at++
	for first := true; p.peek() != end; first = false {
		if !first {
			if p.peek() != ',' {
				return v, p.unexpected("a comma or " + string(rune(end)))
			}
			p.at++
		}
		if err := entry(&v); err != nil {
			return v, err
		}
	}
	p.at++
	p.depth--
	return v, nil
}

func (p *parser) element(to *value) error {
	v, err := p.value()
	to.list = append(to.list, v)
	return err
}

func (p *parser) field(to *value) error {
	if p.peek() != '"' {
		return p.unexpected("a field's name")
	}
	name, err := p.string()
	if err != nil {
		return err
	}
	if p.peek() != ':' {
		return p.unexpected("a colon")
	}
	p.at++
	v, err := p.value()
	for _, f := range to.fields {
		if f.name == name {
			return errors.New("has the field " + strconv.Quote(name) + " twice")
		}
	}
	to.fields = append(to.fields, field{value: v, name: name})
	return err
}

func (p *parser) word() (value, error) {
	for word, kind := range map[string]kind{"null": null, "true": boolean, "false": boolean} {
		if len(p.in)-p.at >= len(word) && p.in[p.at:p.at+len(word)] == word {
			p.at += len(word)
			return value{kind: kind, text: word}, nil
		}
	}
	return value{}, p.unexpected("a value")
}

// number takes what JSON calls a number as text: strconv's float parser would add 100 kB to
// every policy, and configurations have whole numbers.
func (p *parser) number() (value, error) {
	start := p.at
	p.skip("-")
	ok := p.skip("0") || p.digits()
	if p.skip(".") {
		ok = p.digits() && ok
	}
	if p.skip("eE") {
		p.skip("+-")
		ok = p.digits() && ok
	}
	if !ok || p.at < len(p.in) && strings.IndexByte("0123456789+-.eE", p.in[p.at]) >= 0 {
		p.at = start
		return value{}, p.unexpected("a number")
	}
	return value{kind: number, text: p.in[start:p.at]}, nil
}

// skip takes a byte if it is one of these.
func (p *parser) skip(these string) bool {
	if p.at == len(p.in) || strings.IndexByte(these, p.in[p.at]) < 0 {
		return false
	}
	p.at++
	return true
}

func (p *parser) digits() bool {
	start := p.at
	for p.skip("0123456789") {
	}
	return p.at > start
}

func (p *parser) string() (string, error) {
	p.at++
	var out []byte
	for p.at < len(p.in) {
		c := p.in[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out), nil
		case c < ' ':
			return "", p.unexpected("no control character in a string")
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
			p.at++
		}
	}
	return "", p.unexpected("a closing quote")
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *parser) escape() (rune, error) {
	p.at++
	if p.at == len(p.in) {
		return 0, p.unexpected("an escape")
	}
	if r, ok := escapes[p.in[p.at]]; ok {
		p.at++
		return r, nil
	}
	r, err := p.unicode()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if p.at >= len(p.in) || p.in[p.at] != '\\' {
		return utf8.RuneError, nil
	}
	p.at++
	low, err := p.unicode()
	return utf16.DecodeRune(r, low), err
}

func (p *parser) unicode() (rune, error) {
	if p.at+5 > len(p.in) || p.in[p.at] != 'u' {
		return 0, p.unexpected("an escape")
	}
	n, err := strconv.ParseUint(p.in[p.at+1:p.at+5], 16, 16)
	if err != nil {
		return 0, p.unexpected("four hexadecimal digits")
	}
	p.at += 5
	return rune(n), nil
}
