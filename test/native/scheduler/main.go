// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Command scheduler is kube-scheduler with the plugin of test/native/plugin beside its own, and nothing
// of Stowage.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"

	"github.com/stowage-scheduler/stowage/test/native/plugin"
	"github.com/stowage-scheduler/stowage/test/native/rules"
)

func main() {
	os.Exit(cli.Run(app.NewSchedulerCommand(app.WithPlugin(rules.Name, plugin.New))))
}
