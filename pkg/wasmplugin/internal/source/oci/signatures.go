// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"k8s.io/klog/v2"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

const (
	// maxOfKind bounds the signatures of either kind, so that many of one do not hide those of the other.
	maxOfKind = source.MaxSignatures / 2
	// maxReferrers bounds how many manifests are read to find bundles among attestations.
	maxReferrers = 4 * maxOfKind

	simpleSigning       = "application/vnd.dev.cosign.simplesigning.v1+json"
	signatureAnnotation = "dev.cosignproject.cosign/signature"

	bundleType          = "application/vnd.dev.sigstore.bundle"
	predicateAnnotation = "dev.sigstore.bundle.predicateType"
	signPredicate       = "https://sigstore.dev/cosign/sign/v1"
	emptyConfig         = "application/vnd.oci.empty.v1+json"
)

// signatures collects what is attached to a manifest, in the ways of cosign before and since version 3. Anybody who
// may push can attach anything: one that cannot be read must not hide the others, so that it is left out. Only if
// there are no others is that an error, because a registry that fails is not a module that nobody signed.
func (p *pull) signatures(ctx context.Context, digest v1.Hash) ([]source.Signature, error) {
	bundles, errBundles := p.bundles(ctx, digest)
	simple, errSimple := p.simple(ctx, digest)
	err := errors.Join(errBundles, errSimple)
	all := append(bundles, simple...)
	if len(all) == 0 {
		return nil, err
	}
	if err != nil {
		klog.FromContext(ctx).Info("Some signatures could not be read", "module", p.String(), "err", clip(err))
	}
	return all, nil
}

// simple reads the simple-signing documents behind the tag that cosign derives from the digest.
func (p *pull) simple(ctx context.Context, digest v1.Hash) ([]source.Signature, error) {
	doc, _, err := p.document(ctx, p.ref.Context().Tag(digest.Algorithm+"-"+digest.Hex+".sig"))
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil || doc.image == nil {
		return nil, err
	}
	var all []source.Signature
	var errs []error
	for _, layer := range doc.image.Layers {
		sig := layer.Annotations[signatureAnnotation]
		if layer.MediaType != simpleSigning || sig == "" || len(all)+len(errs) == maxOfKind {
			continue
		}
		payload, err := p.layer(ctx, layer, source.MaxSignatureBytes)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, source.Signature{Data: []byte(sig), Payload: payload})
	}
	return all, errors.Join(errs...)
}

// bundles reads the Sigstore bundles that refer to the manifest, by the referrers API or, where a registry has none,
// by the tag that stands in for it.
func (p *pull) bundles(ctx context.Context, digest v1.Hash) ([]source.Signature, error) {
	index, err := remote.Referrers(p.at(digest), remote.Reuse(p.puller), remote.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var all []source.Signature
	var errs []error
	candidates := slices.DeleteFunc(slices.Clone(manifest.Manifests), func(d v1.Descriptor) bool { return !maybeBundle(d) })
	for _, referrer := range candidates[:min(len(candidates), maxReferrers)] {
		if len(all)+len(errs) == maxOfKind {
			break
		}
		sig, err := p.bundle(ctx, referrer.Digest)
		if err != nil {
			errs = append(errs, err)
		} else if sig != nil {
			all = append(all, source.Signature{Data: sig})
		}
	}
	return all, errors.Join(errs...)
}

// maybeBundle leaves out what says of itself that it is something else; a registry need not repeat here what a
// manifest says of itself.
func maybeBundle(referrer v1.Descriptor) bool {
	kind := referrer.ArtifactType
	return (kind == "" || kind == emptyConfig || strings.HasPrefix(kind, bundleType)) && !isAttestation(referrer.Annotations)
}

// isAttestation is for bundles that approve of nothing, as a list of ingredients. There may be many.
func isAttestation(annotations map[string]string) bool {
	predicate := annotations[predicateAnnotation]
	return predicate != "" && predicate != signPredicate
}

// bundle reads one, or nothing if it is none.
func (p *pull) bundle(ctx context.Context, digest v1.Hash) ([]byte, error) {
	doc, _, err := p.document(ctx, p.at(digest))
	if err != nil || doc.image == nil || isAttestation(doc.image.Annotations) {
		return nil, err
	}
	for _, layer := range doc.image.Layers {
		if strings.HasPrefix(string(layer.MediaType), bundleType) {
			return p.layer(ctx, layer, source.MaxSignatureBytes)
		}
	}
	return nil, nil
}

func isNotFound(err error) bool {
	failed, ok := errors.AsType[*transport.Error](err)
	return ok && failed.StatusCode == http.StatusNotFound
}
