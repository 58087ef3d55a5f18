// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

// Used is what all pods of an account that are on nodes request of a resource, with those that are
// reserved: CPU in milli-cores, everything else in whole units; of "pods" it is their number. The source
// is an index in Needs.Accounts; another one is a fault. An account that has no pods uses nothing. The
// policy needs the capability "ledger"; one that does not call it does not import it.
func Used(source int, account, resource string) int64 {
	return hostUsed(uint32(source), account, resource)
}
