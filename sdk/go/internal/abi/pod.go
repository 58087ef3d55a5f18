// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package abi

// PodFlags of a pod.
type PodFlags uint32

// Bits of PodFlags.
const (
	PodHostNetwork PodFlags = 1 << iota
	PodHostPID
	PodHostIPC
	// PodNeverPreempts is preemptionPolicy: Never.
	PodNeverPreempts
	// PodTerminating is a pod with a deletion timestamp.
	PodTerminating
)

// PodRecord is the pod that is being scheduled (RecordPod).
type PodRecord struct {
	Name, Namespace, UID Str
	SchedulerName        Str
	PriorityClass        Str
	ServiceAccount       Str
	RuntimeClass         Str
	// NominatedNode is where preemption made room for the pod, if it did.
	NominatedNode Str
	Priority      int32
	Flags         PodFlags
	// CreatedUnixNano is the creation time.
	CreatedUnixNano int64
	// Requests and Limits in total: sidecars, init containers, pod-level resources and
	// overhead as Kubernetes counts them.
	Requests, Limits                 Resources
	ExtendedRequests, ExtendedLimits List // Quantity, sorted by name
	Labels, Annotations              List // Label, sorted by key
	Owners                           List // Owner
	NodeSelector                     List // Label, sorted by key
	Tolerations                      List // Toleration
	// RequiredNodeTerms are alternatives; HasRequiredNodeTerms tells an absent requirement
	// from an empty one, which matches nothing.
	RequiredNodeTerms    List // NodeTerm
	PreferredNodeTerms   List // NodeTerm
	RequiredPodAffinity  List // PodTerm
	PreferredPodAffinity List // PodTerm
	RequiredPodAnti      List // PodTerm
	PreferredPodAnti     List // PodTerm
	Spread               List // Spread
	Containers           List // Container, init containers first
	Volumes              List // Volume
	HasRequiredNodeTerms uint32
	TerminationGraceSecs uint32
	// NodeName is the node that the pod is on; empty for one that is being scheduled.
	NodeName Str
}

// Owner reference.
type Owner struct {
	APIVersion, Kind, Name, UID Str
	// Controller is 1 for the managing controller.
	Controller uint32
	_          uint32
}

// Operator of a toleration or expression.
type Operator uint32

// Operators.
const (
	OpIn Operator = iota
	OpNotIn
	OpExists
	OpDoesNotExist
	OpGt
	OpLt
	OpEqual
)

// Toleration of a pod. Seconds is -1 if it does not end.
type Toleration struct {
	Key, Value Str
	Op         Operator
	Effect     Effect
	Seconds    int64
}

// Expression of a selector.
type Expression struct {
	Key    Str
	Values List // Str
	Op     Operator
	_      uint32
}

// NodeTerm is a node selector term: all expressions on labels and fields must hold. Weight is
// 0 in a required term.
type NodeTerm struct {
	Labels List // Expression
	Fields List // Expression
	Weight int32
	_      uint32
}

// Bits of PodTerm.Flags and Spread.Flags.
const (
	// TermHasSelector tells an absent selector (matches nothing) from an empty one (everything).
	TermHasSelector uint32 = 1 << iota
	// TermHasNamespaceSelector likewise for the namespace selector.
	TermHasNamespaceSelector
	// SpreadDoNotSchedule is whenUnsatisfiable: DoNotSchedule.
	SpreadDoNotSchedule
)

// PodTerm is a pod (anti-)affinity term. A selector's matchLabels are expressions with OpIn.
type PodTerm struct {
	TopologyKey       Str
	Selector          List // Expression
	Namespaces        List // Str
	NamespaceSelector List // Expression
	Weight            int32
	Flags             uint32
}

// Spread is a topology spread constraint.
type Spread struct {
	TopologyKey Str
	Selector    List // Expression
	MaxSkew     int32
	MinDomains  int32
	Flags       uint32
	_           uint32
}

// ContainerKind of a container.
type ContainerKind uint32

// Container kinds. A sidecar is an init container with restartPolicy: Always.
const (
	ContainerApp ContainerKind = iota
	ContainerInit
	ContainerSidecar
)

// Container of a pod.
type Container struct {
	Name, Image      Str
	Kind             ContainerKind
	_                uint32
	Requests, Limits List // Quantity, sorted by name
	Ports            List // Port
}

// VolumeKind of a volume.
type VolumeKind uint32

// Volume kinds; VolumeOther is any that has no number of its own.
const (
	VolumeOther VolumeKind = iota
	VolumePersistentVolumeClaim
	VolumeEphemeral
	VolumeConfigMap
	VolumeSecret
	VolumeEmptyDir
	VolumeHostPath
	VolumeProjected
	VolumeDownwardAPI
	VolumeCSI
	VolumeNFS
	VolumeImage
)

// Volume of a pod. Source is what it names: the claim, ConfigMap, Secret, host path, CSI
// driver, NFS server or image.
type Volume struct {
	Name, Source Str
	Kind         VolumeKind
	_            uint32
}
