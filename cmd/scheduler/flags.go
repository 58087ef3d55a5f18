// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	"k8s.io/component-base/term"
	"k8s.io/component-base/version/verflag"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config"
)

// defaultMemory suits a scheduler with a handful of policies. It is a bound and not a reservation: guests take
// what they use.
const defaultMemory = "2Gi"

var leastMemory, mostMemory = resource.MustParse("16Mi"), resource.MustParse("1Pi")

const memoryUsage = "Linear memory that the guests of all policies may have together. A guest that would exceed it " +
	"cannot grow, or is not made; that is a fault of its policy. Memory that guests share with the scheduler to read " +
	"nodes and pods does not count. From 16Mi to 1Pi."

const cacheUsage = "Directory for compiled modules, which then load faster, and for what each policy had when it worked last, " +
	"which it gets if its source is out of reach when the scheduler starts. It is made if it is not there. What is in it is " +
	"run: it must belong to the user who runs the scheduler, and nobody else may write to it. Several schedulers of that user " +
	"may share it. If empty, nothing is kept."

const digestUsage = "Refuse a configuration in which a module is not pinned by module.digest. That includes the modules of " +
	"canaries and shadows."

const signatureUsage = "Refuse a configuration in which a module need not be signed, because it has no module.verify. That " +
	"includes the modules of canaries and shadows."

// memoryFlag is a quantity in the range of --policy-memory.
type memoryFlag struct{ resource.QuantityValue }

// Set is what the flag's parser calls.
func (f *memoryFlag) Set(text string) error {
	q, err := resource.ParseQuantity(text)
	if err != nil || q.Cmp(leastMemory) < 0 || q.Cmp(mostMemory) > 0 {
		return fmt.Errorf("must be a quantity between %v and %v, for example %s", &leastMemory, &mostMemory, defaultMemory)
	}
	f.Quantity = q
	return nil
}

// policyFlags is the values of the flags that kube-scheduler does not have.
type policyFlags struct {
	memory   memoryFlag
	cacheDir string
	rules    config.Rules
}

// addFlags adds kube-scheduler's flags and the policies', which --help lists in a section of their own.
func (s *scheduler) addFlags(cmd *cobra.Command) {
	sections := s.opts.Flags
	verflag.AddFlags(sections.FlagSet("global"))
	globalflag.AddGlobalFlags(sections.FlagSet("global"), cmd.Name(), logs.SkipLoggingConfigurationFlags())
	s.flags.add(sections.FlagSet("policy"))
	for _, section := range sections.FlagSets {
		cmd.Flags().AddFlagSet(section)
	}
	columns, _, _ := term.TerminalSize(cmd.OutOrStdout())
	cliflag.SetUsageAndHelpFunc(cmd, *sections, columns)
}

func (f *policyFlags) add(flags *pflag.FlagSet) {
	f.memory.Quantity = resource.MustParse(defaultMemory)
	flags.Var(&f.memory, "policy-memory", memoryUsage)
	flags.StringVar(&f.cacheDir, "policy-cache-dir", "", cacheUsage)
	flags.BoolVar(&f.rules.Digest, "require-policy-digest", false, digestUsage)
	flags.BoolVar(&f.rules.Signature, "require-policy-signature", false, signatureUsage)
}
