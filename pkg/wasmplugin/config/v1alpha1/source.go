// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ModuleSource is a union: exactly one of file, configMap, secret, http and oci must be set. Each is watched or
// polled, and what is new there replaces the running module once it was checked, compiled and warmed. Digest and
// Verify, beside the source, say what may be taken from it.
//
// A module may be stored as it is, compressed with gzip or compressed with zstd; its first bytes tell. A module of
// stock Go shrinks to about a third (gzip -9), which is what makes it fit into a ConfigMap.
type ModuleSource struct {
	// File reads the module from the scheduler's own file system.
	// +optional
	File *FileSource `json:"file,omitempty"`

	// ConfigMap reads the module from a key of a ConfigMap, in binaryData or data. The API server takes no more than
	// 1 MiB in one ConfigMap: compress the module (gzip -9, or zstd -19), or use oci or http for a larger one.
	// The scheduler needs get, list and watch on configmaps in the namespace; resourceNames with the one name do.
	// +optional
	ConfigMap *ConfigMapKeyRef `json:"configMap,omitempty"`

	// Secret reads the module from a key of a Secret. What is said of ConfigMap is true of it too, for secrets.
	// +optional
	Secret *SecretKeyRef `json:"secret,omitempty"`

	// HTTP downloads the module from a web server.
	// +optional
	HTTP *HTTPSource `json:"http,omitempty"`

	// OCI pulls the module from a container registry, where it is an artifact and not an image.
	// +optional
	OCI *OCISource `json:"oci,omitempty"`

	// Digest pins the module: "sha256:" and 64 lower-case hexadecimal digits, of the decompressed module as
	// sha256sum prints it; for oci, of the manifest that the reference leads to, as crane digest prints it.
	// Anything else that the source has is refused, and the module that runs stays. Defaults to none: whatever
	// the source has is taken.
	// +optional
	Digest string `json:"digest,omitempty"`

	// Verify says who must have signed the module. Defaults to nobody. Signatures are looked for beside the module:
	// a Sigstore bundle (as cosign sign-blob --bundle writes it) in the file, key or URL path of the same name
	// with .sigstore.json appended, or, for oci, what cosign sign attaches to the manifest.
	// +optional
	Verify *Verification `json:"verify,omitempty"`
}

// FileSource is a module in a file.
type FileSource struct {
	// Path of a core WebAssembly module, which may be compressed. Absolute, or relative to the scheduler's working
	// directory, and in its shortest form: no "./", no doubled or trailing slash, no ".." that follows a name.
	// As args.module.file, it must exist, be readable and not be empty when the scheduler starts; in canary and
	// shadow it may appear later. Replace it by renaming another file over it: a file that is written in place is
	// read half if whoever writes it pauses. Required.
	Path string `json:"path"`
}

// ConfigMapKeyRef names a key of a ConfigMap.
type ConfigMapKeyRef struct {
	// Namespace of the ConfigMap. Required.
	Namespace string `json:"namespace"`
	// Name of the ConfigMap. Required.
	Name string `json:"name"`
	// Key in the ConfigMap's binaryData or data. Required.
	Key string `json:"key"`
}

// SecretKeyRef names a key of a Secret.
type SecretKeyRef struct {
	// Namespace of the Secret. Required.
	Namespace string `json:"namespace"`
	// Name of the Secret. Required.
	Name string `json:"name"`
	// Key in the Secret's data. Required.
	Key string `json:"key"`
}

// SecretRef names a Secret.
type SecretRef struct {
	// Namespace of the Secret. Required.
	Namespace string `json:"namespace"`
	// Name of the Secret. Required.
	Name string `json:"name"`
}

