// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustParse(t testing.TB, resource string) Source {
	t.Helper()
	s, err := ParseSource(resource, "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// configMap makes one with some data.
func configMap(namespace, name, uid, data string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"d": data},
	}}
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetUID(types.UID(uid))
	return u
}

// offline is a watcher whose collections are filled by the test and not by reflectors.
func offline(t testing.TB, opts Options, resources ...string) (*Watcher, []Source, []*collection) {
	t.Helper()
	w := NewWatcher(nil, opts)
	t.Cleanup(w.Close)
	var sources []Source
	var collections []*collection
	for _, r := range resources {
		s := mustParse(t, r)
		c := newCollection(s, &w.opts, func() {})
		c.refs = 1 // so that it outlives feeds
		w.collections[s] = c
		sources, collections = append(sources, s), append(collections, c)
	}
	return w, sources, collections
}

func mustFeed(t testing.TB, w *Watcher, h Handlers, sources ...Source) *Feed {
	t.Helper()
	f, err := w.NewFeed(sources, h)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t testing.TB, c *collection, u *unstructured.Unstructured) {
	t.Helper()
	if err := c.Update(u); err != nil {
		t.Fatal(err)
	}
}

// versioned gives objects the resource versions of a server.
type versioned struct{ last int }

func (v *versioned) next(u *unstructured.Unstructured) *unstructured.Unstructured {
	v.last++
	u.SetResourceVersion(strconv.Itoa(v.last))
	return u
}

// texts describes changes as "+source name", "~source name" and "-source name".
func texts(changes []Change) (out []string) {
	for _, c := range changes {
		out = append(out, text(c))
	}
	return out
}

func text(c Change) string {
	sign := map[uint32]string{abi.ActionAdd: "+", abi.ActionUpdate: "~", abi.ActionDelete: "-"}[c.Action]
	return fmt.Sprintf("%s%d %s %s", sign, c.Source, c.key(), c.UID)
}

// awaitTimeout is far more than anything takes.
const awaitTimeout = 30 * time.Second

// await waits for what a feed's handlers say it is worth looking at again.
func await(t testing.TB, poke <-chan struct{}, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), awaitTimeout)
	defer cancel()
	for !done() {
		select {
		case <-poke:
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
