// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "github.com/stowage-scheduler/stowage/sdk/go/internal/abi"

// Pod is the pod that is being scheduled. Like a Node it is a view; it and its strings are
// valid until the next StartCycle.
type Pod struct {
	v   *view
	rec *abi.PodRecord
}

// Name of the pod.
func (p *Pod) Name() string { return p.v.str(p.rec.Name) }

// Namespace of the pod.
func (p *Pod) Namespace() string { return p.v.str(p.rec.Namespace) }

// UID of the pod.
func (p *Pod) UID() string { return p.v.str(p.rec.UID) }

// SchedulerName is the profile that schedules the pod.
func (p *Pod) SchedulerName() string { return p.v.str(p.rec.SchedulerName) }

// PriorityClass is the name of the pod's priority class.
func (p *Pod) PriorityClass() string { return p.v.str(p.rec.PriorityClass) }

// Priority of the pod.
func (p *Pod) Priority() int32 { return p.rec.Priority }

// ServiceAccount that the pod runs as.
func (p *Pod) ServiceAccount() string { return p.v.str(p.rec.ServiceAccount) }

// RuntimeClass is the name of the pod's runtime class; "" if it has none.
func (p *Pod) RuntimeClass() string { return p.v.str(p.rec.RuntimeClass) }

// NominatedNode is where preemption made room for the pod; "" if it did not.
func (p *Pod) NominatedNode() string { return p.v.str(p.rec.NominatedNode) }

// NodeName is the node that the pod is on; "" for one that is being scheduled.
func (p *Pod) NodeName() string { return p.v.str(p.rec.NodeName) }

// CreatedUnixNano is when the pod was created. It is no time.Time because package time would add
// 250 kB to every module; time.Unix(0, n) makes one.
func (p *Pod) CreatedUnixNano() int64 { return p.rec.CreatedUnixNano }

// TerminationGraceSeconds is how long the pod may take to end.
func (p *Pod) TerminationGraceSeconds() int64 { return int64(p.rec.TerminationGraceSecs) }

// HostNetwork reports whether the pod uses the node's network.
func (p *Pod) HostNetwork() bool { return p.rec.Flags&abi.PodHostNetwork != 0 }

// HostPID reports whether the pod uses the node's process namespace.
func (p *Pod) HostPID() bool { return p.rec.Flags&abi.PodHostPID != 0 }

// HostIPC reports whether the pod uses the node's IPC namespace.
func (p *Pod) HostIPC() bool { return p.rec.Flags&abi.PodHostIPC != 0 }

// NeverPreempts reports whether the pod's preemptionPolicy is Never.
func (p *Pod) NeverPreempts() bool { return p.rec.Flags&abi.PodNeverPreempts != 0 }

// Terminating reports whether the pod is being deleted.
func (p *Pod) Terminating() bool { return p.rec.Flags&abi.PodTerminating != 0 }

// Requests is the pod's total as Kubernetes counts it: sidecars, init containers, pod-level
// resources and overhead included.
func (p *Pod) Requests() Quantities {
	return Quantities{p.v, &p.rec.Requests, p.rec.ExtendedRequests}
}

// Limits is the pod's total, counted likewise.
func (p *Pod) Limits() Quantities {
	return Quantities{p.v, &p.rec.Limits, p.rec.ExtendedLimits}
}

// Label looks a label up. It needs ReadPodLabels.
func (p *Pod) Label(key string) (string, bool) {
	return p.v.label(ReadPodLabels, p.rec.Labels, key)
}

// Labels of the pod. It needs ReadPodLabels.
func (p *Pod) Labels() Labels {
	p.v.need(ReadPodLabels)
	return Labels{p.v, p.rec.Labels}
}

// Annotation looks an annotation up. It needs ReadPodAnnotations.
func (p *Pod) Annotation(key string) (string, bool) {
	return p.v.label(ReadPodAnnotations, p.rec.Annotations, key)
}

// Annotations of the pod. It needs ReadPodAnnotations.
func (p *Pod) Annotations() Labels {
	p.v.need(ReadPodAnnotations)
	return Labels{p.v, p.rec.Annotations}
}
