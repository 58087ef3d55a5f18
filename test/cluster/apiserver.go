// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// issuer is what ServiceAccount tokens carry as `iss`, the name that a real cluster uses.
const issuer = "https://kubernetes.default.svc.cluster.local"

// startAPIServer runs kube-apiserver with RBAC and waits until its own checks pass and namespaces exist.
func (c *Cluster) startAPIServer(ctx context.Context) error {
	c.progress("starting kube-apiserver")
	p, err := c.startOnPort(ctx, "kube-apiserver", c.binary("kube-apiserver"), c.apiServerArgs, func(ctx context.Context, port int) error {
		if err := c.connect(port); err != nil {
			return err
		}
		c.apiServer.port = port
		return c.probeAPIServer(ctx)
	})
	if err != nil {
		return err
	}
	c.apiServer.process = p
	return c.writeKubeconfig(c.Kubeconfig(), c.pki.adminToken)
}

func (c *Cluster) apiServerArgs(port int) []string {
	return append([]string{
		"--etcd-servers=" + c.endpoint,
		"--bind-address=127.0.0.1",
		// The default address is one of the machine's, which need not have any beside loopback; and loopback
		// is refused in the endpoints of the service called kubernetes, which nothing here uses.
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + c.pki.cert,
		"--tls-private-key-file=" + c.pki.key,
		"--client-ca-file=" + c.pki.cert,
		// No front proxy runs; but a scheduler asks for its settings and complains in its log until it has some.
		"--requestheader-client-ca-file=" + c.pki.cert,
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--token-auth-file=" + c.pki.tokens,
		"--authorization-mode=RBAC",
		"--service-account-issuer=" + issuer,
		"--service-account-signing-key-file=" + c.pki.saKey,
		"--service-account-key-file=" + c.pki.saKey,
		"--service-cluster-ip-range=10.0.0.0/24",
		// All wait for a controller that does not run here: one for a ServiceAccount called default in every
		// namespace, the others for the removal of what they put on every new node, a taint, and on
		// every new pod group, a finalizer.
		"--disable-admission-plugins=ServiceAccount,TaintNodesByCondition,PodGroupProtection",
		"--allow-privileged=true",
	}, c.opts.apiServerFlags()...)
}

// connect builds the administrator's client. The rate limit is off: it would only slow tests down.
func (c *Cluster) connect(port int) error {
	c.config = &rest.Config{
		Host:            fmt.Sprintf("https://127.0.0.1:%d", port),
		BearerToken:     c.pki.adminToken,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.pki.cert},
		QPS:             -1,
	}
	client, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return fmt.Errorf("making a client for kube-apiserver: %w", err)
	}
	c.client = client
	return nil
}

// probeAPIServer asks for readiness, which includes the RBAC roles, and for the namespaces that are made after it.
func (c *Cluster) probeAPIServer(ctx context.Context) error {
	if body, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Param("verbose", "true").DoRaw(ctx); err != nil {
		return fmt.Errorf("%w: %s", err, body)
	}
	for _, namespace := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem} {
		if _, err := c.client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{}); err != nil {
			return err
		}
	}
	return nil
}
