// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import "fmt"

// Features that are refused, by the names of their proposals.
const (
	FeatureThreads         = "threads"
	FeatureTailCalls       = "tail calls"
	FeatureExceptions      = "exception handling"
	FeatureGC              = "garbage collection"
	FeatureFuncRefs        = "typed function references"
	FeatureMemory64        = "memory64"
	FeatureRelaxedSIMD     = "relaxed SIMD"
	FeatureMultiMemory     = "multiple memories"
	FeatureExtendedConst   = "extended constant expressions"
	FeatureWideArithmetic  = "wide arithmetic"
	FeatureCustomPageSizes = "custom page sizes"
	FeatureStackSwitching  = "stack switching"
)

// refuse fails for a feature that is used at an offset.
func (r *Reader) refuse(offset int, feature, format string, args ...any) {
	r.fail(&Error{Offset: offset, Feature: feature, Problem: fmt.Sprintf(format, args...) + " needs " + feature + ", which is not supported"})
}

// featureOfOpcode is the feature that brings an opcode which this package does not decode.
func featureOfOpcode(op byte) string {
	switch {
	case op == 0xfe:
		return FeatureThreads
	case op == 0x12, op == 0x13:
		return FeatureTailCalls
	case op >= 0x06 && op <= 0x0a, op == 0x18, op == 0x19, op == 0x1f:
		return FeatureExceptions
	case op == 0xfb, op == 0xd3:
		return FeatureGC
	case op == 0x14, op == 0x15, op >= 0xd4 && op <= 0xd6:
		return FeatureFuncRefs
	case op >= 0xe0 && op <= 0xe6:
		return FeatureStackSwitching
	}
	return ""
}

// featureOfPrefixed is the same after the prefixes 0xfc and 0xfd.
func featureOfPrefixed(prefix byte, n uint32) string {
	switch {
	case prefix == 0xfd && n >= 0x100 && n <= 0x1ff:
		return FeatureRelaxedSIMD
	case prefix == 0xfc && n >= 0x13 && n <= 0x16:
		return FeatureWideArithmetic
	}
	return ""
}

// featureOfType is the feature that brings a value type which this package does not decode.
func featureOfType(t byte) string {
	switch t {
	case 0x69, 0x74:
		return FeatureExceptions
	case 0x63, 0x64:
		return FeatureFuncRefs
	case 0x68, 0x75:
		return FeatureStackSwitching
	case 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73, 0x77, 0x78:
		return FeatureGC
	}
	return ""
}

// featureOfForm is the feature that brings a form of type other than a function's.
func featureOfForm(form byte) string {
	switch form {
	case 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
		return FeatureGC
	case 0x5d:
		return FeatureStackSwitching
	}
	return ""
}

// featureOfLimits is the feature that brings flags of limits.
func featureOfLimits(flags byte) string {
	switch {
	case flags > 0x0f:
		return ""
	case flags&8 != 0:
		return FeatureCustomPageSizes
	case flags&4 != 0:
		return FeatureMemory64
	}
	return FeatureThreads
}
