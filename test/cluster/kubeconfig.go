// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// KubeconfigForToken writes a kubeconfig that authenticates with token, for example one that a
// ServiceAccount's TokenRequest returned, and returns its path.
func (c *Cluster) KubeconfigForToken(token string) (string, error) {
	f, err := os.CreateTemp(c.dir, "token-*.kubeconfig")
	if err != nil {
		return "", fmt.Errorf("making a kubeconfig: %w", err)
	}
	if err := f.Close(); err != nil {
		return "", fmt.Errorf("making a kubeconfig: %w", err)
	}
	return f.Name(), c.writeKubeconfig(f.Name(), token)
}

func (c *Cluster) writeKubeconfig(path, token string) error {
	const name = "stowage"
	// The authority goes in by value, so that the file can be copied elsewhere.
	authority, err := os.ReadFile(c.pki.cert)
	if err != nil {
		return fmt.Errorf("writing kubeconfig: %w", err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: c.config.Host, CertificateAuthorityData: authority}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("writing kubeconfig: %w", err)
	}
	return nil
}
