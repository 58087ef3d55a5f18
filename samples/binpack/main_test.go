// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

const gpu = "nvidia.com/gpu"

func node(name string) *stowagetest.Node {
	return stowagetest.MakeNode(name).Allocatable("cpu", "8").Allocatable("memory", "32Gi")
}

func nodes() []*stowagetest.Node {
	return []*stowagetest.Node{
		node("empty"),
		node("half").Requested("cpu", "4").Requested("memory", "16Gi"),
		node("cpu-heavy").Requested("cpu", "7").Requested("memory", "2Gi"),
		node("over").Requested("cpu", "9").Requested("memory", "33Gi"),
		node("gpus").Requested("cpu", "4").Requested("memory", "16Gi").Allocatable(gpu, "8"),
		node("gpus-in-use").Requested("cpu", "4").Requested("memory", "16Gi").Allocatable(gpu, "8").Requested(gpu, "6"),
		stowagetest.MakeNode("unknown"),
	}
}

const weighted = `{"resources":[{"name":"cpu","weight":1},{"name":"memory","weight":1},{"name":"nvidia.com/gpu","weight":5}]}`

func TestGolden(t *testing.T) {
	small := func() *stowagetest.Pod {
		return stowagetest.MakePod("p").Request("cpu", "500m").Request("memory", "1Gi")
	}
	var b strings.Builder
	for _, tc := range []struct {
		name, config string
		pod          *stowagetest.Pod
	}{
		{"no requests, default weights", "", stowagetest.MakePod("p")},
		{"small pod, default weights", "{}", small()},
		{"small pod, GPUs count", weighted, small()},
		{"GPU pod, GPUs count", weighted, small().Request(gpu, "2")},
		{"memory only", `{"resources":[{"name":"memory"}]}`, small()},
		{"a resource that no node has", `{"resources":[{"name":"example.com/fpga"}]}`, small()},
	} {
		h := stowagetest.New(t, newPolicy(), reads)
		if err := h.Configure(tc.config); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		b.WriteString("# " + tc.name + "\n" + h.Report(tc.pod, nodes()...) + "\n")
	}
	stowagetest.Golden(t, "testdata/golden.txt", b.String())
}

// Ephemeral storage is a resource like the others.
func TestEphemeralStorage(t *testing.T) {
	h := stowagetest.New(t, newPolicy(), reads)
	if err := h.Configure(`{"resources":[{"name":"ephemeral-storage","weight":2}]}`); err != nil {
		t.Fatal(err)
	}
	got, s := h.Score(stowagetest.MakePod("p").Request("ephemeral-storage", "25G"),
		stowagetest.MakeNode("n").Allocatable("ephemeral-storage", "100G").Requested("ephemeral-storage", "10G"))
	if !s.IsSuccess() || got["n"] != 35 {
		t.Errorf("want 35, got %v, %v", got, s)
	}
}

func TestConfigProblems(t *testing.T) {
	for name, tc := range map[string]struct{ config, want string }{
		"every problem at once": {
			`{"resources":[{"name":"cpu","weight":0},{"weight":2},{"name":"cpu"},{"name":"memory","wait":3}]}`,
			`resources[0].weight: must be an integer from 1 to 100, is 0
resources[1].name: is missing; name a resource such as cpu or nvidia.com/gpu
resources[2].name: cpu is listed twice
resources[3].wait: unknown field`,
		},
		"none":    {`{"resources":[]}`, "resources: must list 1 to 16 resources, lists 0"},
		"a typo":  {`{"resource":[]}`, "resource: unknown field"},
		"no list": {`{"resources":"cpu"}`, "resources: must be a list, is a string\nresources: must list 1 to 16 resources, lists 0"},
	} {
		t.Run(name, func(t *testing.T) {
			err := stowagetest.New(t, newPolicy(), reads).Configure(tc.config)
			if err == nil || err.Error() != tc.want {
				t.Errorf("want\n%s\ngot\n%v", tc.want, err)
			}
		})
	}
}