// HTTPSource is a module on a web server.
type HTTPSource struct {
	// URL of the module, without user, password and fragment. It must begin with https:// unless plainHTTP is set.
	// Up to 5 redirects are followed; they must lead to https too. Required.
	URL string `json:"url"`

	// PlainHTTP allows http:// for the URL and for redirects. Whoever is on the way can then replace the module and
	// read the bearer token: set module.digest or module.verify too. Defaults to false.
	// +optional
	PlainHTTP bool `json:"plainHTTP,omitempty"`

	// CAFile is a file of PEM certificates that may have signed the server's, instead of those that the system
	// trusts. It must exist when the scheduler starts, and is read again for each download, so that it may be
	// rotated. Must be in its shortest form, as file.path. Defaults to none: the system's certificates.
	// +optional
	CAFile string `json:"caFile,omitempty"`

	// BearerToken is a token that is sent to the URL's host, and to no other that a redirect leads to. The Secret
	// is read for each request, which needs get on it. Defaults to none.
	// +optional
	BearerToken *SecretKeyRef `json:"bearerToken,omitempty"`

	// PollInterval is how often the server is asked whether the module has changed, with the ETag or date that it
	// gave. Each time up to a tenth longer at random, so that schedulers do not ask all at once, and longer if the
	// server says so in Retry-After. From 1s to 24h, defaults to 1m.
	// +optional
	PollInterval *metav1.Duration `json:"pollInterval,omitempty"`
}

// OCISource is a module in a container registry.
type OCISource struct {
	// Reference is registry/repository:tag or registry/repository@sha256:<digest>, as in
	// registry.example.com/policies/zone-affinity:v1. A tag that is left out is latest, a registry that is left out
	// is docker.io. Push a module with oras push <reference> policy.wasm:application/wasm. Required.
	Reference string `json:"reference"`

	// PlainHTTP talks to the registry without TLS. Whoever is on the way can then replace the module and read the
	// credentials: set module.digest or module.verify too. Defaults to false, also for registries on localhost.
	// +optional
	PlainHTTP bool `json:"plainHTTP,omitempty"`

	// CAFile is a file of PEM certificates that may have signed the registry's, instead of those that the system
	// trusts. It must exist when the scheduler starts, and is read again for each pull, so that it may be
	// rotated. Must be in its shortest form, as file.path. Defaults to none: the system's certificates.
	// +optional
	CAFile string `json:"caFile,omitempty"`

	// PullSecret is a Secret of the type kubernetes.io/dockerconfigjson with credentials for the registry. It is
	// read for each pull, which needs get on it. Defaults to none: the registry is asked anonymously.
	// +optional
	PullSecret *SecretRef `json:"pullSecret,omitempty"`

	// PollInterval is how often the registry is asked where the tag leads to; a reference with a digest is not
	// asked about again. Each time up to a tenth longer at random, so that schedulers do not ask all at once.
	// From 1s to 24h, defaults to 1m.
	// +optional
	PollInterval *metav1.Duration `json:"pollInterval,omitempty"`
}

// ConfigSource is a union of places that a policy's config comes from: exactly one of its fields must be set.
type ConfigSource struct {
	// ConfigMap reads the config from a key of a ConfigMap, which has a JSON or YAML object. It is watched. The
	// scheduler needs get, list and watch on configmaps in the namespace; resourceNames with the one name do.
	// +optional
	ConfigMap *ConfigMapKeyRef `json:"configMap,omitempty"`
}

// Canary answers for some pods with another module, in place of the policy's own. Everything but what is here is
// the policy's: its limits, capabilities, failurePolicy and mode. One of percent and namespaceSelector must be set.
type Canary struct {
	// Module says where the other module is. Nothing of args.module is inherited, neither digest nor verify. Required.
	Module ModuleSource `json:"module"`

	// Config is handed to the other module instead of the policy's. Must be a JSON object.
	// Defaults to the policy's, also if that comes from configFrom.
	// +optional
	Config *runtime.RawExtension `json:"config,omitempty"`

	// Percent of the pods that the canary answers for. The pod's identity decides, so that each attempt to
	// schedule a pod gets the same answer. From 1 to 99.
	// +optional
	Percent *int32 `json:"percent,omitempty"`

	// NamespaceSelector selects the pods that the canary answers for by the labels of their namespaces. It must
	// not be empty, which would be every namespace.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
}

// Shadow asks another module beside the policy's own, of every pod, and counts where it would have decided
// otherwise. It has no effect on where pods go.
type Shadow struct {
	// Module says where the other module is. Nothing of args.module is inherited, neither digest nor verify. Required.
	Module ModuleSource `json:"module"`

	// Config is handed to the other module instead of the policy's. Must be a JSON object.
	// Defaults to the policy's, also if that comes from configFrom.
	// +optional
	Config *runtime.RawExtension `json:"config,omitempty"`
}
