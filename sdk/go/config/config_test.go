// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

// read asks for a field of each kind.
func read(raw string) (string, error) {
	c := config.Parse([]byte(raw))
	var b strings.Builder
	b.WriteString(c.String("name", "none"))
	if c.Bool("on", false) {
		b.WriteString(" on")
	}
	for range c.Int("count", 1, 0, 3) {
		b.WriteString(" x")
	}
	b.WriteString(" " + strings.Join(c.Strings("tags"), "+"))
	b.WriteString(" " + c.Object("sub").String("key", "-"))
	for _, o := range c.Objects("items") {
		if !o.Has("id") {
			o.Problem("id", "is missing")
		}
		b.WriteString(" " + o.String("id", ""))
	}
	return b.String(), c.Err()
}

func TestValues(t *testing.T) {
	for name, tc := range map[string]struct{ raw, want string }{
		"nothing":  {"", "none x  -"},
		"empty":    {" {} ", "none x  -"},
		"null":     {`{"name":null}`, "none x  -"},
		"all":      {`{"name":"n","on":true,"count":2,"tags":["a","b"],"sub":{"key":"k"},"items":[{"id":"1"},{"id":"2"}]}`, "n on x x a+b k 1 2"},
		"escapes":  {`{"name":"\"\\\/\n\u00e4\ud83d\ude00"}`, "\"\\/\nä😀 x  -"},
		"one half": {`{"name":"\ud83d!"}`, "\ufffd! x  -"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(tc.raw)
			if err != nil || got != tc.want {
				t.Errorf("want %q, got %q, %v", tc.want, got, err)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	for name, tc := range map[string]struct{ raw, want string }{
		"every problem at once": {
			`{"name":1,"on":"yes","count":9,"tags":["a",2],"nmae":"typo","items":[{"di":"1"},3],"sub":{"x":1}}`,
			`name: must be a string, is a number
on: must be a boolean, is a string
count: must be an integer from 0 to 3, is 9
tags[1]: must be a string, is a number
items[1]: must be an object, is a number
items[0].id: is missing
nmae: unknown field
sub.x: unknown field
items[0].di: unknown field`,
		},
		"fraction":    {`{"count":1.5}`, "count: must be an integer from 0 to 3, is 1.5"},
		"exponent":    {`{"count":-1.5e+3}`, "count: must be an integer from 0 to 3, is -1.5e+3"},
		"list":        {`[]`, "must be an object, is a list"},
		"twice":       {`{"name":"a","name":"b"}`, `has the field "name" twice`},
		"cut":         {`{"name":"a`, "is not JSON: want a closing quote at byte 10, found end of text"},
		"more":        {`{} {}`, `is not JSON: want end of text at byte 3, found "{"`},
		"yaml":        {`name: a`, `is not JSON: want a value at byte 0, found "n"`},
		"comma":       {`{"name":"a" "on":true}`, `is not JSON: want a comma or } at byte 12, found "\""`},
		"colon":       {`{"name" 1}`, `is not JSON: want a colon at byte 8, found "1"`},
		"number":      {`{"count":1-}`, `is not JSON: want a number at byte 9, found "1"`},
		"zeros":       {`{"count":01}`, `is not JSON: want a number at byte 9, found "0"`},
		"no name":     {`{1:2}`, `is not JSON: want a field's name at byte 1, found "1"`},
		"escape":      {`{"name":"\x"}`, `is not JSON: want an escape at byte 10, found "x"`},
		"hexadecimal": {`{"name":"\u12g4"}`, `is not JSON: want four hexadecimal digits at byte 10, found "u"`},
		"deep":        {strings.Repeat("[", 100), "is nested too deeply"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read(tc.raw); err == nil || err.Error() != tc.want {
				t.Errorf("want error\n%s\ngot\n%v", tc.want, err)
			}
		})
	}
}

// Whatever the bytes, reading them ends with values or an error.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"name":"\u00e4","items":[{"id":"x"}]}`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _ = read(string(raw))
	})
}
