// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

// Kept is how many accounts and reservations the ledger keeps, to see that it forgets them.
func (l *Ledger) Kept() (accounts, reservations int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, w := range l.ways {
		accounts += len(w.accounts)
	}
	for _, rs := range l.reservedOn {
		reservations += len(rs)
	}
	return accounts, max(len(l.reserved), len(l.reservedOn), reservations)
}
