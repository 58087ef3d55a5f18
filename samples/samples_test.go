// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package samples_test runs the built sample policies in the plugin that the scheduler runs.
// What a sample must do is in its testdata/cases.yaml; what every policy must do is here.
package samples_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fwk "k8s.io/kube-scheduler/framework"
	"sigs.k8s.io/yaml"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/policytest"
)

// sampleCase is an entry of a sample's testdata/cases.yaml.
type sampleCase struct {
	Name   string               `json:"name"`
	Config runtime.RawExtension `json:"config"`
	Pod    *v1.Pod              `json:"pod"`
	Nodes  []*v1.Node           `json:"nodes"`
	Want   answers              `json:"want"`
}

// answers is what a policy says about a pod on each node.
type answers struct {
	// Filter is the reason of each node that is refused, "" for one that passes.
	Filter map[string]string `json:"filter"`
	Score  map[string]int64  `json:"score"`
	// Skip says that the policy leaves the pod alone.
	Skip bool `json:"skip"`
}

// badConfigs is a config for each sample that it must refuse, and the field to blame.
var badConfigs = map[string]struct{ config, wantField string }{
	"binpack":         {`{"resources":[{"name":"cpu","weight":0}]}`, "resources[0].weight: "},
	"gang":            {`{"timeoutSeconds":0}`, "timeoutSeconds: "},
	"node-number":     {`{"reverse":"yes"}`, "reverse: "},
	"priority-queue":  {`{"classes":["gold"]}`, "defaultClass: "},
	"rate-limit":      {`{"perMinute":0}`, "perMinute: "},
	"reserve-license": {`{"configMap":{"name":""}}`, "configMap.name: "},
	"zone-affinity":   {`{"zoneLabel":"a/b/c"}`, "zoneLabel: "},
}

// withoutCases are samples that answer none of the points that cases are about, or that need an
// API server; test/integration runs them in a scheduler.
var withoutCases = []string{"gang", "priority-queue", "reserve-license"}

func TestSamples(t *testing.T) {
	for _, sample := range samples(t) {
		t.Run(sample, func(t *testing.T) {
			module, cluster := build(t, sample), policytest.NewCluster(t, nil)
			for name, cases := range byConfig(load(t, sample)) {
				p := cluster.MustLoadArgs(args(module, name))
				for _, tc := range cases {
					t.Run(tc.Name, func(t *testing.T) { testCase(t, cluster, p, tc) })
				}
			}
			t.Run("bad config", func(t *testing.T) { testBadConfig(t, cluster, sample, module) })
		})
	}
}

func testCase(t *testing.T, cluster *policytest.Cluster, p *policytest.Policy, tc sampleCase) {
	cluster.Reset(tc.Nodes)
	got := ask(p, tc.Pod, inOrder)
	if diff := cmp.Diff(tc.Want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("answers (-want,+got):\n%s", diff)
	}
	for name, order := range map[string]func([]fwk.NodeInfo) [][]fwk.NodeInfo{
		"reversed": reversed, "shuffled": shuffled, "one at a time": oneByOne,
	} {
		if diff := cmp.Diff(got, ask(p, tc.Pod, order), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("nodes %s change answers (-in order,+%s):\n%s", name, name, diff)
		}
	}
	testCopies(t, cluster, p, tc, got)
}

// testCopies lets the case's nodes be a few of none, one and many, whose names differ in what
// no sample looks at.
func testCopies(t *testing.T, cluster *policytest.Cluster, p *policytest.Policy, tc sampleCase, want answers) {
	t.Helper()
	for _, n := range []int{0, 1, 1000} {
		nodes, origin := copies(tc.Nodes, n)
		cluster.Reset(nodes)
		got := ask(p, tc.Pod, inOrder)
		wanted := answers{Skip: want.Skip, Filter: map[string]string{}, Score: map[string]int64{}}
		for name, of := range origin {
			if reason, ok := want.Filter[of]; ok {
				wanted.Filter[name] = reason
			}
			if score, ok := want.Score[of]; ok {
				wanted.Score[name] = score
			}
		}
		if diff := cmp.Diff(wanted, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("on %d nodes (-want,+got):\n%s", n, diff)
		}
	}
}

// copies makes n nodes by repeating some, and tells which each is a copy of.
func copies(nodes []*v1.Node, n int) (made []*v1.Node, origin map[string]string) {
	origin = map[string]string{}
	for i := range n {
		of := nodes[i%len(nodes)]
		node := of.DeepCopy()
		node.Name = fmt.Sprintf("copy-%d-of-%s", i, of.Name)
		made, origin[node.Name] = append(made, node), of.Name
	}
	return made, origin
}

