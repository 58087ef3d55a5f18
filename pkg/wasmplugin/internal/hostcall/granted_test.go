// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall_test

import (
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

func TestGranted(t *testing.T) {
	for name, tc := range map[string]struct {
		capability string
		granted    []string
		want       bool
	}{
		"none needed":        {"", nil, true},
		"none granted":       {abi.CapabilityLog, nil, false},
		"granted":            {abi.CapabilityLog, []string{"wake", "log"}, true},
		"another":            {abi.CapabilityLog, []string{"logs", "log:all", "LOG"}, false},
		"objects":            {abi.CapabilityObjects, []string{"objects"}, true},
		"objects of a kind":  {abi.CapabilityObjects, []string{"log", "objects:configmaps"}, true},
		"not really objects": {abi.CapabilityObjects, []string{"objectsconfigmaps", "object:configmaps", ":configmaps"}, false},
		"one kind":           {"objects:configmaps", []string{"objects:configmaps.v1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := hostcall.Granted(tc.capability, tc.granted); got != tc.want {
				t.Errorf("Granted(%q, %q) = %t, want %t", tc.capability, tc.granted, got, tc.want)
			}
			if tc.capability != abi.CapabilityObjects {
				return
			}
			c, _ := guest(hostcall.Options{}, tc.granted...)
			if _, err := call(t, c, abi.ImportObject, 0, 0, 0, 0, 0, 0, 0); (err == nil) != tc.want {
				t.Errorf("object = %v", err)
			}
		})
	}
}
