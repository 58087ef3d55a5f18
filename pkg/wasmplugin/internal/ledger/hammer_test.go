// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/ledger"
)

// Scheduling cycles follow each other while others read, unreserve and register.
func TestHammer(t *testing.T) {
	l := ledger.New()
	l.Account("")
	done := make(chan struct{})
	undo := make(chan *v1.Pod, 64)
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				case pod := <-undo:
					l.Unreserve(pod.UID, "node-0")
				default:
				}
				if got := l.Used(0, "ns", "pods"); got < 0 {
					t.Errorf("Used = %d", got)
				}
				l.Totals(0, "ns")
				l.Accounts(i)
				l.Dirty("node-1")
				l.Account([]string{"", "team", "tier"}[n/1000%3])
			}
		})
	}
	infos := []*framework.NodeInfo{nodeOf("node-0"), nodeOf("node-1"), nodeOf("node-2")}
	for end, n := time.Now().Add(300*time.Millisecond), 0; time.Now().Before(end); n++ {
		infos[n%3] = nodeOf(fmt.Sprintf("node-%d", n%3), cpuPod("bound"))
		l.Sync(listOf(infos[:1+n%3]...))
		pod := cpuPod(fmt.Sprint(n))
		l.Reserve(pod, "node-0")
		select {
		case undo <- pod:
		default:
			l.Unreserve(pod.UID, "node-0")
		}
	}
	close(done)
	wg.Wait()
	l.Sync(listOf(nodeOf("other")))
	if accounts, reservations := l.Kept(); accounts+reservations > 0 {
		t.Errorf("an empty cluster leaves %d accounts and %d reservations", accounts, reservations)
	}
}
