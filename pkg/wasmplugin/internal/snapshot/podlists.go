// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

func ownerList(s sink, pod *v1.Pod) abi.List {
	l := newGrowing[abi.Owner](s, len(pod.OwnerReferences))
	for i := range pod.OwnerReferences {
		o := &pod.OwnerReferences[i]
		rec := abi.Owner{APIVersion: s.str(o.APIVersion), Kind: s.str(o.Kind), Name: s.str(o.Name), UID: s.str(string(o.UID))}
		if o.Controller != nil && *o.Controller {
			rec.Controller = 1
		}
		l.set(i, rec)
	}
	return l.list
}

var tolerationOps = map[v1.TolerationOperator]abi.Operator{
	"":                    abi.OpEqual,
	v1.TolerationOpEqual:  abi.OpEqual,
	v1.TolerationOpExists: abi.OpExists,
	v1.TolerationOpGt:     abi.OpGt,
	v1.TolerationOpLt:     abi.OpLt,
}

func tolerationList(s sink, tolerations []v1.Toleration) abi.List {
	l := newGrowing[abi.Toleration](s, len(tolerations))
	for i := range tolerations {
		t := &tolerations[i]
		rec := abi.Toleration{
			Key: s.str(t.Key), Value: s.str(t.Value),
			Op: tolerationOps[t.Operator], Effect: effects[t.Effect], Seconds: -1,
		}
		if t.TolerationSeconds != nil {
			rec.Seconds = *t.TolerationSeconds
		}
		l.set(i, rec)
	}
	return l.list
}

func containerList(s sink, spec *v1.PodSpec) abi.List {
	l := newGrowing[abi.Container](s, len(spec.InitContainers)+len(spec.Containers))
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		kind := abi.ContainerInit
		if c.RestartPolicy != nil && *c.RestartPolicy == v1.ContainerRestartPolicyAlways {
			kind = abi.ContainerSidecar
		}
		l.set(i, container(s, c, kind))
	}
	for i := range spec.Containers {
		l.set(len(spec.InitContainers)+i, container(s, &spec.Containers[i], abi.ContainerApp))
	}
	return l.list
}

func container(s sink, c *v1.Container, kind abi.ContainerKind) abi.Container {
	return abi.Container{
		Name: s.str(c.Name), Image: s.str(c.Image), Kind: kind,
		Requests: quantityList(s, amounts(c.Resources.Requests)),
		Limits:   quantityList(s, amounts(c.Resources.Limits)),
		Ports:    containerPortList(s, c.Ports),
	}
}

// amounts is a resource list in the units that records use.
func amounts(list v1.ResourceList) map[v1.ResourceName]int64 {
	m := make(map[v1.ResourceName]int64, len(list))
	for name, q := range list {
		if name == v1.ResourceCPU {
			m[name] = q.MilliValue()
		} else {
			m[name] = q.Value()
		}
	}
	return m
}

func containerPortList(s sink, ports []v1.ContainerPort) abi.List {
	l := newGrowing[abi.Port](s, len(ports))
	for i := range ports {
		p := &ports[i]
		ip := s.str(p.HostIP)
		l.set(i, abi.Port{
			HostIP: ip, Protocol: protocols[string(p.Protocol)],
			Host: uint32(max(0, p.HostPort)), Container: uint32(max(0, p.ContainerPort)),
		})
	}
	return l.list
}

func volumeList(s sink, volumes []v1.Volume) abi.List {
	l := newGrowing[abi.Volume](s, len(volumes))
	for i := range volumes {
		kind, source := volumeSource(&volumes[i].VolumeSource)
		name, from := s.str(volumes[i].Name), s.str(source)
		l.set(i, abi.Volume{Name: name, Source: from, Kind: kind})
	}
	return l.list
}

func volumeSource(v *v1.VolumeSource) (abi.VolumeKind, string) {
	switch {
	case v.PersistentVolumeClaim != nil:
		return abi.VolumePersistentVolumeClaim, v.PersistentVolumeClaim.ClaimName
	case v.Ephemeral != nil:
		return abi.VolumeEphemeral, ""
	case v.ConfigMap != nil:
		return abi.VolumeConfigMap, v.ConfigMap.Name
	case v.Secret != nil:
		return abi.VolumeSecret, v.Secret.SecretName
	case v.EmptyDir != nil:
		return abi.VolumeEmptyDir, ""
	case v.HostPath != nil:
		return abi.VolumeHostPath, v.HostPath.Path
	case v.Projected != nil:
		return abi.VolumeProjected, ""
	case v.DownwardAPI != nil:
		return abi.VolumeDownwardAPI, ""
	case v.CSI != nil:
		return abi.VolumeCSI, v.CSI.Driver
	case v.NFS != nil:
		return abi.VolumeNFS, v.NFS.Server
	case v.Image != nil:
		return abi.VolumeImage, v.Image.Reference
	}
	return abi.VolumeOther, ""
}
