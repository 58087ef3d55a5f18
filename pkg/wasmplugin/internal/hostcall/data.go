// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"

// maxValue is the most bytes of a value that a policy's instances share. All of them together are
// for the host to limit.
const maxValue = 4 << 10

// dataGet (key address, length, room address, length) -> length or Absent.
func dataGet(c *Caller, stack []uint64) error {
	key, err := c.key(abi.ImportDataGet, stack)
	if err != nil {
		return err
	}
	room, err := c.room(abi.ImportDataGet, stack[2], stack[3])
	if err != nil {
		return err
	}
	stack[0] = uint64(abi.Absent)
	if value, found := c.services.opts.DataGet(key); found {
		stack[0] = uint64(c.fill(room, value))
	}
	return nil
}

// dataSet (key address, length, value address, length) -> DataStored or DataFull.
func dataSet(c *Caller, stack []uint64) error {
	key, err := c.key(abi.ImportDataSet, stack)
	if err != nil {
		return err
	}
	value, err := c.text(abi.ImportDataSet, "value", stack[2], stack[3], maxValue)
	if err != nil {
		return err
	}
	if len(value) > maxValue {
		return misuse(abi.ImportDataSet, "value of %q has %d bytes, want at most %d", clean([]byte(key), maxKey), len(value), maxValue)
	}
	stack[0] = uint64(abi.DataStored)
	if !c.services.opts.DataSet(key, value) {
		c.services.opts.Dropped(abi.ImportDataSet)
		stack[0] = uint64(abi.DataFull)
	}
	return nil
}
