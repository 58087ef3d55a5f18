// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/tools/cache"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/compatibility"
	"k8s.io/component-base/featuregate"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
)

// run is kube-scheduler's, with what is served replaced between its making and its start.
func (s *scheduler) run(cmd *cobra.Command) error {
	gates := s.opts.ComponentGlobalsRegistry.FeatureGateFor(compatibility.DefaultKubeComponent)
	if err := logsapi.ValidateAndApply(s.opts.Logs, gates); err != nil {
		return err
	}
	cliflag.PrintFlags(cmd.Flags())
	var err error
	// Metrics of informers carry the name that kube-scheduler gives itself, so that dashboards for it work.
	if s.opts.InformerName, err = cache.NewInformerName("kube-scheduler"); err != nil {
		return err
	}
	// Policies follow their sources until the context ends, which it has to before their host is closed.
	ctx, cancel := context.WithCancel(server.SetupSignalContext())
	defer cancel()
	cc, sched, err := app.Setup(ctx, s.opts, s.register)
	if err != nil {
		return err
	}
	if gates, ok := gates.(featuregate.MutableFeatureGate); ok {
		gates.AddMetrics()
	}
	s.opts.ComponentGlobalsRegistry.AddMetrics()
	if cc.SecureServing != nil { // nil with --secure-port=0
		if err := s.serve(cc); err != nil {
			return err
		}
	}
	return app.Run(ctx, cc, sched)
}

// register adds the policies to the plugins. The scheduler calls it when it has its complete configuration, and
// before it makes any plugin.
func (s *scheduler) register(registry frameworkruntime.Registry) error {
	s.host.SetSelf(self(os.Getenv, s.opts.ComponentConfig.LeaderElection))
	return register(registry, s.names, s.host)
}
