// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"

	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// pki holds what the components prove themselves with. Everything is made anew for each cluster.
type pki struct {
	// cert is a serving certificate for loopback followed by the authority that signed it, which nobody has
	// the key of any more; key belongs to cert. All components of a cluster serve with it.
	cert, key string
	// saKey signs the tokens of ServiceAccounts.
	saKey string
	// tokens is the apiserver's file of static tokens; adminToken is the only one in it.
	tokens, adminToken string
}

func newPKI(dir string) (pki, error) {
	p := pki{
		cert:       filepath.Join(dir, "serving.crt"),
		key:        filepath.Join(dir, "serving.key"),
		saKey:      filepath.Join(dir, "service-account.key"),
		tokens:     filepath.Join(dir, "tokens.csv"),
		adminToken: rand.Text(),
	}
	cert, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv6loopback}, []string{"localhost"})
	if err != nil {
		return p, fmt.Errorf("making the serving certificate: %w", err)
	}
	saKey, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		return p, fmt.Errorf("making the key for ServiceAccount tokens: %w", err)
	}
	files := map[string][]byte{
		p.cert: cert, p.key: key, p.saKey: saKey,
		p.tokens: fmt.Appendf(nil, "%s,admin,admin,system:masters\n", p.adminToken),
	}
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return p, fmt.Errorf("writing the cluster's keys: %w", err)
		}
	}
	return p, nil
}
