// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

func (d *driver) serveQueue(p abi.Points, c *hook.Call) Status {
	switch p {
	case abi.PointPreEnqueue:
		return refuse(d.preenqueuer.PreEnqueue(&d.cycle, &d.pod), CodeSkip, "PreEnqueue")
	case abi.PointQueueSort:
		c.NewState = present(d.sorter.QueueSort(&d.pod).Bytes())
		return Status{}
	case abi.PointSign:
		return d.sign(c)
	}
	d.event.rec = (*abi.Event)(c.Event)
	if d.hinter.QueueingHint(&d.pod, &d.event) == QueueSkip {
		return Status{code: CodeSkip}
	}
	return Status{}
}

// sign takes whatever is not success as a refusal to sign: then nothing is lost but time.
func (d *driver) sign(c *hook.Call) Status {
	signature, s := d.signer.Sign(&d.pod)
	if s.code != CodeSuccess {
		return Unschedulable(s.reason)
	}
	c.NewState = present(signature)
	return s
}

// present tells a blob of no bytes from none.
func present(blob []byte) []byte {
	if blob == nil {
		return []byte{}
	}
	return blob
}

// serveObjects hands over each change. What StartCycle derived may depend on the objects.
func (d *driver) serveObjects(c *hook.Call) Status {
	d.started = false
	for i := range c.ObjectCount {
		d.object.rec = (*abi.Object)(unsafe.Add(c.Objects, uintptr(i)*d.view.stride(abi.RecordObject)))
		d.objects.ObjectChanged(&d.object)
	}
	return Status{}
}
