// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cycles

import (
	"errors"
	"fmt"

	"k8s.io/client-go/informers"
	"k8s.io/kubernetes/pkg/scheduler"
	schedconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
	"github.com/stowage-scheduler/stowage/test/perf/extender"
	"github.com/stowage-scheduler/stowage/test/perf/native"
	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// Variants of a scheduler.
const (
	None     = "none"
	Native   = "native"
	Wasm     = "wasm"
	Extender = "extender"
)

// Variants is all of them.
var Variants = []string{None, Native, Wasm, Extender}

// setup is what a variant adds to a scheduler and what must be closed after it.
type setup struct {
	options []scheduler.Option
	closers []func() error
}

func (s *setup) close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

func variant(o Options, factory informers.SharedInformerFactory) (*setup, error) {
	config, err := latest.Default()
	if err != nil {
		return nil, fmt.Errorf("defaulting a configuration: %w", err)
	}
	s := &setup{}
	switch o.Variant {
	case None:
	case Native:
		s.plugin(&config.Profiles[0], native.New, schedconfig.PluginConfig{})
	case Wasm:
		host := wasmplugin.NewHost()
		s.closers = append(s.closers, host.Close)
		s.plugin(&config.Profiles[0], host.Factory(native.Name),
			schedconfig.PluginConfig{Name: native.Name, Args: world.Args(o.Module)})
	case Extender:
		err = s.extender(factory)
	default:
		err = fmt.Errorf("variant %q is not one of %v", o.Variant, Variants)
	}
	s.options = append(s.options, scheduler.WithProfiles(config.Profiles...))
	return s, err
}

// plugin adds the policy to the default profile.
func (s *setup) plugin(p *schedconfig.KubeSchedulerProfile, factory frameworkruntime.PluginFactory, config schedconfig.PluginConfig) {
	s.options = append(s.options, scheduler.WithFrameworkOutOfTreeRegistry(frameworkruntime.Registry{native.Name: factory}))
	enabled := &p.Plugins.MultiPoint.Enabled
	*enabled = append(*enabled, schedconfig.Plugin{Name: native.Name, Weight: 1})
	if config.Name != "" {
		p.PluginConfig = append(p.PluginConfig, config)
	}
}

func (s *setup) extender(factory informers.SharedInformerFactory) error {
	known := extender.NewCache()
	if err := known.Follow(factory); err != nil {
		return fmt.Errorf("following the cluster: %w", err)
	}
	config, stop, err := extender.Start(known)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, stop)
	s.options = append(s.options, scheduler.WithExtenders(config))
	return nil
}
