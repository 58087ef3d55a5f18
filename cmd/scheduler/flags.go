// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/term"
)

// defaultMemory suits a scheduler with a handful of policies. It is a bound and not a reservation: guests take
// what they use.
const defaultMemory = "2Gi"

var leastMemory, mostMemory = resource.MustParse("16Mi"), resource.MustParse("1Pi")

const memoryUsage = "Linear memory that the guests of all policies may have together. A guest that would exceed it " +
	"cannot grow, or is not made; that is a fault of its policy. Memory that guests share with the scheduler to read " +
	"nodes and pods does not count. From 16Mi to 1Pi."

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

// addFlags adds the flags that kube-scheduler does not have, which --help lists in a section of their own.
func addFlags(cmd *cobra.Command) *memoryFlag {
	memory := &memoryFlag{}
	memory.Quantity = resource.MustParse(defaultMemory)
	var sections cliflag.NamedFlagSets
	own := sections.FlagSet("policy")
	own.Var(memory, "policy-memory", memoryUsage)
	cmd.Flags().AddFlagSet(own)

	cols, _, _ := term.TerminalSize(cmd.OutOrStdout())
	usage, help := cmd.UsageFunc(), cmd.HelpFunc()
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		defer cliflag.PrintSections(cmd.OutOrStderr(), sections, cols)
		return usage(cmd)
	})
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		help(cmd, args)
		cliflag.PrintSections(cmd.OutOrStdout(), sections, cols)
	})
	return memory
}
