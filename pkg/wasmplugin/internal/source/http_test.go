// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// site is a web server of which the test changes the pages.
type site struct {
	*httptest.Server
	mu       sync.Mutex
	pages    map[string]http.HandlerFunc
	requests []string
}

// newSite serves with TLS, or without.
func newSite(t testing.TB, plain bool) *site {
	t.Helper()
	s := &site{pages: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if plain {
		s.Start()
	} else {
		s.EnableHTTP2 = true
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP notes the request with its condition and credentials.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	note := r.URL.RequestURI()
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "Authorization"} {
		if v := r.Header.Get(name); v != "" {
			note += " " + v
		}
	}
	s.requests = append(s.requests, note)
	page := s.pages[r.URL.Path]
	s.mu.Unlock()
	if page == nil {
		http.NotFound(w, r)
		return
	}
	page(w, r)
}

func (s *site) serve(path string, page http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = page
}

// seen returns the requests since it was called last.
func (s *site) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	return requests
}

// text is a page with an ETag.
func text(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+content+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// caFile has the certificate of the site.
func (s *site) caFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	write(t, path, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return path
}

// source is that of a path on the site.
func (s *site) source(t testing.TB, path string, set ...func(*source.HTTPOptions)) source.Source {
	t.Helper()
	o := source.HTTPOptions{URL: s.URL + path, Options: source.Options{Limit: 1 << 20}}
	if s.TLS == nil {
		o.PlainHTTP = true
	} else {
		o.CAFile = s.caFile(t)
	}
	for _, f := range set {
		f(&o)
	}
	from, err := source.NewHTTP(o)
	if err != nil {
		t.Fatal(err)
	}
	return from
}

func withSignatures(o *source.HTTPOptions) { o.Signatures = true }

func withToken(o *source.HTTPOptions) {
	o.BearerToken = func(context.Context) (string, error) { return "secret", nil }
}

func TestFetchHTTP(t *testing.T) {
	web := newSite(t, false)
	gz := string(gzipped(t, "\x00asm"))
	web.serve("/a%b/p.wasm.gz", text(gz))
	s := web.source(t, "/a%25b/p.wasm.gz?v=1", withSignatures, withToken)
	got := mustFetch(t, s, "")
	checkBlob(t, signed(gz, "\x00asm", ""), got)
	want := []string{"/a%25b/p.wasm.gz?v=1 Bearer secret", "/a%25b/p.wasm.gz.sigstore.json?v=1 Bearer secret"}
	if diff := cmp.Diff(want, web.seen()); diff != "" {
		t.Errorf("requests (-want,+got):\n%s", diff)
	}
	// Of the query, which may have a secret, there is only a hash.
	if want := fmt.Sprintf("%s/a%%25b/p.wasm.gz?(%.8x)", web.URL, sha256.Sum256([]byte("v=1"))); s.String() != want {
		t.Errorf("String() = %s, want %s", s, want)
	}
}

func TestFetchHTTPAsksForChanges(t *testing.T) {
	web := newSite(t, false)
	web.serve("/p", text("one"))
	s := web.source(t, "/p", withSignatures)
	one := mustFetch(t, s, "")
	check := func(step string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, web.seen()); diff != "" {
			t.Errorf("requests (-want,+got) %s:\n%s", step, diff)
		}
	}
	check("first", "/p", "/p.sigstore.json")
	wantUnchanged(t, s, one.Version)
	check("of the same", `/p "one"`, "/p.sigstore.json")

	web.serve("/p.sigstore.json", text("{}"))
	signedOne := mustFetch(t, s, one.Version)
	checkBlob(t, signed("one", "one", "{}", "{}"), signedOne)
	check("when only the signatures are new", `/p "one"`, "/p.sigstore.json", "/p")
	wantUnchanged(t, s, signedOne.Version)
	check("of the same signatures", `/p "one"`, `/p.sigstore.json "{}"`)

	web.serve("/p", text("two"))
	checkBlob(t, signed("two", "two", "{}", "{}"), mustFetch(t, s, signedOne.Version))
	check("when the content is new", `/p "one"`, "/p.sigstore.json")
	checkBlob(t, signed("two", "two", "{}", "{}"), mustFetch(t, s, one.Version))
	check("by who knows something else", "/p", "/p.sigstore.json")
	web.serve("/p.sigstore.json", nil)
	checkBlob(t, signed("two", "two", ""), mustFetch(t, s, signed("two", "", "{}").Version))
	check("when the signatures are gone", `/p "two"`, `/p.sigstore.json "{}"`, "/p")

	again := web.source(t, "/p", withSignatures)
	wantUnchanged(t, again, digest("two"))
	check("after a restart", "/p", "/p.sigstore.json")
	wantUnchanged(t, again, digest("two"))
	check("after that", `/p "two"`, "/p.sigstore.json")
}