func testBadConfig(t *testing.T, cluster *policytest.Cluster, sample, module string) {
	bad, ok := badConfigs[sample]
	if !ok {
		t.Fatalf("badConfigs has no entry for %s; add a config that it must refuse", sample)
	}
	_, err := cluster.LoadArgs(args(module, bad.config))
	if want := "the policy refuses its config: " + bad.wantField; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if _, err := cluster.LoadArgs(args(module, `{"no-such-field":1}`)); err == nil || !strings.Contains(err.Error(), "no-such-field: ") {
		t.Errorf("got %v, want an error that names no-such-field", err)
	}
}

// ask runs an attempt for each batch of the order. Batches matter to scores; Filter is asked
// node by node in that order.
func ask(p *policytest.Policy, pod *v1.Pod, order func([]fwk.NodeInfo) [][]fwk.NodeInfo) answers {
	got := answers{Filter: map[string]string{}, Score: map[string]int64{}}
	for _, batch := range order(p.Start(pod).Nodes) {
		a := p.Start(pod)
		_, status := a.PreFilter()
		got.note(status, "PreFilter")
		if _, ok := p.Plugin().(fwk.FilterPlugin); ok && status == "" {
			for _, info := range batch {
				got.Filter[info.Node().Name] = reason(a.Filter(info))
			}
		}
		scores, status := a.Scores(batch)
		got.note(strings.TrimPrefix(status, "PreScore: "), "scoring")
		maps.Copy(got.Score, scores)
	}
	return got
}

// note keeps a status of the whole attempt. One that no case can want is shown as a node's.
func (a *answers) note(status, point string) {
	switch status {
	case "":
	case "Skip":
		a.Skip = true
	default:
		a.Filter["("+point+")"] = status
	}
}

// reason is a status without its code.
func reason(status string) string {
	for _, code := range []fwk.Code{fwk.Unschedulable, fwk.UnschedulableAndUnresolvable} {
		if rest, ok := strings.CutPrefix(status, code.String()+": "); ok {
			return rest
		}
	}
	return status
}

func inOrder(nodes []fwk.NodeInfo) [][]fwk.NodeInfo { return [][]fwk.NodeInfo{nodes} }

func reversed(nodes []fwk.NodeInfo) [][]fwk.NodeInfo {
	nodes = slices.Clone(nodes)
	slices.Reverse(nodes)
	return [][]fwk.NodeInfo{nodes}
}

func shuffled(nodes []fwk.NodeInfo) [][]fwk.NodeInfo {
	nodes = slices.Clone(nodes)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	return [][]fwk.NodeInfo{nodes}
}

func oneByOne(nodes []fwk.NodeInfo) [][]fwk.NodeInfo {
	return slices.Collect(slices.Chunk(nodes, 1))
}

// samples are the folders beside this file.
func samples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*/main.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no samples: %v", err)
	}
	for i, f := range files {
		files[i] = filepath.Dir(f)
	}
	return files
}

func build(t *testing.T, sample string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), sample+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-w", "-o", path, ".")
	cmd.Dir = sample
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", sample, err, out)
	}
	return path
}

// args grant what any sample needs, and much time: tests share the machine with others.
func args(module, config string) []byte {
	if config == "" {
		config = "{}"
	}
	return fmt.Appendf(nil, `{"apiVersion":"stowage.dev/v1alpha1","kind":"WasmPluginArgs","module":{"file":{"path":%q}},"config":%s,
"capabilities":["clock","ledger","objects:configmaps","objects:pods","sharedData","waitingPods","wake"],"limits":{"deadline":"10s"}}`, module, config)
}

func load(t *testing.T, sample string) (cases []sampleCase) {
	t.Helper()
	if slices.Contains(withoutCases, sample) {
		return nil
	}
	path := filepath.Join(sample, "testdata", "cases.yaml")
	raw, err := os.ReadFile(path)
	if err == nil {
		err = yaml.UnmarshalStrict(raw, &cases)
	}
	if err != nil || len(cases) == 0 {
		t.Fatalf("reading the %d cases of %s: %v", len(cases), path, err)
	}
	return cases
}

// byConfig groups cases by config: making a policy takes longer than all of its cases.
func byConfig(cases []sampleCase) map[string][]sampleCase {
	groups := map[string][]sampleCase{}
	for _, tc := range cases {
		config := string(tc.Config.Raw)
		groups[config] = append(groups[config], tc)
	}
	return groups
}
