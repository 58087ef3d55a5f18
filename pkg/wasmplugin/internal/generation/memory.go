// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package generation

import (
	"errors"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// Memory keeps what worked last across restarts of the scheduler.
type Memory interface {
	// Recall returns what was remembered last for the origin; nil if there is nothing.
	Recall(origin string) (*Remembered, error)
	// Remember keeps it in place of what was kept.
	Remember(*Remembered) error
}

// Remembered is content that was made a generation of, as it was fetched: whoever recalls it checks it again.
type Remembered struct {
	// Origin names the sources; content of another origin is not what the operator asks for.
	Origin string
	Module *source.Blob
	// Config is JSON.
	Config []byte
}

// origin names where module and config come from.
func (p *Pipeline) origin() string {
	if p.opts.Config == nil {
		return p.opts.Module.String()
	}
	return p.opts.Module.String() + "; " + p.opts.Config.String()
}

// recall is what worked last; nil if there is nothing. A memory that does not work is as good as none.
func (p *Pipeline) recall() *fetched {
	if p.opts.Memory == nil {
		return nil
	}
	r, err := p.opts.Memory.Recall(p.origin())
	if err != nil {
		p.opts.Report(p.Status(), errors.Join(ErrMemory, err))
	}
	if r == nil {
		return nil
	}
	config := r.Config
	if p.opts.Config == nil {
		config = p.opts.Fixed // what the operator says now
	}
	return &fetched{module: r.Module, config: config, remembered: true}
}

// ErrMemory is reported when what worked cannot be remembered or recalled. It has no effect until a scheduler
// starts while the source is out of reach.
var ErrMemory = errors.New("the cache of policies that work cannot be used")

func (p *Pipeline) remember(f *fetched, config []byte) {
	if p.opts.Memory == nil {
		return
	}
	if err := p.opts.Memory.Remember(&Remembered{p.origin(), f.module, config}); err != nil {
		p.opts.Report(p.Status(), errors.Join(ErrMemory, err))
	}
}