func TestFetchHTTPAsksByDate(t *testing.T) {
	web := newSite(t, false)
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	web.serve("/p", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", at, strings.NewReader("one"))
	})
	s := web.source(t, "/p")
	wantUnchanged(t, s, mustFetch(t, s, "").Version)
	if diff := cmp.Diff([]string{"/p", "/p Tue, 03 Feb 2026 04:05:06 GMT"}, web.seen()); diff != "" {
		t.Errorf("requests (-want,+got):\n%s", diff)
	}
	// A server without validators sends all of it, and it is still the same.
	web.serve("/p", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "one") })
	wantUnchanged(t, s, digest("one"))
}

func TestFetchHTTPProblems(t *testing.T) {
	web := newSite(t, false)
	web.serve("/empty", text(""))
	web.serve("/large", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat("x", 1<<20+1)))
	})
	web.serve("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for err := error(nil); err == nil; {
			_, err = io.WriteString(w, strings.Repeat("x", 1<<16))
		}
	})
	web.serve("/bomb", text(string(gzipped(t, strings.Repeat("x", 1<<20+1)))))
	web.serve("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "x")
	})
	web.serve("/401", status(401))
	web.serve("/403", status(403))
	web.serve("/500", status(500))
	web.serve("/204", status(204))
	web.serve("/304", status(304))
	web.serve("/429", status(429, "Retry-After", "soon"))
	web.serve("/signed", text("x"))
	web.serve("/signed.sigstore.json", status(500))
	web.serve("/manysigned", text("x"))
	web.serve("/manysigned.sigstore.json", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat(" ", source.MaxSignatureBytes+1))
	})
	tests := map[string]struct {
		is   error
		want string
	}{
		"missing":        {want: "the server has nothing there (404)"},
		"empty":          {source.ErrInvalid, "content is not valid: it is empty"},
		"large":          {source.ErrTooLarge, "content is too large: the limit is 1048576 bytes"},
		"endless":        {source.ErrTooLarge, "content is too large: the limit is 1048576 bytes"},
		"bomb":           {source.ErrTooLarge, "decompressing: content is too large: the limit is 1048576 bytes"},
		"short":          {io.ErrUnexpectedEOF, "the server ended it early: unexpected EOF"},
		"401":            {want: "the server refused (401 Unauthorized): check the bearer token"},
		"403":            {want: "the server refused (403 Forbidden): check the bearer token"},
		"500":            {want: "the server answered 500 Internal Server Error"},
		"204":            {want: "the server answered 204 No Content"},
		"304":            {want: "the server answered 304 though it was not asked for changes"},
		"429":            {want: "the server is busy (429 Too Many Requests)"},
		"signed":         {want: "signatures: the server answered 500 Internal Server Error"},
		"manysigned":     {source.ErrTooLarge, "signatures: content is too large: the limit is 1048576 bytes"},
		"missing?key=ab": {want: "the server has nothing there (404)"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := web.source(t, "/"+name, withSignatures).Fetch(t.Context(), "")
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Fatalf("error %v is not %v", err, tc.is)
			}
			path, query, asked := strings.Cut(name, "?")
			if asked {
				path += fmt.Sprintf("?(%.8x)", sha256.Sum256([]byte(query)))
			}
			if diff := cmp.Diff("downloading "+web.URL+"/"+path+": "+tc.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("error (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestFetchHTTPTrust(t *testing.T) {
	web := newSite(t, false)
	web.serve("/p", text("x"))
	none := filepath.Join(t.TempDir(), "none.pem")
	junk := filepath.Join(t.TempDir(), "junk.pem")
	write(t, junk, "-----BEGIN CERTIFICATE-----")
	for name, tc := range map[string]struct{ caFile, want string }{
		"the system does not know it": {"", "tls: failed to verify certificate: x509: "},
		"no file":                     {none, `reading CA certificates from "` + none + `": open ` + none + ": no such file or directory"},
		"no certificate":              {junk, `reading CA certificates from "` + junk + `": content is not valid: it has no certificate: each begins with -----BEGIN CERTIFICATE-----`},
	} {
		t.Run(name, func(t *testing.T) {
			s := web.source(t, "/p", func(o *source.HTTPOptions) { o.CAFile = tc.caFile })
			_, err := s.Fetch(t.Context(), "")
			if want := "downloading " + web.URL + "/p: " + tc.want; err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error is %v, want %s", err, want)
			}
		})
	}
	// The file is read again for each fetch.
	path := filepath.Join(t.TempDir(), "ca.pem")
	s := web.source(t, "/p", func(o *source.HTTPOptions) { o.CAFile = path })
	if _, err := s.Fetch(t.Context(), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v, want that there is no such file", err)
	}
	certificate, err := os.ReadFile(web.caFile(t))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(certificate))
	mustFetch(t, s, "")
}

