// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// Source is a kind of cluster objects, and which of them. Equal Sources share one watch.
type Source struct {
	Resource schema.GroupVersionResource
	// Namespace, LabelSelector and FieldSelector restrict which objects; empty ones do not.
	Namespace, LabelSelector, FieldSelector string
}

// ParseSource reads a resource written as "<plural>.<version>[.<group>]" ("configmaps.v1",
// "elasticquotas.v1alpha1.scheduling.x-k8s.io") and the restrictions, which may be empty.
// Selectors come out in one spelling, so that those that mean the same are equal.
func ParseSource(resource, namespace, labelSelector, fieldSelector string) (Source, error) {
	gvr, err := parseResource(resource)
	if err != nil {
		return Source{}, fmt.Errorf("parsing resource %q: %w", resource, err)
	}
	if bad := validation.IsDNS1123Label(namespace); namespace != "" && bad != nil {
		return Source{}, fmt.Errorf("parsing namespace %q: %s", namespace, bad[0])
	}
	l, err := labels.Parse(labelSelector)
	if err != nil {
		return Source{}, fmt.Errorf("parsing label selector %q: %w", labelSelector, err)
	}
	f, err := fields.ParseSelector(fieldSelector)
	if err != nil {
		return Source{}, fmt.Errorf("parsing field selector %q: %w", fieldSelector, err)
	}
	return Source{gvr, namespace, l.String(), f.String()}, nil
}

// looksLikeVersion is stricter than the API server. What people forget is the version, and then
// the first part of the group would pass for one that is never going to be installed.
var looksLikeVersion = regexp.MustCompile(`^v[0-9][a-z0-9-]*$`)

func parseResource(resource string) (gvr schema.GroupVersionResource, err error) {
	plural, rest, _ := strings.Cut(resource, ".")
	version, group, grouped := strings.Cut(rest, ".")
	switch {
	case validation.IsDNS1035Label(plural) != nil:
		return gvr, fmt.Errorf("%q is not the plural name of a resource; write <plural>.<version>[.<group>]", plural)
	case rest == "":
		return gvr, errors.New("it has no version; write <plural>.<version>[.<group>]")
	case !looksLikeVersion.MatchString(version):
		return gvr, fmt.Errorf("%q is not a version like v1 or v1alpha1; write <plural>.<version>[.<group>]", version)
	case grouped && validation.IsDNS1123Subdomain(group) != nil:
		return gvr, fmt.Errorf("%q is not an API group", group)
	case group == "core":
		return gvr, fmt.Errorf("the core group has no name; write %s.%s", plural, version)
	}
	return schema.GroupVersionResource{Group: group, Version: version, Resource: plural}, nil
}

// Capability is what an operator grants for the resource to be watched, as "objects:configmaps".
func (s Source) Capability() string {
	return abi.CapabilityObjects + ":" + s.Resource.GroupResource().String()
}

// String is the resource as ParseSource reads it, and the restrictions.
func (s Source) String() string {
	out := s.Resource.Resource + "." + s.Resource.Version
	if s.Resource.Group != "" {
		out += "." + s.Resource.Group
	}
	if s.Namespace != "" {
		out += " in namespace " + s.Namespace
	}
	if s.LabelSelector != "" {
		out += " with labels " + s.LabelSelector
	}
	if s.FieldSelector != "" {
		out += " with fields " + s.FieldSelector
	}
	return out
}

// check tells whether ParseSource could have made s.
func (s Source) check() error {
	bare := Source{Resource: s.Resource}
	_, err := ParseSource(bare.String(), s.Namespace, s.LabelSelector, s.FieldSelector)
	return err
}
