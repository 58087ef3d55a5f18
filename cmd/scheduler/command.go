// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/component-base/version/verflag"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config"
)

const long = `Stowage is a kube-scheduler whose scheduling policies are WebAssembly modules.

It has all flags and all built-in plugins of kube-scheduler. In the file that --config names, a pluginConfig
whose args are of kind WasmPluginArgs (stowage.dev/v1alpha1) is a policy: a plugin under the name that the
configuration gives it, which profiles enable, order and weigh like any other plugin.

Mistakes in policies are listed, all at once, before anything connects to the cluster.`

// policies makes the plugin factories of policies.
type policies interface {
	// SetMemoryLimit bounds the linear memory of all guests together, in bytes. It comes before any factory runs.
	SetMemoryLimit(bytes int64)
	Factory(policy string) func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error)
}

// newCommand returns the command of kube-scheduler with a plugin for each policy in its configuration file.
func newCommand(host policies) *cobra.Command {
	var names []string
	// The scheduler runs this option after PreRunE, and before it builds the profiles.
	cmd := app.NewSchedulerCommand(func(registry frameworkruntime.Registry) error {
		return register(registry, names, host)
	})
	cmd.Use = "scheduler"
	cmd.Long = long
	memory := addFlags(cmd)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		verflag.PrintAndExitIfRequested()
		host.SetMemoryLimit(memory.Value())
		file, err := cmd.Flags().GetString("config")
		if err != nil || file == "" {
			return err
		}
		names, err = policyNames(file)
		return summarize(cmd.ErrOrStderr(), err)
	}
	return cmd
}

// policyNames lists the policies of the file, each name once however many profiles have it.
func policyNames(file string) ([]string, error) {
	inTree := slices.Collect(maps.Keys(plugins.NewInTreeRegistry()))
	found, err := config.LoadSchedulerConfig(file, inTree...)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, policy := range found {
		names = append(names, policy.Name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func register(registry frameworkruntime.Registry, names []string, host policies) error {
	for _, name := range names {
		if err := registry.Register(name, host.Factory(name)); err != nil {
			return fmt.Errorf("registering policy %q: %w", name, err)
		}
	}
	return nil
}

// summarize prints one line for each problem and returns an error that fits into a line of the log, which is
// where a command's error ends up.
func summarize(out io.Writer, err error) error {
	var all utilerrors.Aggregate
	if !errors.As(err, &all) {
		return err
	}
	problems := all.Errors()
	fmt.Fprintln(out, "The configuration of policies is not valid:")
	for _, problem := range problems {
		fmt.Fprintf(out, "- %v\n", problem)
	}
	return fmt.Errorf("%d problem(s) in the configuration of policies, listed above", len(problems))
}
