// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 owns the wire form of WasmPluginArgs, the arguments of one policy in a
// KubeSchedulerConfiguration. There is no internal hub type: this version is also what the code works with.
// The types are plain data: nothing here needs closing, and sharing a value between goroutines is safe as
// long as nobody writes to it. Decoding and validation live in the parent package.
//
// +k8s:deepcopy-gen=package
// +groupName=stowage.dev
package v1alpha1
