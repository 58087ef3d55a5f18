// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"math/rand/v2"
	"time"
)

// Poll calls changed each interval, up to a tenth longer at random so that schedulers that started together do
// not ask together, until ctx is done. An interval is from the end of a call to the next.
func Poll(ctx context.Context, interval time.Duration, changed func()) {
	for pause(ctx, spread(interval, 10)) {
		changed()
	}
}

// spread makes a time up to 1/part longer at random.
func spread(d time.Duration, part int64) time.Duration {
	return d + rand.N(d/time.Duration(part)+1)
}

// pause waits, and tells whether ctx still lasts.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
