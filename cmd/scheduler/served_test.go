// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	certutil "k8s.io/client-go/util/cert"
	schedulerconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
)

// tokens authenticates whoever shows a name as token, and nobody else.
func tokens(r *http.Request) (*authenticator.Response, bool, error) {
	name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return &authenticator.Response{User: &user.DefaultInfo{Name: name}}, ok, nil
}

// rights allows everybody readiness, and everything to admin.
func rights(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if a.GetPath() == "/readyz" || a.GetUser().GetName() == "admin" {
		return authorizer.DecisionAllow, "", nil
	}
	return authorizer.DecisionNoOpinion, "not admin", nil
}

// served is a scheduler that serves as kube-scheduler does, after what this command does to it.
type served struct {
	url     string
	stop    func() // begins the end
	stopped <-chan struct{}
}

// serveAs has handler served as the scheduler's.
func serveAs(t *testing.T, host policies, handler http.Handler) *served {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cc := (&schedulerconfig.Config{SecureServing: &server.SecureServingInfo{Listener: listener, Cert: certificate(t)}}).Complete()
	cc.Authentication.Authenticator = authenticator.RequestFunc(tokens)
	cc.Authorization.Authorizer = authorizer.AuthorizerFunc(rights)
	if err := (&scheduler{host: host}).serve(&cc); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	// The scheduler's chain has the same filters as ours.
	chain := guard(handler, cc.Authentication.Authenticator, cc.Authorization.Authorizer)
	stopped, _, err := cc.SecureServing.Serve(chain, drain, ctx.Done())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		<-stopped
	})
	return &served{url: "https://" + listener.Addr().String(), stop: stop, stopped: stopped}
}

// selfSigned is made once: keys take long on a machine that is busy.
var selfSigned = sync.OnceValues(func() (dynamiccertificates.CertKeyContentProvider, error) {
	pem, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return nil, err
	}
	return dynamiccertificates.NewStaticCertKeyContent("test", pem, key)
})

func certificate(t *testing.T) dynamiccertificates.CertKeyContentProvider {
	t.Helper()
	content, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// do sends a request with a token, unless that is empty. Its body must be closed.
func (s *served) do(t *testing.T, http2 bool, method, path, token string, header http.Header) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}
	t.Cleanup(transport.CloseIdleConnections)
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// get returns the code and the body.
func (s *served) get(t *testing.T, method, path, token string, header http.Header) (int, string) {
	t.Helper()
	response := s.do(t, true, method, path, token, header)
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// whoami is a path of the scheduler's that says whom it takes the caller for.
func whoami() *http.ServeMux {
	m := schedulerChecks(nil)
	m.HandleFunc("/whoami", func(w http.ResponseWriter, r *http.Request) {
		caller, _ := request.UserFrom(r.Context())
		fmt.Fprintf(w, "%s by %s with %q, certificates %t", caller.GetName(), r.Proto, r.Header.Get("Authorization"), r.TLS != nil)
	})
	return m
}
