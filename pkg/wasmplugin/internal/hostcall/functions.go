// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"

// functions is our own part of the table.
var functions = []Function{
	{abi.ImportModule, abi.ImportLog, types("iii"), nil, abi.CapabilityLog, log},
	{abi.ImportModule, abi.ImportCount, types("iij"), nil, abi.CapabilityMetrics, count},
	{abi.ImportModule, abi.ImportGauge, types("iid"), nil, abi.CapabilityMetrics, gauge},
	{abi.ImportModule, abi.ImportEvent, types("iiiii"), types("i"), abi.CapabilityEvents, event},
	{abi.ImportModule, abi.ImportUsed, types("iiiii"), types("j"), abi.CapabilityLedger, used},
	{abi.ImportModule, abi.ImportObject, types("iiiiiii"), types("i"), abi.CapabilityObjects, object},
	{abi.ImportModule, abi.ImportWaiting, types("ii"), types("i"), abi.CapabilityWaitingPods, waiting},
	{abi.ImportModule, abi.ImportAllow, types("ii"), types("i"), abi.CapabilityWaitingPods, allow},
	{abi.ImportModule, abi.ImportReject, types("iiii"), types("i"), abi.CapabilityWaitingPods, reject},
	{abi.ImportModule, abi.ImportWake, types("j"), nil, abi.CapabilityWake, wake},
	{abi.ImportModule, abi.ImportDataGet, types("iiii"), types("i"), abi.CapabilitySharedData, dataGet},
	{abi.ImportModule, abi.ImportDataSet, types("iiii"), types("i"), abi.CapabilitySharedData, dataSet},
}
