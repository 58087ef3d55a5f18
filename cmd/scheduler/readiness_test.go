// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiserver/pkg/server/healthz"
)

// schedulerChecks is a scheduler's /readyz, with a check that fails if lost is not nil.
func schedulerChecks(lost error) *http.ServeMux {
	m := http.NewServeMux()
	healthz.InstallReadyzHandler(m, healthz.NamedCheck("leaderElection", func(*http.Request) error { return lost }), healthz.PingHealthz)
	return m
}

func TestReadiness(t *testing.T) {
	lost, unready := errors.New("lease lost"), errors.New("policy has no module")
	tests := map[string]struct {
		query         string
		lost, unready error
		wantCode      int
		want          string
	}{
		"ready":          {wantCode: 200, want: "ok"},
		"ready, verbose": {query: "?verbose", wantCode: 200, want: "[+]leaderElection ok\n[+]ping ok\n[+]policies ok\nreadyz check passed\n"},
		"policies fail": {
			unready: unready, wantCode: 500,
			want: "[+]leaderElection ok\n[+]ping ok\n[-]policies failed: reason withheld\nreadyz check failed\n",
		},
		"the scheduler fails": {
			lost: lost, wantCode: 500,
			want: "[-]leaderElection failed: reason withheld\n[+]ping ok\n[+]policies ok\nreadyz check failed\n",
		},
		"both fail": {
			query: "?verbose=1", lost: lost, unready: unready, wantCode: 500,
			want: "[-]leaderElection failed: reason withheld\n[+]ping ok\n[-]policies failed: reason withheld\nreadyz check failed\n",
		},
		"policies excluded":          {query: "?exclude=policies", unready: unready, wantCode: 200, want: "ok"},
		"policies excluded, verbose": {query: "?exclude=policies&verbose", unready: unready, wantCode: 200, want: "[+]leaderElection ok\n[+]ping ok\n[+]policies excluded: ok\nreadyz check passed\n"},
		"policies excluded, the scheduler fails": {
			query: "?exclude=policies", lost: lost, unready: unready, wantCode: 500,
			want: "[-]leaderElection failed: reason withheld\n[+]ping ok\n[+]policies excluded: ok\nreadyz check failed\n",
		},
		"all excluded": {
			query: "?verbose&exclude=leaderElection&exclude=policies", lost: lost, unready: unready, wantCode: 200,
			want: "[+]leaderElection excluded: ok\n[+]ping ok\n[+]policies excluded: ok\nreadyz check passed\n",
		},
		"unknown excluded": {
			query: "?verbose&exclude=policy", wantCode: 200,
			want: "[+]leaderElection ok\n[+]ping ok\nwarn: some health checks cannot be excluded: no matches for \"policy\"\n[+]policies ok\nreadyz check passed\n",
		},
		"a broken query": {query: "?%zz&exclude=policies", unready: unready, wantCode: 200, want: "ok"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h := readiness{scheduler: schedulerChecks(tc.lost), policies: policiesHandler(&fakeHost{unready: tc.unready})}
			got := httptest.NewRecorder()
			h.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "/readyz"+tc.query, nil))
			if got.Code != tc.wantCode {
				t.Errorf("code = %d, want %d", got.Code, tc.wantCode)
			}
			if diff := cmp.Diff(tc.want, got.Body.String()); diff != "" {
				t.Errorf("body (-want,+got):\n%s", diff)
			}
			if want := "text/plain; charset=utf-8"; got.Header().Get("Content-Type") != want {
				t.Errorf("content type = %q, want %q", got.Header().Get("Content-Type"), want)
			}
		})
	}
}

// What is not a list of checks is handed on as it is, also if it looks like a failure: it is no business of
// those who may not ask whether policies are ready.
func TestReadinessLeavesRefusalsAlone(t *testing.T) {
	tests := map[string]struct {
		code int
		body string
	}{
		"unauthorized":               {http.StatusUnauthorized, "who are you\n"},
		"forbidden":                  {http.StatusForbidden, "readyz check failed\n"},
		"authorization out of order": {http.StatusInternalServerError, "Internal Server Error: \"/readyz\""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			scheduler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(tc.code)
				_, _ = w.Write([]byte(tc.body))
			})
			got := httptest.NewRecorder()
			readiness{scheduler, policiesHandler(&fakeHost{unready: errors.New("no module")})}.
				ServeHTTP(got, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if got.Code != tc.code || got.Body.String() != tc.body || got.Header().Get("Retry-After") != "1" {
				t.Errorf("answer = %d %v %q, want %d with Retry-After and %q", got.Code, got.Header(), got.Body, tc.code, tc.body)
			}
		})
	}
}
