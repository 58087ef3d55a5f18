// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

func TestWhoMayAskWhat(t *testing.T) {
	forged := http.Header{"X-Remote-User": {"admin"}, "X-Remote-Group": {"system:masters"}, "Impersonate-User": {"admin"}, "X-Forwarded-User": {"admin"}}
	tests := map[string]struct {
		method, path, token string
		header              http.Header
		wantCode            int
		want                string // in the body
	}{
		"nobody, policies":                   {path: "/debug/policies", wantCode: 401},
		"nobody, forged":                     {path: "/debug/policies", header: forged, wantCode: 401},
		"user, policies":                     {path: "/debug/policies", token: "user", wantCode: 403, want: "not admin"},
		"user, forged":                       {path: "/debug/policies", token: "user", header: forged, wantCode: 403},
		"admin, policies":                    {path: "/debug/policies", token: "admin", wantCode: 200, want: `"policy": "zone"`},
		"admin, only headers":                {method: "HEAD", path: "/debug/policies", token: "admin", wantCode: 200},
		"admin, changing policies":           {method: "POST", path: "/debug/policies", token: "admin", wantCode: 405, want: "use GET"},
		"user, changing policies":            {method: "POST", path: "/debug/policies", token: "user", wantCode: 403},
		"admin, a path below":                {path: "/debug/policies/", token: "admin", wantCode: 404},
		"admin, a path in other words":       {path: "/x/../debug/policies", token: "admin", wantCode: 307},
		"user, a path in other words":        {path: "/x/../debug/policies", token: "user", wantCode: 403},
		"user, an escaped path":              {path: "/debug/%70olicies", token: "user", wantCode: 403},
		"nobody, readiness":                  {path: "/readyz", wantCode: 401},
		"user, readiness without reason":     {path: "/readyz", token: "user", wantCode: 500, want: "[-]policies failed: reason withheld"},
		"user, readiness but for policies":   {path: "/readyz?exclude=policies", token: "user", wantCode: 200, want: "ok"},
		"nobody, readiness of policies":      {path: "/readyz/policies", wantCode: 401},
		"user, readiness of policies":        {path: "/readyz/policies", token: "user", wantCode: 403},
		"admin, readiness of policies":       {path: "/readyz/policies", token: "admin", wantCode: 500, want: "internal server error: zone has no module"},
		"admin, readiness of something else": {path: "/readyz/ping", token: "admin", wantCode: 200, want: "ok"},
		"nobody, the scheduler's":            {path: "/whoami", header: forged, wantCode: 401},
		"user, the scheduler's":              {path: "/whoami", token: "user", header: forged, wantCode: 403},
		"admin, the scheduler's":             {path: "/whoami", token: "admin", wantCode: 200, want: `admin by HTTP/2.0 with "", certificates true`},
	}
	host := &fakeHost{unready: errors.New("zone has no module"), statuses: []wasmplugin.PolicyStatus{{Policy: "zone", Mode: v1alpha1.ModeEnforce}}}
	s := serveAs(t, host, whoami())
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			method := tc.method
			if method == "" {
				method = http.MethodGet
			}
			code, body := s.get(t, method, tc.path, tc.token, tc.header)
			if code != tc.wantCode || !strings.Contains(body, tc.want) {
				t.Errorf("answer = %d %q, want %d with %q", code, body, tc.wantCode, tc.want)
			}
		})
	}
}

func TestPoliciesAreJSON(t *testing.T) {
	s := serveAs(t, &fakeHost{statuses: []wasmplugin.PolicyStatus{}}, whoami())
	response := s.do(t, true, http.MethodGet, "/debug/policies", "admin", nil)
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if string(body) != "[]\n" {
		t.Errorf("no policies are %q, want an empty list", body)
	}
	want := map[string]string{"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"}
	got := map[string]string{}
	for name := range want {
		got[name] = response.Header.Get(name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want,+got):\n%s", diff)
	}
}
