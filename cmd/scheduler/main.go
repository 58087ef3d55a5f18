// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Command scheduler is kube-scheduler with a plugin for each WebAssembly policy in its configuration.
// It owns the policies' host, which it closes when the scheduler has ended. Beside what kube-scheduler serves it
// serves where policies stand, in /debug/policies and /readyz (endpoints.go, front.go).
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/klog/v2"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
)

func main() {
	host := wasmplugin.NewHost()
	code := cli.Run(newCommand(host))
	if err := host.Close(); err != nil {
		klog.ErrorS(err, "closing the host of policies")
	}
	os.Exit(code)
}
