// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseConfig(t *testing.T) {
	tests := map[string]struct {
		data    string
		want    string
		wantErr string
	}{
		"JSON is kept":       {data: " {\"a\": 1.0,\n \"b\": [1e2]}\n", want: "{\"a\": 1.0,\n \"b\": [1e2]}"},
		"YAML":               {data: "# zones\na: x\nb: [1, true]\n", want: `{"a":"x","b":[1,true]}`},
		"YAML document":      {data: "---\na: 1\n", want: `{"a":1}`},
		"empty":              {data: " \n", wantErr: "reading config: it is empty: write {} if the policy needs none"},
		"null":               {data: "null", wantErr: "reading config: it must be an object, is null"},
		"comment":            {data: "# nothing", wantErr: "reading config: EOF"},
		"list":               {data: "[1]", wantErr: "reading config: json: cannot unmarshal array into Go value of type map[string]interface {}"},
		"text":               {data: "hello", wantErr: "reading config: json: cannot unmarshal string into Go value of type map[string]interface {}"},
		"not YAML":           {data: "a: [", wantErr: "reading config: yaml: line 1: did not find expected node content"},
		"two documents":      {data: "a: 1\n---\nb: 2\n", wantErr: "reading config: it must be one YAML document"},
		"repeated in JSON":   {data: `{"a":{"b":1,"b":2}}`, wantErr: `reading config: duplicate field "a.b"`},
		"repeated in YAML":   {data: "a: 1\na: 2\n", wantErr: `reading config: `},
		"not text":           {data: "\x00asm\x01", wantErr: "reading config: yaml: control characters are not allowed"},
		"an expanding alias": {data: bomb(), wantErr: "reading config: "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseConfig([]byte(tc.data))
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("config (-want,+got):\n%s", diff)
			}
			problem := ""
			if err != nil {
				problem = err.Error()
			}
			if problem != tc.wantErr && (tc.wantErr == "" || !strings.HasPrefix(problem, tc.wantErr)) {
				t.Errorf("error = %q, want %q", problem, tc.wantErr)
			}
		})
	}
}

// bomb is a YAML document that would take gigabytes if aliases were followed without limit.
func bomb() string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for c := '1'; c <= '9'; c++ {
		before := "*a" + string(c-1)
		text += "a" + string(c) + ": &a" + string(c) + " [" + strings.Repeat(before+", ", 9) + before + "]\n"
	}
	return text
}

// FuzzParseConfig: what comes out is a JSON object, and is taken as it is the next time.
func FuzzParseConfig(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, "a: {b: [1, ~]}", "- 1", "a: &x 1\nb: *x", "1: 2", "? [a]\n: b", "{\"a\":1}\n---\n{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ParseConfig(data)
		if err != nil {
			return
		}
		var object map[string]any
		if err := json.Unmarshal(got, &object); err != nil || object == nil {
			t.Fatalf("%q is not an object: %v", got, err)
		}
		again, err := ParseConfig(got)
		if err != nil {
			t.Fatalf("reading %q again: %v", got, err)
		}
		if diff := cmp.Diff(string(got), string(again)); diff != "" {
			t.Errorf("config (-first,+again):\n%s", diff)
		}
	})
}
