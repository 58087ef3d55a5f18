// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/stowage-scheduler/stowage/test/perf/cycles"
	"github.com/stowage-scheduler/stowage/test/perf/report"
	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// all is every piece's results in the order of the table.
func all(ctx context.Context, o options) (*report.Results, error) {
	say("filter and score of one policy, %d nodes", o.nodes)
	r, err := own(ctx, o, pieceMethods, "")
	if err != nil {
		return nil, err
	}
	say("hints, PreEnqueue and Sign under the scheduling queue's lock")
	queued, err := own(ctx, o, pieceQueue, "")
	if err != nil {
		return nil, err
	}
	r.Merge(queued)
	rounds, err := schedule(ctx, o)
	if err != nil {
		return nil, err
	}
	r.Merge(summary(rounds))
	say("following the cluster")
	syncs, err := goBench(ctx, "BenchmarkSync", "100x", "./pkg/wasmplugin/internal/snapshot")
	if err != nil {
		return nil, err
	}
	addSyncs(r, syncs)
	say("memory of instances")
	memory, err := goBench(ctx, "BenchmarkInstanceMemory", "1x", "./pkg/wasmplugin")
	if err != nil {
		return nil, err
	}
	if err := addMemory(r, memory); err != nil {
		return nil, err
	}
	say("metering")
	meters, err := goBench(ctx, "BenchmarkMeter", "40x", "./pkg/wasmplugin")
	if err != nil {
		return nil, err
	}
	addMeters(r, meters)
	say("loading a policy, with and without the compile cache")
	loads, err := goBench(ctx, "BenchmarkLoad", "15x", "./pkg/wasmplugin/internal/cache")
	if err != nil {
		return nil, err
	}
	return r, addLoads(r, loads)
}

// schedule runs schedulers, variants in turn. Those that have no budget run less often.
func schedule(ctx context.Context, o options) (map[string][]*report.Results, error) {
	runs := map[string][]*report.Results{}
	for round := range o.rounds {
		for _, variant := range order(round) {
			begin := time.Now()
			r, err := own(ctx, o, pieceCycles, variant)
			if err != nil {
				return nil, err
			}
			runs[variant] = append(runs[variant], r)
			rate, _ := r.Get(cycles.Throughput)
			say("%d cycles, %d nodes, %s: %.0f cycles/s (%.0f s)", o.pods, o.nodes, variant, rate, time.Since(begin).Seconds())
		}
	}
	return runs, nil
}

// order is the variants of a round. Native and Wasm swap places, since whoever comes second may
// find the machine warmer.
func order(round int) []string {
	list := []string{cycles.Native, cycles.Wasm}
	if round%2 == 1 {
		list = []string{cycles.Wasm, cycles.Native}
	}
	if round%3 == 0 {
		list = append(list, cycles.Extender, cycles.None)
	}
	return list
}

// own runs a piece of this binary in a process of its own.
func own(ctx context.Context, o options, piece, variant string) (*report.Results, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	out, err := output(ctx, self, "-child="+piece, "-variant="+variant, "-module="+o.module,
		fmt.Sprintf("-nodes=%d", o.nodes), fmt.Sprintf("-pods=%d", o.pods), fmt.Sprintf("-attempts=%d", o.methods))
	if err != nil {
		return nil, err
	}
	r := report.New()
	if err := json.Unmarshal(out, r); err != nil {
		return nil, fmt.Errorf("reading the results of %s %s: %w", piece, variant, err)
	}
	return r, nil
}

// goBench runs Go benchmarks that need to see what is internal.
func goBench(ctx context.Context, name, times, pkg string) (map[string]metrics, error) {
	out, err := output(ctx, "go", "test", "-run=^$", "-bench=^"+name+"$", "-benchtime="+times, pkg)
	if err != nil {
		return nil, err
	}
	return parse(string(out))
}

// output runs a command; what it wrote to stderr shows if it fails.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = world.Root()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("running %s %s: %w\n%s%s", name, strings.Join(args, " "), err, stderr.Bytes(), out)
	}
	return out, nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...) }
