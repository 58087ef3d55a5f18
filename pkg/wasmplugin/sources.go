// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/signature"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source/oci"
)

// maxConfig and maxSecret are the most bytes of a config from a source and of a credential: what fits into an object
// of the API server.
const (
	maxConfig = 1 << 20
	maxSecret = 1 << 20
)

var errNoAPIServer = errors.New("there is no client for the API server, which has the content")

// sourcing is where the policy's module and config come from, and what they must pass.
func (p *policy) sourcing() (opts generation.Options, err error) {
	module := &p.args.Module
	opts = generation.Options{Digest: module.Digest, Report: p.loadingChanged, Retry: p.host.retry}
	if opts.Module, err = p.moduleSource(module); err != nil {
		return opts, err
	}
	if p.args.Config != nil {
		opts.Fixed = p.args.Config.Raw
	}
	if from := p.args.ConfigFrom; from != nil {
		opts.Parse = config.ParseConfig
		if opts.Config, err = p.configSource(from); err != nil {
			return opts, err
		}
	}
	if module.Verify != nil {
		verifier, err := newVerifier(module.Verify)
		if err != nil {
			return opts, err
		}
		opts.Verify = verifier.Verify
	}
	if p.host.cache != nil {
		opts.Memory = &remembering{p.host.cache, p.handle.ProfileName(), p.id, p.args.Limits.ModuleSize.Value()}
	}
	return opts, nil
}

func (p *policy) moduleSource(m *v1alpha1.ModuleSource) (source.Source, error) {
	opts := source.Options{Limit: p.args.Limits.ModuleSize.Value(), Signatures: m.Verify != nil, Report: p.sourceTrouble}
	if m.File != nil {
		return source.NewFile(m.File.Path, opts), nil
	}
	client := p.handle.ClientSet()
	switch {
	case m.HTTP != nil:
		return p.httpSource(m.HTTP, opts, client)
	case m.OCI != nil:
		return p.ociSource(m.OCI, opts, client)
	case client == nil:
		return nil, errNoAPIServer
	case m.ConfigMap != nil:
		return source.NewConfigMap(client, m.ConfigMap.Namespace, m.ConfigMap.Name, m.ConfigMap.Key, opts), nil
	}
	return source.NewSecret(client, m.Secret.Namespace, m.Secret.Name, m.Secret.Key, opts), nil
}

func (p *policy) configSource(c *v1alpha1.ConfigSource) (source.Source, error) {
	client := p.handle.ClientSet()
	if client == nil {
		return nil, errNoAPIServer
	}
	return source.NewConfigMap(client, c.ConfigMap.Namespace, c.ConfigMap.Name, c.ConfigMap.Key, source.Options{Limit: maxConfig, Report: p.sourceTrouble}), nil
}

func (p *policy) httpSource(h *v1alpha1.HTTPSource, opts source.Options, client kubernetes.Interface) (source.Source, error) {
	o := source.HTTPOptions{Options: opts, URL: h.URL, PlainHTTP: h.PlainHTTP, CAFile: h.CAFile, PollInterval: interval(h.PollInterval)}
	if ref := h.BearerToken; ref != nil {
		if client == nil {
			return nil, errNoAPIServer
		}
		o.BearerToken = source.Token(source.NewSecret(client, ref.Namespace, ref.Name, ref.Key, source.Options{Limit: maxSecret}))
	}
	return source.NewHTTP(o)
}

func (p *policy) ociSource(o *v1alpha1.OCISource, opts source.Options, client kubernetes.Interface) (source.Source, error) {
	out := oci.Options{
		Reference: o.Reference, PlainHTTP: o.PlainHTTP, CAFile: o.CAFile, PollInterval: interval(o.PollInterval),
		Limit: opts.Limit, Signatures: opts.Signatures,
	}
	if ref := o.PullSecret; ref != nil {
		if client == nil {
			return nil, errNoAPIServer
		}
		secret := source.NewSecret(client, ref.Namespace, ref.Name, v1.DockerConfigJsonKey, source.Options{Limit: maxSecret})
		out.Credentials = func(ctx context.Context) ([]byte, error) {
			blob, err := secret.Fetch(ctx, "")
			if err != nil {
				return nil, err
			}
			return blob.Content, nil
		}
	}
	return oci.New(out)
}

func interval(d *metav1.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return d.Duration
}

// sourceTrouble makes known that a source is polled, because it cannot be watched.
func (p *policy) sourceTrouble(err error) {
	p.logger.Info("A source cannot be watched and is polled", "cause", err.Error())
}

func newVerifier(v *v1alpha1.Verification) (*signature.Verifier, error) {
	policy := signature.Policy{}
	for _, k := range v.Keys {
		policy.Keys = append(policy.Keys, signature.Key{Name: k.Name, PEM: []byte(k.PEM)})
	}
	if v.Threshold != nil {
		policy.Threshold = int(*v.Threshold)
	}
	if v.Keyless != nil {
		root, err := os.ReadFile(v.Keyless.TrustedRootFile)
		if err != nil {
			return nil, fmt.Errorf("reading module.verify.keyless.trustedRootFile: %w", err)
		}
		policy.TrustedRoot = root
		for _, id := range v.Keyless.Identities {
			policy.Identities = append(policy.Identities, signature.Identity{Issuer: id.Issuer, Subject: id.Subject, SubjectRegExp: id.SubjectRegExp})
		}
	}
	return signature.New(policy)
}
