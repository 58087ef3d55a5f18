// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
)

// drain is how long requests may take to end when the scheduler does; it is what kube-scheduler gives them.
const drain = 5 * time.Second

// front serves on the scheduler's port in place of the scheduler's own server, whose handler is made where
// nobody can add to it. It gets at that handler through net/http, which tells each handler what server it is called
// by: the own server gets a listener on which the front alone connects, once, and the authenticator, the first thing in
// the chain that belongs to us, hands over the server's handler. From then on the own server is idle.
//
//	port -> front's server -> wrap(handler) -+-> what wrap adds
//	                                         +-> handler: authentication, authorization, /metrics, ...
//	front -> pipe -> own server -> handler: authentication -> front     (once, before the port is served)
//
// Since requests reach the handler as the server on the port read them, with their connection and client
// certificate, the handler judges them as it always does: nothing vouches for users in between.
type front struct {
	serving *server.SecureServingInfo
	authn   authenticator.Request
	wrap    func(scheduler http.Handler) http.Handler

	ctx    context.Context // ends when the own server closes its listener
	cancel context.CancelFunc
	// connect is for the only connection and shown for its only request.
	connect, shown sync.Once
	handler        chan http.Handler
	failed         chan error
	done           chan struct{} // closed when nothing is served any more
}

// putInFront returns what the scheduler has to serve and authenticate with so that wrap(its handler) is served as
// it was told to serve.
func putInFront(serving *server.SecureServingInfo, authn authenticator.Request, wrap func(http.Handler) http.Handler) (*server.SecureServingInfo, authenticator.Request, error) {
	// The own server insists on TLS, for which any certificate does; the files' are followed by the front's server.
	pem, key := serving.Cert.CurrentCertKeyContent()
	certificate, err := dynamiccertificates.NewStaticCertKeyContent(serving.Cert.Name(), pem, key)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the serving certificate: %w", err)
	}
	f := &front{
		serving: serving, authn: authn, wrap: wrap,
		handler: make(chan http.Handler, 1), failed: make(chan error, 1), done: make(chan struct{}),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return &server.SecureServingInfo{Listener: f, Cert: certificate}, f, nil
}

// AuthenticateRequest refuses the only request that the own server gets, and leaves all others to the
// authenticator. There are no others before the port is served, which needs what is handed over here.
func (f *front) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	first := false
	f.shown.Do(func() {
		first = true
		if own, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
			f.handler <- own.Handler
		}
	})
	if first {
		return nil, false, nil
	}
	return f.authn.AuthenticateRequest(r)
}

// Accept is of net.Listener. An error of the front ends the process, as one of the port's listener always did.
func (f *front) Accept() (net.Conn, error) {
	var accepted net.Conn
	f.connect.Do(func() {
		var conn net.Conn
		conn, accepted = net.Pipe()
		go f.run(conn)
	})
	if accepted != nil {
		return accepted, nil
	}
	select {
	case err := <-f.failed:
		return nil, err
	case <-f.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Addr is of net.Listener.
func (f *front) Addr() net.Addr { return f.serving.Listener.Addr() }

// Close is of net.Listener. The own server calls it when the scheduler ends, and the scheduler waits for that
// server: so it waits for the requests that the front has.
func (f *front) Close() error {
	f.cancel()
	f.connect.Do(func() { close(f.done) })
	<-f.done
	_ = f.serving.Listener.Close() // it is closed already, unless the end came before anything was served
	return nil
}

func (f *front) run(conn net.Conn) {
	defer close(f.done)
	if err := f.serve(conn); err != nil {
		f.failed <- err
	}
}

func (f *front) serve(conn net.Conn) error {
	handler, err := f.ask(conn)
	if err != nil {
		return fmt.Errorf("finding the scheduler's handler: %w", err)
	}
	stopped, closed, err := f.serving.Serve(f.wrap(handler), drain, f.ctx.Done())
	if err != nil {
		return fmt.Errorf("serving in front of the scheduler: %w", err)
	}
	<-closed
	<-stopped
	return nil
}

// ask makes the request that has the own server's handler handed over. Closing must not wait for an answer: the
// own server holds, while it closes us, a lock that it needs to answer.
func (f *front) ask(conn net.Conn) (http.Handler, error) {
	defer conn.Close() //nolint:errcheck // a pipe has nothing to lose
	transport := &http.Transport{DisableKeepAlives: true, DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		// Whose certificate it is does not matter: this process made the other end.
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
		return secure, secure.HandshakeContext(ctx)
	}}
	request, err := http.NewRequestWithContext(f.ctx, http.MethodGet, "https://scheduler/", nil)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body.Close() //nolint:errcheck // it is of no interest
	select {
	case handler := <-f.handler:
		return handler, nil
	default:
		return nil, errors.New("its server answered " + response.Status + " without authentication")
	}
}
