// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"maps"
	"time"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Pod is what the policy will see as the pod to schedule, or as a pod on a node. Its methods
// change it and return it.
type Pod struct {
	name, namespace, uid, schedulerName, priorityClass string
	serviceAccount, runtimeClass, nominatedNode, node  string
	priority                                           int32
	flags                                              abi.PodFlags
	created                                            time.Time
	graceSeconds                                       uint32
	labels, annotations, nodeSelector                  map[string]string
	requests, limits                                   map[string]int64
	containers                                         []Container
	volumes                                            []stowage.Volume
	owners                                             []stowage.Owner
	tolerations                                        []Toleration
	requiresNode                                       bool
	requiredNode, preferredNode                        []NodeTerm
	podAffinity, podAnti                               podTerms
	spread                                             []Spread
}

type podTerms struct{ required, preferred []PodTerm }

// MakePod makes a pod in the namespace default.
func MakePod(name string) *Pod {
	return &Pod{
		name:           name,
		namespace:      "default",
		uid:            "uid-" + name,
		schedulerName:  "stowage",
		serviceAccount: "default",
		graceSeconds:   30,
		created:        time.Unix(0, 0),
		labels:         map[string]string{},
		annotations:    map[string]string{},
		nodeSelector:   map[string]string{},
		requests:       map[string]int64{},
		limits:         map[string]int64{},
	}
}

// Name of the pod.
func (p *Pod) Name() string { return p.name }

// Namespace sets the namespace.
func (p *Pod) Namespace(namespace string) *Pod { p.namespace = namespace; return p }

// UID sets the UID.
func (p *Pod) UID(uid string) *Pod { p.uid = uid; return p }

// SchedulerName sets the scheduler's name.
func (p *Pod) SchedulerName(name string) *Pod { p.schedulerName = name; return p }

// Priority sets the priority.
func (p *Pod) Priority(priority int32) *Pod { p.priority = priority; return p }

// PriorityClass sets the name of the priority class.
func (p *Pod) PriorityClass(name string) *Pod { p.priorityClass = name; return p }

// ServiceAccount sets the service account.
func (p *Pod) ServiceAccount(name string) *Pod { p.serviceAccount = name; return p }

// RuntimeClass sets the runtime class.
func (p *Pod) RuntimeClass(name string) *Pod { p.runtimeClass = name; return p }

// NominatedNode sets the node that preemption made room on.
func (p *Pod) NominatedNode(name string) *Pod { p.nominatedNode = name; return p }

// NodeName puts the pod on a node, as other pods than the one that is scheduled are.
func (p *Pod) NodeName(name string) *Pod { p.node = name; return p }

// Created sets the creation time.
func (p *Pod) Created(t time.Time) *Pod { p.created = t; return p }

// TerminationGraceSeconds sets how long the pod may take to end.
func (p *Pod) TerminationGraceSeconds(s uint32) *Pod { p.graceSeconds = s; return p }

// HostNetwork puts the pod on the node's network.
func (p *Pod) HostNetwork() *Pod { p.flags |= abi.PodHostNetwork; return p }

// HostPID puts the pod into the node's process namespace.
func (p *Pod) HostPID() *Pod { p.flags |= abi.PodHostPID; return p }

// HostIPC puts the pod into the node's IPC namespace.
func (p *Pod) HostIPC() *Pod { p.flags |= abi.PodHostIPC; return p }

// NeverPreempts sets preemptionPolicy: Never.
func (p *Pod) NeverPreempts() *Pod { p.flags |= abi.PodNeverPreempts; return p }

// Terminating marks the pod as being deleted.
func (p *Pod) Terminating() *Pod { p.flags |= abi.PodTerminating; return p }

// Label sets a label.
func (p *Pod) Label(key, value string) *Pod { p.labels[key] = value; return p }

// Annotation sets an annotation.
func (p *Pod) Annotation(key, value string) *Pod { p.annotations[key] = value; return p }

// Request adds to the pod's total request of a resource, as a Kubernetes quantity.
func (p *Pod) Request(resource, quantity string) *Pod {
	p.requests[resource] += parse(resource, quantity)
	return p
}

// Limit adds to the pod's total limit of a resource, as a Kubernetes quantity.
func (p *Pod) Limit(resource, quantity string) *Pod {
	p.limits[resource] += parse(resource, quantity)
	return p
}

// Container of a pod; amounts are Kubernetes quantities by resource.
type Container struct {
	Name, Image      string
	Kind             stowage.ContainerKind
	Requests, Limits map[string]string
	Ports            []stowage.Port
}

// Container adds a container. Its requests and limits add to the pod's totals; those of an
// init container count as far as they exceed the sum of the others.
func (p *Pod) Container(c Container) *Pod { p.containers = append(p.containers, c); return p }

// Volume adds a volume.
func (p *Pod) Volume(v stowage.Volume) *Pod { p.volumes = append(p.volumes, v); return p }

// Owner adds an owner reference.
func (p *Pod) Owner(o stowage.Owner) *Pod { p.owners = append(p.owners, o); return p }

func requestsOf(c Container) map[string]string { return c.Requests }
func limitsOf(c Container) map[string]string   { return c.Limits }

// total adds the containers' amounts to the pod's own.
func (p *Pod) total(own map[string]int64, of func(Container) map[string]string) map[string]int64 {
	sum, most := maps.Clone(own), map[string]int64{}
	for _, c := range p.containers {
		for name, quantity := range of(c) {
			if amount := parse(name, quantity); c.Kind == stowage.ContainerInit {
				most[name] = max(most[name], amount)
			} else {
				sum[name] += amount
			}
		}
	}
	for name, amount := range most {
		sum[name] = max(sum[name], amount)
	}
	return sum
}
