// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// server serves over TLS and can be closed and opened again on its port.
type server struct {
	// address is host and port; caFile has the certificate to trust.
	address, caFile string

	mu      sync.Mutex // guards what follows
	handler http.Handler
	running *httptest.Server
}

// newServer opens a server, which is closed when the test ends.
func newServer(t *testing.T, handler http.Handler) *server {
	t.Helper()
	s := &server{address: "127.0.0.1:0", caFile: filepath.Join(t.TempDir(), "ca.pem"), handler: handler}
	t.Cleanup(s.close)
	s.open(t)
	s.address = s.running.Listener.Addr().String()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.running.Certificate().Raw})
	if err := os.WriteFile(s.caFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// open does nothing if it is open. Somebody else may have taken the port for a moment.
func (s *server) open(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return
	}
	var listener net.Listener
	var err error
	for range 50 {
		if listener, err = net.Listen("tcp", s.address); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("opening the server again: %v", err)
		return
	}
	s.running = httptest.NewUnstartedServer(s)
	_ = s.running.Listener.Close()
	s.running.Listener = listener
	s.running.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.running.StartTLS()
}

// close refuses connections from now on, and ends those that there are.
func (s *server) close() {
	s.mu.Lock()
	running := s.running
	s.running = nil
	s.mu.Unlock()
	if running == nil {
		return
	}
	_ = running.Listener.Close()
	running.CloseClientConnections()
	running.Close()
}

// turn has another handler answer from now on.
func (s *server) turn(handler http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	handler := s.handler
	s.mu.Unlock()
	handler.ServeHTTP(w, r)
}
