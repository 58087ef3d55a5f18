// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Owner reference of a pod.
type Owner struct {
	APIVersion, Kind, Name, UID string
	// Controller is true for the owner that manages the pod.
	Controller bool
}

// Owners of the pod. It needs ReadPodOwners.
func (p *Pod) Owners() iter.Seq[Owner] {
	return seq(p.v, ReadPodOwners, p.rec.Owners, abi.RecordOwner, newOwner)
}

// Controller is the owner that manages the pod, if there is one. It needs ReadPodOwners.
func (p *Pod) Controller() (Owner, bool) {
	p.v.need(ReadPodOwners)
	for o := range p.Owners() {
		if o.Controller {
			return o, true
		}
	}
	return Owner{}, false
}

func newOwner(v *view, o *abi.Owner) Owner {
	return Owner{v.str(o.APIVersion), v.str(o.Kind), v.str(o.Name), v.str(o.UID), o.Controller != 0}
}

// ContainerKind of a container.
type ContainerKind uint32

// Container kinds. A sidecar is an init container that keeps running (restartPolicy: Always).
const (
	ContainerApp     = ContainerKind(abi.ContainerApp)
	ContainerInit    = ContainerKind(abi.ContainerInit)
	ContainerSidecar = ContainerKind(abi.ContainerSidecar)
)

// String is the name of the kind.
func (k ContainerKind) String() string { return name(k, "App", "Init", "Sidecar") }

// Container of a pod.
type Container struct {
	v   *view
	rec *abi.Container
}

// Containers of the pod, init containers first. It needs ReadPodContainers.
func (p *Pod) Containers() iter.Seq[Container] {
	return seq(p.v, ReadPodContainers, p.rec.Containers, abi.RecordContainer, newContainer)
}

func newContainer(v *view, c *abi.Container) Container { return Container{v, c} }

// Name of the container.
func (c Container) Name() string { return c.v.str(c.rec.Name) }

// Image that the container runs.
func (c Container) Image() string { return c.v.str(c.rec.Image) }

// Kind of the container.
func (c Container) Kind() ContainerKind { return ContainerKind(c.rec.Kind) }

// Requests of the container.
func (c Container) Requests() Quantities { return Quantities{v: c.v, list: c.rec.Requests} }

// Limits of the container.
func (c Container) Limits() Quantities { return Quantities{v: c.v, list: c.rec.Limits} }

// Ports of the container.
func (c Container) Ports() iter.Seq[Port] {
	return seq(c.v, always, c.rec.Ports, abi.RecordPort, newPort)
}

// VolumeKind of a volume.
type VolumeKind uint32

// Volume kinds. VolumeOther is any kind that has no name here.
const (
	VolumeOther                 = VolumeKind(abi.VolumeOther)
	VolumePersistentVolumeClaim = VolumeKind(abi.VolumePersistentVolumeClaim)
	VolumeEphemeral             = VolumeKind(abi.VolumeEphemeral)
	VolumeConfigMap             = VolumeKind(abi.VolumeConfigMap)
	VolumeSecret                = VolumeKind(abi.VolumeSecret)
	VolumeEmptyDir              = VolumeKind(abi.VolumeEmptyDir)
	VolumeHostPath              = VolumeKind(abi.VolumeHostPath)
	VolumeProjected             = VolumeKind(abi.VolumeProjected)
	VolumeDownwardAPI           = VolumeKind(abi.VolumeDownwardAPI)
	VolumeCSI                   = VolumeKind(abi.VolumeCSI)
	VolumeNFS                   = VolumeKind(abi.VolumeNFS)
	VolumeImage                 = VolumeKind(abi.VolumeImage)
)

// String is the name of the kind.
func (k VolumeKind) String() string {
	return name(k, "Other", "PersistentVolumeClaim", "Ephemeral", "ConfigMap", "Secret", "EmptyDir",
		"HostPath", "Projected", "DownwardAPI", "CSI", "NFS", "Image")
}

// Volume of a pod.
type Volume struct {
	Name string
	Kind VolumeKind
	// Source is what the volume names: the claim, ConfigMap, Secret, host path, CSI driver, NFS
	// server or image.
	Source string
}

// Volumes of the pod. It needs ReadPodVolumes.
func (p *Pod) Volumes() iter.Seq[Volume] {
	return seq(p.v, ReadPodVolumes, p.rec.Volumes, abi.RecordVolume, newVolume)
}

func newVolume(v *view, o *abi.Volume) Volume {
	return Volume{v.str(o.Name), VolumeKind(o.Kind), v.str(o.Source)}
}
