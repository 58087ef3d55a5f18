// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures what policies cost and prints a table; -out also writes it as JSON. Each piece runs in
// processes of its own, because what one leaves in its heap would slow the next. Nothing outlives
// the command.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/stowage-scheduler/stowage/test/perf/cycles"
	"github.com/stowage-scheduler/stowage/test/perf/methods"
	"github.com/stowage-scheduler/stowage/test/perf/queue"
	"github.com/stowage-scheduler/stowage/test/perf/report"
	"github.com/stowage-scheduler/stowage/test/perf/world"
)

type options struct {
	out            string
	nodes, pods    int
	rounds         int
	methods        int
	child, variant string
	module         string
}

func main() {
	var o options
	flag.StringVar(&o.out, "out", "", "file for the results as JSON")
	flag.IntVar(&o.nodes, "nodes", 5000, "nodes of the cluster")
	flag.IntVar(&o.pods, "pods", 2000, "pods that each run of a scheduler schedules")
	flag.IntVar(&o.rounds, "rounds", 5, "runs of a scheduler with the policy as native plugin and as Wasm")
	flag.IntVar(&o.methods, "attempts", 400, "attempts at plugin methods, per variant")
	flag.StringVar(&o.child, "child", "", "piece to run in this process: "+pieceMethods+", "+pieceCycles+" or "+pieceQueue)
	flag.StringVar(&o.variant, "variant", "", "variant to run, for -child="+pieceCycles)
	flag.StringVar(&o.module, "module", "", "file of the policy's module, for -child")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := parent
	if o.child != "" {
		run = child
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// Pieces that run in this command's own binary.
const (
	pieceMethods = "methods"
	pieceCycles  = "cycles"
	pieceQueue   = "queue"
)

// child runs one piece and prints its results as JSON.
func child(ctx context.Context, o options) error {
	r, err := piece(ctx, o)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func piece(ctx context.Context, o options) (*report.Results, error) {
	switch o.child {
	case pieceCycles:
		return cycles.Run(ctx, cycles.Options{
			Variant: o.variant, Module: o.module, Nodes: o.nodes, Pods: o.pods, Warmup: o.pods / 10,
		})
	case pieceMethods:
		b, err := methods.New(ctx, o.nodes, o.module)
		if err != nil {
			return nil, err
		}
		if err := b.Run(ctx, o.methods); err != nil {
			return nil, err
		}
		return b.Report(), b.Close()
	case pieceQueue:
		return queue.Measure(ctx)
	}
	return nil, fmt.Errorf("-child=%q: use %s, %s or %s", o.child, pieceMethods, pieceCycles, pieceQueue)
}

// parent runs all pieces, one after the other.
func parent(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "stowage-bench-")
	if err != nil {
		return fmt.Errorf("making a temporary directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.module, err = world.Module(ctx, dir); err != nil {
		return err
	}
	r, err := all(ctx, o)
	if err != nil {
		return err
	}
	if err := r.Table(os.Stdout, budgets); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	return write(o.out, r)
}

func write(path string, r *report.Results) error {
	if path == "" {
		return nil
	}
	b, err := r.JSON()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making the folder of %s: %w", path, err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}
