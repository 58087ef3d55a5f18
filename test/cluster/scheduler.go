// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"

	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"
)

// SchedulerOptions says how to run a scheduler. The zero value runs the built one with no configuration.
type SchedulerOptions struct {
	// Name is what its log is called. Defaults to "scheduler".
	Name string
	// Binary to run. Defaults to scheduler in the cluster's BinDir.
	Binary string
	// ConfigFile is a KubeSchedulerConfiguration. It is copied; the copy is told to use Kubeconfig, and to do
	// without leader election if the file says nothing about it. Without a file the stock profile is used.
	ConfigFile string
	// Kubeconfig defaults to the administrator's.
	Kubeconfig string
	// ExtraArgs come last on the command line, so they win.
	ExtraArgs []string
	// NoWait returns without waiting for readiness, for schedulers that are expected to fail.
	NoWait bool
}

// Scheduler is a running scheduler.
type Scheduler struct {
	*Process
	url    string
	client *http.Client
}

// StartScheduler runs a scheduler and waits until it has read the cluster and, with leader election off or
// the lease free, schedules. On an error the log's end is in it.
func (c *Cluster) StartScheduler(ctx context.Context, opts SchedulerOptions) (*Scheduler, error) {
	opts.Name = cmp.Or(opts.Name, "scheduler")
	opts.Binary = cmp.Or(opts.Binary, c.binary("scheduler"))
	opts.Kubeconfig = cmp.Or(opts.Kubeconfig, c.Kubeconfig())
	if _, err := os.Stat(opts.Binary); err != nil {
		return nil, fmt.Errorf("finding the scheduler: %w (run `make scheduler`, or set %s)", err, BinEnv)
	}
	config, err := c.completeConfig(opts)
	if err != nil {
		return nil, err
	}
	s := &Scheduler{}
	if s.client, err = c.adminHTTP(); err != nil {
		return nil, err
	}
	args := func(port int) []string {
		s.url = fmt.Sprintf("https://127.0.0.1:%d", port)
		return c.schedulerArgs(opts, config, port)
	}
	var probe func(context.Context, int) error
	if !opts.NoWait {
		probe = func(ctx context.Context, _ int) error { return s.Ready(ctx) }
	}
	s.Process, err = c.startOnPort(ctx, opts.Name, opts.Binary, args, probe)
	if err != nil {
		return nil, err
	}
	s.polite = true
	return s, nil
}

func (c *Cluster) schedulerArgs(opts SchedulerOptions, config string, port int) []string {
	args := []string{
		"--config=" + config,
		"--authentication-kubeconfig=" + opts.Kubeconfig,
		"--authorization-kubeconfig=" + opts.Kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + c.pki.cert,
		"--tls-private-key-file=" + c.pki.key,
		"--v=2",
	}
	args = append(args, switches("feature-gates", c.opts.FeatureGates)...)
	return append(args, opts.ExtraArgs...)
}

// adminHTTP returns a client that trusts the cluster's components and carries the administrator's token.
func (c *Cluster) adminHTTP() (*http.Client, error) {
	roots, err := certutil.NewPool(c.pki.cert)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's authority: %w", err)
	}
	// One connection per request: a scheduler that was killed leaves no dead ones behind.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	wrapped, err := rest.HTTPWrappersForConfig(&rest.Config{BearerToken: c.pki.adminToken}, transport)
	if err != nil {
		return nil, fmt.Errorf("making a client for schedulers: %w", err)
	}
	return &http.Client{Transport: wrapped}, nil
}

// Ready asks the scheduler's /readyz; nil means ready, but for policies that have no module.
func (s *Scheduler) Ready(ctx context.Context) error {
	_, err := s.Get(ctx, "/readyz?verbose&exclude=policies")
	return err
}

// URL is where the scheduler serves, for clients that are not the administrator.
func (s *Scheduler) URL() string { return s.url }

// Get fetches a path such as /metrics from the scheduler's secure port with all rights.
func (s *Scheduler) Get(ctx context.Context, path string) ([]byte, error) {
	return get(ctx, s.client, s.url+path)
}

// completeConfig writes the configuration that the scheduler is given and returns its path.
func (c *Cluster) completeConfig(opts SchedulerOptions) (string, error) {
	config := []byte("apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n")
	if opts.ConfigFile != "" {
		var err error
		if config, err = os.ReadFile(opts.ConfigFile); err != nil {
			return "", fmt.Errorf("reading the scheduler's configuration: %w", err)
		}
	}
	config, err := connectConfig(config, opts.Kubeconfig)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(c.dir, opts.Name+"-*.yaml")
	if err != nil {
		return "", fmt.Errorf("writing the scheduler's configuration: %w", err)
	}
	defer f.Close() //nolint:errcheck // the error of Write is the one that counts
	if _, err := f.Write(config); err != nil {
		return "", fmt.Errorf("writing the scheduler's configuration: %w", err)
	}
	return f.Name(), nil
}
