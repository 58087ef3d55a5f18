// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// signatureSuffix is what is appended to the name of a module for the name of its signatures.
const signatureSuffix = ".sigstore.json"

// origin is where a policy's module, or its config, comes from in a test.
type origin interface {
	// module is the source in the policy's args, in YAML's flow style.
	module() string
	// put replaces what is there, also after remove; without signatures if there are none.
	put(t *testing.T, content, signatures []byte)
	// remove has the scheduler find nothing, or nobody who answers.
	remove(t *testing.T)
}

// fileOrigin is a path.
type fileOrigin string

func newFileOrigin(t *testing.T) fileOrigin {
	return fileOrigin(filepath.Join(t.TempDir(), "policy.wasm"))
}

func (f fileOrigin) module() string { return fmt.Sprintf("file: {path: %s}", string(f)) }

// put renames, as the documentation asks for: what is written in place is read half.
func (f fileOrigin) put(t *testing.T, content, _ []byte) {
	t.Helper()
	next := string(f) + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		t.Error(err)
	}
	if err := os.Rename(next, string(f)); err != nil {
		t.Error(err)
	}
}

func (f fileOrigin) remove(t *testing.T) {
	t.Helper()
	if err := os.Remove(string(f)); err != nil {
		t.Error(err)
	}
}

// objectKey is the key in ConfigMaps and Secrets of tests.
const objectKey = "policy"

// mapOrigin is a ConfigMap in the namespace default.
type mapOrigin struct {
	cluster *cluster.Cluster
	name    string
}

func (m mapOrigin) module() string {
	return fmt.Sprintf("configMap: {namespace: default, name: %s, key: %s}", m.name, objectKey)
}

func (m mapOrigin) put(t *testing.T, content, signatures []byte) {
	t.Helper()
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: m.name, Namespace: "default"},
		BinaryData: map[string][]byte{objectKey: content},
	}
	if len(signatures) > 0 {
		object.BinaryData[objectKey+signatureSuffix] = signatures
	}
	maps := m.cluster.Client().CoreV1().ConfigMaps("default")
	_, err := maps.Update(t.Context(), object, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = maps.Create(t.Context(), object, metav1.CreateOptions{})
	}
	if err != nil {
		t.Errorf("putting ConfigMap %s: %v", m.name, err)
	}
}

func (m mapOrigin) remove(t *testing.T) {
	t.Helper()
	if err := m.cluster.Client().CoreV1().ConfigMaps("default").Delete(t.Context(), m.name, metav1.DeleteOptions{}); err != nil {
		t.Errorf("removing ConfigMap %s: %v", m.name, err)
	}
}

// webOrigin is a URL, which is asked for each second.
type webOrigin struct {
	*server
	// more is further fields of the source.
	more string

	mu                  sync.Mutex // guards what follows
	content, signatures []byte
}

func newWebOrigin(t *testing.T) *webOrigin {
	w := &webOrigin{}
	w.server = newServer(t, w)
	return w
}

func (w *webOrigin) module() string {
	return fmt.Sprintf("http: {url: 'https://%s/policy.wasm', caFile: %s, pollInterval: 1s%s}", w.address, w.caFile, w.more)
}

func (w *webOrigin) put(t *testing.T, content, signatures []byte) {
	t.Helper()
	w.mu.Lock()
	w.content, w.signatures = content, signatures
	w.mu.Unlock()
	w.open(t)
}

func (w *webOrigin) remove(*testing.T) { w.close() }

func (w *webOrigin) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	content := w.content
	if strings.HasSuffix(r.URL.Path, signatureSuffix) {
		content = w.signatures
	}
	w.mu.Unlock()
	if len(content) == 0 {
		http.NotFound(out, r)
		return
	}
	tag := fmt.Sprintf("%q", digestOf(content))
	out.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		out.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = out.Write(content) // who does not read it asks again
}

// gzipped is as small as gzip makes it.
func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
