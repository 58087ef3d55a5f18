// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"slices"
	"strings"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// Granted tells whether a policy with those capabilities has the one that a Function needs.
// abi.CapabilityObjects is granted by the resource, and any resource is enough to call the
// function: an object of another resource does not exist for the policy.
func Granted(capability string, granted []string) bool {
	return capability == "" || slices.ContainsFunc(granted, func(g string) bool {
		return g == capability || capability == abi.CapabilityObjects && strings.HasPrefix(g, capability+":")
	})
}
