// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"time"
)

// UserAgent is how we introduce ourselves to servers.
const UserAgent = "stowage-scheduler"

const maxCABytes = 1 << 20

// TransportWith returns a new transport that trusts the certificates in a PEM file, or those that the system trusts
// if caFile is empty. The file is read now: who wants to follow a rotation takes a new transport. Nothing is
// decompressed on the way, each step up to the response's headers has a time limit, and the environment's proxy is
// used. The caller closes its idle connections.
func TransportWith(caFile string) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		roots, err := readRoots(caFile)
		if err != nil {
			return nil, fmt.Errorf("reading CA certificates from %q: %w", caFile, err)
		}
		config.RootCAs = roots
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  15 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConns:           4,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}, nil
}

func readRoots(path string) (*x509.CertPool, error) {
	text, err := readRegular(path, maxCABytes)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%w: it has no certificate: each begins with -----BEGIN CERTIFICATE-----", ErrInvalid)
	}
	return roots, nil
}
