// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// rootsPath is where Go, and most else, looks for CA certificates first.
const rootsPath = "/etc/ssl/certs/ca-certificates.crt"

// rootsFile holds the Mozilla trust store as of the module version in go.mod, so that the image does
// not depend on the machine that builds it. A root that is trusted only under a condition, such as
// "issued before this day", is left out: a PEM file cannot say the condition.
func rootsFile() File {
	var buffer bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		buffer.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
	}
	return File{Path: rootsPath, Mode: 0o644, Data: buffer.Bytes()}
}
