// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// NewConfigMap returns the source of a key in a ConfigMap, in its binaryData or data.
func NewConfigMap(client kubernetes.Interface, namespace, name, key string, o Options) Source {
	api := client.CoreV1().ConfigMaps(namespace)
	return &object{
		kind: "ConfigMap", resource: "configmaps", namespace: namespace, name: name, key: key, options: o,
		minRetry: minRetry, maxRetry: maxRetry,
		example: &corev1.ConfigMap{},
		get:     func(ctx context.Context) (runtime.Object, error) { return api.Get(ctx, name, metav1.GetOptions{}) },
		lists: cache.ListWatch{
			ListWithContextFunc:  func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return api.List(ctx, o) },
			WatchFuncWithContext: api.Watch,
		},
	}
}

// NewSecret returns the source of a key in a Secret. Neither its String nor its errors have any of the content.
func NewSecret(client kubernetes.Interface, namespace, name, key string, o Options) Source {
	api := client.CoreV1().Secrets(namespace)
	return &object{
		kind: "Secret", resource: "secrets", namespace: namespace, name: name, key: key, options: o,
		minRetry: minRetry, maxRetry: maxRetry,
		example: &corev1.Secret{},
		get:     func(ctx context.Context) (runtime.Object, error) { return api.Get(ctx, name, metav1.GetOptions{}) },
		lists: cache.ListWatch{
			ListWithContextFunc:  func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return api.List(ctx, o) },
			WatchFuncWithContext: api.Watch,
		},
	}
}

// object is the Source of a key in an object of the API server. Fetch asks for the object, since a watch may be
// behind; Watch only says when.
type object struct {
	kind, resource       string
	namespace, name, key string
	options              Options
	// minRetry and maxRetry are the constants, except in tests.
	minRetry, maxRetry time.Duration

	example runtime.Object
	get     func(context.Context) (runtime.Object, error)
	lists   cache.ListWatch
}

// String implements Source.
func (o *object) String() string {
	return fmt.Sprintf("%s %s/%s, key %s", o.kind, o.namespace, o.name, o.key)
}

// objectTimeout is for reading an object: an API server may accept a request and never answer it.
const objectTimeout = 30 * time.Second

// Fetch implements Source.
func (o *object) Fetch(ctx context.Context, known string) (*Blob, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	obj, err := o.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", o, o.explain("get", err))
	}
	values := valuesOf(obj)
	stored, ok := values[o.key]
	if !ok {
		return nil, fmt.Errorf("reading %s: %w: %s", o, ErrInvalid, o.missingKey(values))
	}
	blob, err := newBlob(known, stored, o.bundle(values), o.options.Limit)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", o, err)
	}
	return blob, nil
}

// versionNone is the version of a key that does not exist.
const versionNone = "none"

// version is that of the blob, so that a change of another key of the object is none.
func (o *object) version(values map[string][]byte) string {
	stored, ok := values[o.key]
	if !ok {
		return versionNone
	}
	return versionOf(stored, o.bundle(values))
}

func (o *object) bundle(values map[string][]byte) []byte {
	if !o.options.Signatures {
		return nil
	}
	return values[o.key+SignatureSuffix]
}

// valuesOf has what is in an object by key; no key can be in both parts of a ConfigMap.
func valuesOf(obj runtime.Object) map[string][]byte {
	switch obj := obj.(type) {
	case *corev1.ConfigMap:
		values := maps.Clone(obj.BinaryData)
		if values == nil {
			values = map[string][]byte{}
		}
		for key, value := range obj.Data {
			values[key] = []byte(value)
		}
		return values
	case *corev1.Secret:
		return obj.Data
	default:
		return nil
	}
}

func (o *object) missingKey(values map[string][]byte) string {
	keys := strings.Join(slices.Sorted(maps.Keys(values)), ", ")
	switch {
	case keys == "":
		keys = "no other either"
	case o.kind == "Secret":
		// Whoever sees this need not know what else is secret.
		keys = "another"
	}
	return fmt.Sprintf("there is no such key (there is: %s); add it, and if it does not fit into the 1 MiB that a %s may have, "+
		"compress it with gzip -9 or zstd -19 or get it by oci or http", keys, o.kind)
}

// explain says what to do about an error of the API server; it wraps it.
func (o *object) explain(verb string, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("it does not exist: create it: %w", err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("the scheduler's service account may not %s it: grant get, list and watch on %s in namespace %s, "+
			"where resourceNames: [%s] is enough: %w", verb, o.resource, o.namespace, o.name, err)
	default:
		return err
	}
}
