// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

func (d *driver) serveBinding(p abi.Points, c *hook.Call) Status {
	d.node.move(&d.view, c.Slots[0])
	switch p {
	case abi.PointReserve:
		return d.reserve(c)
	case abi.PointPermit:
		return d.permit(c)
	case abi.PointPreBindPreFlight:
		return onlySkip(d.preflighter.PreBindPreFlight(&d.cycle, &d.pod, &d.node))
	case abi.PointPreBind:
		return refuse(d.prebinder.PreBind(&d.cycle, &d.pod, &d.node), CodeSkip, "PreBind")
	case abi.PointBind:
		return d.bind(c)
	}
	d.postbinder.PostBind(&d.cycle, &d.pod, &d.node)
	return Status{}
}

func (d *driver) reserve(c *hook.Call) Status {
	if c.Undo {
		d.reserver.Unreserve(&d.cycle, &d.pod, &d.node)
		return Status{}
	}
	return refuse(d.reserver.Reserve(&d.cycle, &d.pod, &d.node), CodeSkip, "Reserve")
}

func (d *driver) permit(c *hook.Call) Status {
	r := d.permitter.Permit(&d.cycle, &d.pod, &d.node)
	c.TimeoutNanos, c.Key = int64(r.timeout), r.key
	return refuse(r.status, CodeSkip, "Permit")
}

func (d *driver) bind(c *hook.Call) Status {
	r, s := d.binder.Bind(&d.cycle, &d.pod, &d.node)
	for _, a := range r.Annotations {
		c.Annotations = append(c.Annotations, hook.Annotation(a))
	}
	if s.code == CodeSkip {
		return s
	}
	return asError(s)
}

// onlySkip panics if PreBindPreFlight returns what PreBind is for.
func onlySkip(s Status) Status {
	if s.code != CodeSuccess && s.code != CodeSkip {
		return refuse(s, s.code, "PreBindPreFlight")
	}
	return s
}
