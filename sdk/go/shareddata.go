// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// All instances of a policy share the data under a key for as long as the scheduler runs. Another
// instance may change it between two calls, so it is for what may be a little wrong, or what only one kind of
// call changes. The policy needs the capability "sharedData"; one that calls neither of these does not
// import them.

// SharedData is what SetSharedData stored under a key, valid until the next SharedData; false if there is
// nothing.
func SharedData(key string) ([]byte, bool) {
	for {
		n := hostDataGet(key, unsafe.SliceData(dataRoom), uint32(len(dataRoom)))
		if n == abi.Absent {
			return nil, false
		}
		if int(n) <= len(dataRoom) {
			return dataRoom[:n:n], true
		}
		dataRoom = make([]byte, n+n/2)
	}
}

// SetSharedData stores a value of at most 4 KiB, or removes it if it is empty; a key has at most 256 bytes.
// It returns false if there is no room for it.
func SetSharedData(key string, value []byte) bool {
	return hostDataSet(key, unsafe.SliceData(value), uint32(len(value))) == abi.DataStored
}

// dataRoom is where the host puts values.
var dataRoom []byte
