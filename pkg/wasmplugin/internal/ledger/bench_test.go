// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/ledger"
)

// bigCluster is nodes with 20 pods each, of 200 namespaces and 20 teams.
func bigCluster(nodes int) (list []fwk.NodeInfo) {
	for n := range nodes {
		info := nodeOf(fmt.Sprintf("node-%04d", n))
		for i := range 20 {
			pod := podOf(fmt.Sprintf("%04d-%02d", n, i), fmt.Sprintf("ns-%03d", (n*7+i)%200), containerOf("main", "cpu", "1", "memory", "1Gi"))
			pod.Labels = map[string]string{"team": fmt.Sprintf("team-%02d", i)}
			info.AddPod(pod)
		}
		list = append(list, info)
	}
	return list
}

func bigLedger(list []fwk.NodeInfo) *ledger.Ledger {
	l := ledger.New()
	l.Account("")
	l.Account("team")
	l.Sync(list)
	return l
}

func BenchmarkSync(b *testing.B) {
	list := bigCluster(5000)
	for name, change := range map[string]func(*ledger.Ledger, int){
		"nothing changed": func(*ledger.Ledger, int) {},
		"one changed":     func(_ *ledger.Ledger, n int) { list[n%len(list)].SetNode(list[n%len(list)].Node()) },
		"one dirty":       func(l *ledger.Ledger, n int) { l.Dirty(list[n%len(list)].Node().Name) },
		"one came":        func(l *ledger.Ledger, _ int) { l.Sync(list[:len(list)-1]) },
		"all changed": func(_ *ledger.Ledger, _ int) {
			for _, info := range list {
				info.SetNode(info.Node())
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			l := bigLedger(list)
			var took time.Duration
			n := 0
			for ; b.Loop(); n++ {
				change(l, n)
				began := time.Now()
				l.Sync(list)
				took += time.Since(began)
			}
			b.ReportMetric(float64(took.Nanoseconds())/1e3/float64(n), "us/sync")
		})
	}
}

func BenchmarkReserve(b *testing.B) {
	b.ReportAllocs()
	l := bigLedger(bigCluster(5000))
	pod := cpuPod("new")
	for b.Loop() {
		l.Reserve(pod, "node-0007")
		l.Unreserve(pod.UID, "node-0007")
	}
}

func BenchmarkUsed(b *testing.B) {
	b.ReportAllocs()
	l := bigLedger(bigCluster(5000))
	for _, resource := range []string{"cpu", "nvidia.com/gpu"} {
		b.Run(resource, func(b *testing.B) {
			for b.Loop() {
				l.Used(0, "ns-017", resource)
			}
		})
	}
}

// grown is how many bytes more the heap has after f.
func grown(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
}

// What the ledger itself needs, without the pods: they are the scheduler's.
func TestMemory(t *testing.T) {
	const nodes = 500
	list := bigCluster(nodes)
	var l *ledger.Ledger
	size := grown(func() { l = bigLedger(list) })
	if per := size / nodes / 20; per > 250 {
		t.Errorf("%d bytes per pod in two ways, want less", per)
	}
	runtime.KeepAlive(l)
}
