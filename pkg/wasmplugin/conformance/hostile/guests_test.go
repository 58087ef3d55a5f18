// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/hostile"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/policytest"
)

// Each guest goes from its bytes to what the scheduler is told, and comes to what it must.
func TestGuestsComeToWhatTheyMust(t *testing.T) {
	c := policytest.NewCluster(t, threeNodes())
	dir := t.TempDir()
	for _, g := range hostile.Corpus() {
		path := filepath.Join(dir, g.Name+".wasm")
		if err := os.WriteFile(path, g.Wasm(), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, failurePolicy := range []string{"Fail", "Ignore"} {
			if failurePolicy == "Ignore" && !slices.Contains(hostile.Points(), g.Where) {
				continue
			}
			t.Run(g.Name+"/"+failurePolicy, func(t *testing.T) {
				check(t, g, failurePolicy == "Ignore", run(t, c, g, path, failurePolicy))
			})
		}
	}
}

func threeNodes() (nodes []*v1.Node) {
	for i := range 3 {
		nodes = append(nodes, st.MakeNode().Name(fmt.Sprintf("n%d", i)).
			Capacity(map[v1.ResourceName]string{"cpu": "4", "pods": "110"}).Obj())
	}
	return nodes
}

// outcome is whether a pod was placed, or why not.
type outcome struct {
	placed  bool
	message string
}

func run(t *testing.T, c *policytest.Cluster, g hostile.Guest, path, failurePolicy string) outcome {
	t.Helper()
	args, err := json.Marshal(map[string]any{
		"apiVersion": "stowage.dev/v1alpha1", "kind": "WasmPluginArgs", "failurePolicy": failurePolicy, "capabilities": g.Capabilities,
		"module": map[string]any{"file": map[string]any{"path": path}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Make(args)
	if err != nil {
		// An empty file is a mistake in the configuration.
		return outcome{message: err.Error()}
	}
	defer func() {
		if err := p.Plugin().(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	}()
	return attempt(p)
}

// attempt goes through the points as the scheduler does.
func attempt(p *policytest.Policy) outcome {
	a := p.Start(st.MakePod().Name("pod").UID("pod").Obj())
	nodes, status := a.PreFilter()
	if failed(status) || nodes != nil && len(nodes) == 0 {
		return outcome{message: status}
	}
	var feasible []fwk.NodeInfo
	for _, info := range a.Nodes {
		if s := a.Filter(info); status != "Skip" && s != "" {
			status = s
		} else {
			feasible = append(feasible, info)
		}
	}
	if len(feasible) < 2 || strings.HasPrefix(status, "Error") {
		return outcome{placed: len(feasible) > 0 && !failed(status), message: status}
	}
	_, status = a.Scores(feasible)
	_, code, _ := strings.Cut(status, ": ")
	return outcome{placed: !failed(code), message: status}
}

func failed(status string) bool {
	return status != "" && status != "Skip" && !strings.HasPrefix(status, "Skip: ")
}

func check(t *testing.T, g hostile.Guest, ignoreFaults bool, got outcome) {
	t.Helper()
	placed, known := g.Placed(ignoreFaults)
	if known && placed != got.placed {
		t.Errorf("placed is %t, want %t (%s)", got.placed, placed, got.message)
	}
	if known && !placed && !g.Explains(got.message) {
		t.Errorf("message %q does not tell of %+v", got.message, g.Want)
	}
	if strings.ContainsFunc(got.message, unicode.IsControl) {
		t.Errorf("message %q has control characters", got.message)
	}
}
