// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
)

// Hint is Ask for QueueingHint, of which nothing but the code counts. It is called for thousands of
// pods in a row, so it neither allocates nor looks at the frame afterwards.
func (g *Guest) Hint(ctx context.Context, event Batch) (abi.Code, error) {
	g.allow(0)
	if err := g.placeBatch(ctx, event, 0); err != nil {
		return 0, err
	}
	code, err := g.call(ctx, QueueingHint.Export)
	if err == nil && !allowed(QueueingHint.codes, code) {
		err = engine.Violation(QueueingHint.Export, "unknown or misplaced code %d", code)
	}
	return code, err
}
