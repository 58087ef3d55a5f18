// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows what Stowage does on a real control plane: it places the same pods once with the stock
// scheduler and once with three policies written in Wasm, and prints both results side by side.
//
// It owns everything that it starts and leaves nothing behind, whether it ends by itself, by Ctrl-C or by
// being killed. With -keep it leaves the cluster running until Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

func main() {
	keep := flag.Bool("keep", false, "keep the cluster running until Ctrl-C")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	err := run(ctx, *keep)
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "\nInterrupted. Everything that was started is stopped and removed.")
		os.Exit(130)
	default:
		fmt.Fprintf(os.Stderr, "\nThe demo did not work: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, keep bool) (err error) {
	step("Starting a real control plane: etcd, kube-apiserver, and kwok in the place of kubelets")
	c, err := cluster.Start(ctx, cluster.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	results, err := play(ctx, c)
	if err != nil {
		return err
	}
	fmt.Print("\n", report(results))
	if problems := check(results); len(problems) > 0 {
		return fmt.Errorf("not every pod is where its policies want it:\n  %s", strings.Join(problems, "\n  "))
	}
	if keep {
		fmt.Printf(keepText, c.Kubeconfig())
		<-ctx.Done()
		fmt.Println("\nStopping everything.")
		return nil
	}
	fmt.Println("Everything is as the policies want it. Stopping and removing all of it.")
	return nil
}

const keepText = `The cluster keeps running until you press Ctrl-C. In another terminal:

  export KUBECONFIG=%s
  kubectl get pods -A -o wide
  kubectl get nodes -L topology.kubernetes.io/zone,stowage.dev/pool
  kubectl -n demo describe pod atlantis
  # a pod of your own; any name, zone-a to zone-c:
  kubectl -n demo run mine-4 --image=any --labels=stowage.dev/zone=zone-b \
    --overrides='{"spec":{"schedulerName":"stowage"}}'
`

// step tells what is going on, for everything that may take longer than a moment.
func step(text string) { fmt.Println("==> " + text) }
