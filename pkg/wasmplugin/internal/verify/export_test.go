// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

// Structure is Check without imports, exports and the ABI: for modules that are no policies.
func Structure(module []byte) error {
	return newChecker(module, Options{Limits: DefaultLimits()}).structure(module)
}

// Work is what the estimates are made of.
type Work struct{ Ends, Moved, Height, Bounds, Locals int }

// WorkOf is the work of a module's last function.
func WorkOf(module []byte) (Work, error) {
	c := newChecker(module, Options{Limits: DefaultLimits()})
	err := c.structure(module)
	w := c.code.work
	return Work{w.ends, w.moved, w.height, w.bounds, w.locals}, err
}
