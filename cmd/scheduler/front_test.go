// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/server"
	schedulerconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
)

// A profile or a trace arrives while it is made, over both versions of HTTP.
func TestStreaming(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2 %t", http2), func(t *testing.T) {
			next := make(chan struct{})
			s := serveAs(t, &fakeHost{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintln(w, "first")
				w.(http.Flusher).Flush()
				<-next
				fmt.Fprintln(w, "second")
			}))
			response := s.do(t, http2, http.MethodGet, "/debug/pprof/profile", "admin", nil)
			defer response.Body.Close() //nolint:errcheck // it is read to its end
			lines := bufio.NewScanner(response.Body)
			for _, want := range []string{"first", "second"} {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("line = %q, %v, want %s", lines.Text(), lines.Err(), want)
				}
				if want == "first" {
					close(next)
				}
			}
			if got := response.ProtoMajor == 2; got != http2 {
				t.Errorf("protocol = %s", response.Proto)
			}
		})
	}
}

// A handler may take over the connection, as for WebSocket.
func TestUpgrade(t *testing.T) {
	s := serveAs(t, &fakeHost{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer conn.Close() //nolint:errcheck // whether it ends well is not what is tested
		fmt.Fprint(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = buffered.Flush()
		line, _ := buffered.ReadString('\n')
		_, _ = conn.Write([]byte(line))
	}))
	//nolint:bodyclose // its body is the connection, which is closed
	response := s.do(t, false, http.MethodGet, "/echo", "admin", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}})
	conn, ok := response.Body.(io.ReadWriteCloser)
	if response.StatusCode != http.StatusSwitchingProtocols || !ok {
		t.Fatalf("answer = %s, want an upgrade", response.Status)
	}
	defer conn.Close() //nolint:errcheck // whether it ends well is not what is tested
	fmt.Fprintln(conn, "hello")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
		t.Errorf("echo = %q, %v", line, err)
	}
}

// The scheduler waits for its own server, which has to wait for the requests that the front has.
func TestEndWaitsForRequests(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	s := serveAs(t, &fakeHost{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		fmt.Fprint(w, "done")
	}))
	type result struct {
		code int
		body string
	}
	got := make(chan result, 1)
	go func() {
		code, body := s.get(t, http.MethodGet, "/metrics", "admin", nil)
		got <- result{code, body}
	}()
	<-asked
	s.stop()
	wantClosed(t, s.url)
	select {
	case <-s.stopped:
		t.Error("the server has ended before the request")
	default:
	}
	close(answer)
	if diff := cmp.Diff(result{200, "done"}, <-got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("answer (-want,+got):\n%s", diff)
	}
	<-s.stopped
}

// wantClosed waits until the port takes no more connections.
func wantClosed(t *testing.T, url string) {
	t.Helper()
	for deadline := time.Now().Add(drain / 2); ; {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "https://"), time.Second)
		if err != nil {
			return
		}
		_ = conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("connections are still accepted")
		}
	}
}

// Ending must not wait for a server that never came, nor for one that has just come.
func TestEndBeforeAnythingIsServed(t *testing.T) {
	for i := range 20 {
		s := serveAs(t, &fakeHost{}, whoami())
		time.Sleep(time.Duration(i) * 100 * time.Microsecond)
		s.stop()
		select {
		case <-s.stopped:
		case <-time.After(drain / 2):
			t.Fatal("the server does not end")
		}
		// A server that ends before it has begun closes its listener a moment later.
		wantClosed(t, s.url)
	}
}

// A front that cannot serve must not leave a scheduler that looks as if it did.
func TestFrontThatCannotServe(t *testing.T) {
	tests := map[string]struct {
		ciphers []uint16
		chain   func(authenticator.Request) http.Handler
		want    string
	}{
		"settings that contradict each other": {
			ciphers: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
			chain: func(authn authenticator.Request) http.Handler {
				return guard(whoami(), authn, authorizer.AuthorizerFunc(rights))
			},
			want: "serving in front of the scheduler: error configuring http2: ",
		},
		"a scheduler that does not authenticate": {
			chain: func(authenticator.Request) http.Handler { return http.NotFoundHandler() },
			want:  "finding the scheduler's handler: its server answered 404 Not Found without authentication",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			serving := &server.SecureServingInfo{Listener: listener, Cert: certificate(t), CipherSuites: tc.ciphers}
			own, authn, err := putInFront(serving, authenticator.RequestFunc(tokens), func(h http.Handler) http.Handler { return h })
			if err != nil {
				t.Fatal(err)
			}
			pair, err := tls.X509KeyPair(own.Cert.CurrentCertKeyContent())
			if err != nil {
				t.Fatal(err)
			}
			secure := tls.NewListener(own.Listener, &tls.Config{Certificates: []tls.Certificate{pair}})
			err = (&http.Server{Handler: tc.chain(authn)}).Serve(secure)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("the scheduler's server ended with %v, want %s", err, tc.want)
			}
			if conn, err := net.Dial("tcp", listener.Addr().String()); err == nil {
				_ = conn.Close()
				t.Error("the port is still open")
			}
		})
	}
}

func TestNothingIsServedWithoutAuthentication(t *testing.T) {
	cc := (&schedulerconfig.Config{SecureServing: &server.SecureServingInfo{}}).Complete()
	if err := (&scheduler{host: &fakeHost{}}).serve(&cc); err == nil {
		t.Error("serve() = nil, want an error")
	}
}