func TestNewHTTPProblems(t *testing.T) {
	for url, want := range map[string]string{
		"http://example.com/p":         "parsing the URL of a module: http://example.com is not allowed: use https, or set plainHTTP",
		"ftp://example.com/p":          "parsing the URL of a module: ftp://example.com is not allowed: use https",
		"https:///p":                   `parsing the URL of a module: "https:///p" must have a host and no user`,
		"https://me:secret@example.io": `parsing the URL of a module: "https://me:xxxxx@example.io" must have a host and no user`,
		"https://me:secret@ex ample/":  "parsing the URL of a module: it is not a URL",
	} {
		_, err := source.NewHTTP(source.HTTPOptions{URL: url})
		if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
			t.Errorf("error for %s (-want,+got):\n%s", url, diff)
		}
	}
}

// The servers differ by their ports alone, which is enough not to get the token: net/http would give it to both.
func TestFetchHTTPRedirects(t *testing.T) {
	web, other, plain := newSite(t, false), newSite(t, false), newSite(t, true)
	for _, s := range []*site{web, other, plain} {
		s.serve("/p", text("x"))
	}
	to := func(url string) http.HandlerFunc { return http.RedirectHandler(url, http.StatusFound).ServeHTTP }
	web.serve("/here", to("/p"))
	web.serve("/there", to(other.URL+"/p?key=hidden"))
	web.serve("/plain", to(plain.URL+"/p?key=hidden"))
	web.serve("/around", to(other.URL+"/back"))
	other.serve("/back", to(web.URL+"/p"))
	web.serve("/file", to("file:///etc/passwd"))
	web.serve("/loop", to("/loop"))
	for i := range 5 {
		web.serve(fmt.Sprintf("/hop%d", i+1), to(fmt.Sprintf("/hop%d", i)))
	}
	web.serve("/hop0", text("x"))
	web.serve("/hop6", to("/hop5"))
	type seen struct{ Web, Other, Plain []string }
	const token = " Bearer secret"
	tests := map[string]struct {
		wantErr string
		want    seen
	}{
		"here":   {want: seen{Web: []string{"/here" + token, "/p" + token}}},
		"there":  {want: seen{Web: []string{"/there" + token}, Other: []string{"/p?key=hidden"}}},
		"around": {want: seen{Web: []string{"/around" + token, "/p"}, Other: []string{"/back"}}},
		"plain": {
			wantErr: "following a redirect: " + plain.URL + " is not allowed: use https, or set plainHTTP",
			want:    seen{Web: []string{"/plain" + token}},
		},
		"file": {wantErr: "following a redirect: file:// is not allowed: use https", want: seen{Web: []string{"/file" + token}}},
		"loop": {
			wantErr: "it was redirected more than 5 times",
			want:    seen{Web: []string{"/loop" + token, "/loop" + token, "/loop" + token, "/loop" + token, "/loop" + token, "/loop" + token}},
		},
		"hop5": {want: seen{Web: []string{"/hop5" + token, "/hop4" + token, "/hop3" + token, "/hop2" + token, "/hop1" + token, "/hop0" + token}}},
		"hop6": {
			wantErr: "it was redirected more than 5 times",
			want:    seen{Web: []string{"/hop6" + token, "/hop5" + token, "/hop4" + token, "/hop3" + token, "/hop2" + token, "/hop1" + token}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := web.source(t, "/"+name, withToken).Fetch(t.Context(), "")
			want := "<nil>"
			if tc.wantErr != "" {
				want = "downloading " + web.URL + "/" + name + ": " + tc.wantErr
			}
			if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
				t.Errorf("error (-want,+got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, seen{web.seen(), other.seen(), plain.seen()}); diff != "" {
				t.Errorf("requests (-want,+got):\n%s", diff)
			}
		})
	}
}

// The token is asked for each time, so that it may be rotated.
func TestFetchHTTPToken(t *testing.T) {
	web := newSite(t, true)
	web.serve("/p", text("x"))
	tokens := []string{"first", "second"}
	s := web.source(t, "/p", func(o *source.HTTPOptions) {
		o.BearerToken = func(context.Context) (string, error) {
			if len(tokens) == 0 {
				return "", errors.New("there is none")
			}
			token := tokens[0]
			tokens = tokens[1:]
			return token, nil
		}
	})
	mustFetch(t, s, "")
	wantUnchanged(t, s, digest("x"))
	_, err := s.Fetch(t.Context(), "")
	if diff := cmp.Diff("downloading "+web.URL+"/p: getting the bearer token: there is none", fmt.Sprint(err)); diff != "" {
		t.Errorf("error (-want,+got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/p Bearer first", `/p "x" Bearer second`}, web.seen()); diff != "" {
		t.Errorf("requests (-want,+got):\n%s", diff)
	}
}
