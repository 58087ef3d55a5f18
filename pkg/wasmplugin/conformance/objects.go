// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"embed"
	"fmt"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// testdata is part of the package, because SDKs run the suite from their own folders.
//
//go:embed testdata/*.yaml
var testdata embed.FS

// objects is testdata/objects.yaml.
type objects struct {
	Nodes     []*v1.Node `json:"nodes"`
	Running   []*v1.Pod  `json:"running"`
	Nominated *v1.Pod    `json:"nominated"`
	Pending   []*v1.Pod  `json:"pending"`
}

// fieldCase is an entry of testdata/fields.yaml.
type fieldCase struct {
	Name   string            `json:"name"`
	Like   string            `json:"like"`
	Pod    string            `json:"pod"`
	Node   string            `json:"node"`
	Add    bool              `json:"add"`
	Remove string            `json:"remove"`
	Want   map[string]string `json:"want"`
}

func load[T any](t *testing.T, path string) (v T) {
	t.Helper()
	raw, err := testdata.ReadFile(path)
	if err == nil {
		err = yaml.UnmarshalStrict(raw, &v)
	}
	if err != nil {
		t.Fatalf("reading %s: %v", path, err)
	}
	return v
}

func podNamed(t *testing.T, pods []*v1.Pod, name string) *v1.Pod {
	t.Helper()
	for _, pod := range pods {
		if pod.Name == name {
			return pod
		}
	}
	t.Fatalf("testdata has no pod %q", name)
	return nil
}

func somePod() *v1.Pod {
	return &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "default", UID: "p"}}
}

// node makes a node with labels, given as key and value in turn.
func node(name string, labels ...string) *v1.Node {
	n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}}
	for i := 0; i < len(labels); i += 2 {
		n.Labels[labels[i]] = labels[i+1]
	}
	return n
}

// scored makes n nodes n000, n001, ... whose label "score" counts from 0.
func scored(n int) []*v1.Node {
	nodes := make([]*v1.Node, n)
	for i := range nodes {
		nodes[i] = node(fmt.Sprintf("n%03d", i), "score", fmt.Sprint(i))
	}
	return nodes
}
