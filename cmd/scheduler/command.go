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
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/component-base/version/verflag"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config"
)

const long = `Stowage is a kube-scheduler whose scheduling policies are WebAssembly modules.

It has all flags and all built-in plugins of kube-scheduler. In the file that --config names, a pluginConfig
whose args are of kind WasmPluginArgs (stowage.dev/v1alpha1) is a policy: a plugin under the name that the
configuration gives it, which profiles enable, order and weigh like any other plugin.

Mistakes in policies are listed, all at once, before anything connects to the cluster.`

// policies is what the scheduler needs of the policies' host.
type policies interface {
	// SetMemoryLimit bounds the linear memory of all guests together, in bytes. It comes before any factory runs.
	SetMemoryLimit(bytes int64)
	// SetCacheDir has modules cached on disk. It comes before any factory runs.
	SetCacheDir(dir string)
	// SetSelf says what events about policies are about. It comes before any factory runs.
	SetSelf(self *v1.ObjectReference)
	Factory(policy string) func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error)
	// Policies is where all policies stand. It and Ready may be called concurrently, with everything.
	Policies() []wasmplugin.PolicyStatus
	// Ready is nil if no pod has to wait for a policy's module.
	Ready() error
}

// scheduler is what the parts of one run of the command share.
type scheduler struct {
	host  policies
	opts  *options.Options
	flags policyFlags
	// names are the policies in the configuration file.
	names []string
}

// newCommand returns the command of kube-scheduler with a plugin for each policy in its configuration file. It is
// put together from kube-scheduler's options, and not taken from app.NewSchedulerCommand, because that one keeps
// to itself what it serves with.
func newCommand(host policies) *cobra.Command {
	s := &scheduler{host: host, opts: options.NewOptions()}
	cmd := &cobra.Command{
		Use:               "scheduler",
		Long:              long,
		Args:              cobra.ExactArgs(0),
		PersistentPreRunE: func(*cobra.Command, []string) error { return s.opts.ComponentGlobalsRegistry.Set() },
		PreRunE:           func(cmd *cobra.Command, _ []string) error { return s.prepare(cmd) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.addFlags(cmd)
	return cmd
}

// prepare reads the policies, so that mistakes are told before anything is started.
func (s *scheduler) prepare(cmd *cobra.Command) error {
	verflag.PrintAndExitIfRequested()
	s.host.SetMemoryLimit(s.flags.memory.Value())
	if s.flags.cacheDir != "" {
		s.host.SetCacheDir(s.flags.cacheDir)
	}
	if s.opts.ConfigFile == "" {
		return nil
	}
	rules := s.flags.rules
	rules.Reserved = slices.Collect(maps.Keys(plugins.NewInTreeRegistry()))
	found, err := rules.LoadSchedulerConfig(s.opts.ConfigFile)
	s.names = policyNames(found)
	return summarize(cmd.ErrOrStderr(), err)
}

// policyNames is the names of policies, each once however many profiles have it.
func policyNames(found []config.Policy) []string {
	var names []string
	for _, policy := range found {
		names = append(names, policy.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
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
