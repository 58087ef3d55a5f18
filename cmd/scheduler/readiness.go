// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Both of the answers that readiness joins list checks, one in a line, and end with one of these.
const (
	passed = "readyz check passed\n"
	failed = "readyz check failed\n"
)

// readiness joins the checks of the scheduler and of policies: its answer is what one handler with all of
// them would give.
type readiness struct {
	// scheduler also decides who may ask.
	scheduler http.Handler
	// policies has the check of policies, and lets everybody ask.
	policies http.Handler
}

func (h readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	theirs := ask(h.scheduler, r, func(check string) bool { return check != policiesCheck })
	checks, ok, isList := theirs.checks()
	if !isList { // the caller may not ask, for example
		theirs.send(w)
		return
	}
	ours, okay, _ := ask(h.policies, r, func(check string) bool { return check == policiesCheck }).checks()
	theirs.body.Reset()
	switch _, verbose := r.URL.Query()["verbose"]; {
	case !ok || !okay:
		theirs.code = http.StatusInternalServerError
		theirs.body.WriteString(checks + ours + failed)
	case verbose:
		theirs.body.WriteString(checks + ours + passed)
	default:
		theirs.body.WriteString("ok")
	}
	theirs.send(w)
}

// ask gets a handler's list. The handler must not hear that the caller excludes checks which it does not have: it
// would say that it cannot.
func ask(h http.Handler, r *http.Request, has func(check string) bool) *answer {
	query := r.URL.Query()
	query["exclude"] = slices.DeleteFunc(query["exclude"], func(check string) bool { return !has(check) })
	query.Set("verbose", "true")
	r = r.Clone(r.Context())
	r.URL.RawQuery = query.Encode()
	a := &answer{header: http.Header{}, code: http.StatusOK}
	h.ServeHTTP(a, r)
	return a
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(code int)        { a.code = code }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// checks is the lines of a list, and whether all of them are good.
func (a *answer) checks() (lines string, ok, isList bool) {
	body := a.body.String()
	if lines, is := strings.CutSuffix(body, passed); is && a.code == http.StatusOK {
		return lines, true, true
	}
	lines, is := strings.CutSuffix(body, failed)
	return lines, false, is && a.code == http.StatusInternalServerError
}

func (a *answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.code)
	_, _ = a.body.WriteTo(w) // whoever asked is gone
}
