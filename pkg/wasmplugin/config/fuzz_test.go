// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// FuzzLoadJSON: there are args or problems, each problem has its place, and args mean the same when written and read
// again.
func FuzzLoadJSON(f *testing.F) {
	for _, fields := range []string{
		``,
		`,"capabilities":["log",1],"limits":{"memory":"1Gi","fuel":{"perCall":1e9},"log":{"lineSize":"1e3"}}`,
		`,"limits":{"deadline":"1.5s","memory":0.5,"instances":1},"circuitBreaker":{"faults":0,"backoff":"1h"},"mode":"Monitor"`,
		`,"config":{"a":[1,{"b":null}]},"failurePolicy":{},"limits":[],"x":{"y":0}`,
	} {
		f.Add([]byte(`{` + typed + `,"module":{"file":{"path":"a.wasm"}}` + fields + `}`))
	}
	for _, fields := range []string{
		`"module":{"configMap":{"namespace":"a","name":"b","key":"c"}},"configFrom":{"configMap":{"namespace":"a","name":"b","key":"c"}}`,
		`"module":{"http":{"url":"https://a.io/b?c#","bearerToken":{}},"digest":"` + hexDigest + `","verify":{"keys":[{"pem":"x"}]}}`,
		`"module":{"oci":{"reference":"a.io/bb:v1","pullSecret":{"namespace":"a","name":"b"}}},"canary":{"percent":5},"shadow":{}`,
		`"module":{"secret":{}},"canary":{"module":{"oci":{}},"namespaceSelector":{"matchLabels":{"a":"b"}}}`,
		`"module":{"verify":{"threshold":2,"keyless":{"trustedRootFile":"a","identities":[{"issuer":"a","subjectRegExp":"^(a|b)$"}]}}}`,
	} {
		f.Add([]byte(`{` + typed + `,` + fields + `}`))
	}
	path := field.NewPath("args")
	f.Fuzz(func(t *testing.T, raw []byte) {
		args, errs := LoadJSON(raw, path)
		if (args == nil) == (len(errs) == 0) {
			t.Fatalf("LoadJSON() = %v, %v, want args or problems", args, errs)
		}
		for _, problem := range errs {
			if !strings.HasPrefix(problem.Field, "args") {
				t.Errorf("problem %v is not below args", problem)
			}
		}
		if args == nil {
			return
		}
		written, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		again, errs := LoadJSON(written, path)
		if len(errs) > 0 {
			t.Fatalf("reading %s again: %v", written, errs)
		}
		forgetConfig(args, again)
		if diff := cmp.Diff(args, again); diff != "" {
			t.Errorf("args (-first,+again):\n%s", diff)
		}
	})
}

// forgetConfig takes out what is kept verbatim, but written in a compact form.
func forgetConfig(all ...*v1alpha1.WasmPluginArgs) {
	for _, args := range all {
		args.Config = nil
		if args.Canary != nil {
			args.Canary.Config = nil
		}
		if args.Shadow != nil {
			args.Shadow.Config = nil
		}
	}
}
