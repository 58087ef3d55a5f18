// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"

// maxLookUp is the most bytes that a name has which is looked up: a resource's is a domain, a slash
// and a word. A guest may have a longer one from somebody else, as out of a pod's annotation, so it
// is the name of nothing and not the guest's misuse.
const maxLookUp = 253 + 1 + 63

// used (account source, account address, length, resource address, length) -> amount.
func used(c *Caller, stack []uint64) error {
	names, known, err := c.lookUp([2]string{"account", "resource"}, abi.ImportUsed, stack[1:5])
	if err != nil {
		return err
	}
	source := uint32(stack[0])
	if stack[0] = 0; !known {
		return nil
	}
	amount, ok := c.services.opts.Used(int(source), names[0], names[1])
	if !ok {
		return misuse(abi.ImportUsed, "source is %d, which the policy's Needs.Accounts do not have", source)
	}
	stack[0] = uint64(amount)
	return nil
}

// object (object source, namespace address, length, name address, length, room address, length)
// -> length or Absent.
func object(c *Caller, stack []uint64) error {
	names, known, err := c.lookUp([2]string{"namespace", "name"}, abi.ImportObject, stack[1:5])
	if err != nil {
		return err
	}
	room, err := c.room(abi.ImportObject, stack[5], stack[6])
	if err != nil {
		return err
	}
	source := uint32(stack[0])
	if stack[0] = uint64(abi.Absent); !known {
		return nil
	}
	json, found, ok := c.services.opts.Object(int(source), names[0], names[1])
	switch {
	case !ok:
		return misuse(abi.ImportObject, "source is %d, which the policy's Needs.Objects do not have", source)
	case found:
		stack[0] = uint64(c.fill(room, json))
	}
	return nil
}

// lookUp reads two names, addresses and lengths of which are args. Known is false if nothing has
// such long ones.
func (c *Caller) lookUp(arguments [2]string, function string, args []uint64) (names [2]string, known bool, err error) {
	c.cost += lookUpCost
	known = true
	for i, argument := range arguments {
		b, err := c.text(function, argument, args[2*i], args[2*i+1], maxLookUp)
		if err != nil {
			return names, false, err
		}
		known = known && len(b) <= maxLookUp
		names[i] = string(b[:min(len(b), maxLookUp)])
	}
	return names, known, nil
}
