// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature

// count returns how many parties of a policy have signed: the largest number of signers that can each be given a
// party of their own. One person who matches two identities is one, and so are two who match only the same one:
// a workflow's subject has the branch in it, so that one repository could sign under any number of names.
//
// It is a maximum matching by augmenting paths; the numbers are tens.
func count(found map[string][]int) int {
	taken := map[int]string{}
	n := 0
	for who := range found {
		if place(who, found, taken, map[int]bool{}) {
			n++
		}
	}
	return n
}

// place gives a signer a party, moving others to other parties if need be.
func place(who string, found map[string][]int, taken map[int]string, tried map[int]bool) bool {
	for _, party := range found[who] {
		if tried[party] {
			continue
		}
		tried[party] = true
		other, used := taken[party]
		if !used || place(other, found, taken, tried) {
			taken[party] = who
			return true
		}
	}
	return false
}
