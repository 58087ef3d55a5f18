// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/test/cluster"
	"github.com/stowage-scheduler/stowage/test/native/play"
	"github.com/stowage-scheduler/stowage/test/native/workload"
)

// TestWasmIsLikeNative plays one random workload on two clusters: one with the policy of test/native/rules
// as a native plugin, one with the same policy in Wasm. After each phase all that the two schedulers did
// must be the same: where pods went, whom they preempted, which attempts failed with which words in which
// order, what events there are, and how often pods came back to the queue, and why.
//
// What is left out of the comparison because time decides it, native or not: whether a pod that is woken
// while it backs off comes back through backoffQ, and when it leaves that (see play.Record). What makes the
// rest comparable is in the packages workload, rules and play. That it is enough is what
// TestNativeIsLikeNative shows.
func TestWasmIsLikeNative(t *testing.T) {
	playBoth(t, workload.Options{Seed: seed(), Nodes: 500, Pods: 5000, Phases: 10, Calm: 24, Crowded: 4}, native(t), wasm(t))
}

// TestNativeIsLikeNative plays a smaller workload on two clusters with the native plugin. If it fails, it is
// the comparison that is wrong and not a policy.
func TestNativeIsLikeNative(t *testing.T) {
	playBoth(t, workload.Options{Seed: seed(), Nodes: 60, Pods: 500, Phases: 3, Calm: 4, Crowded: 1}, native(t), native(t))
}

// seedEnv repeats the workload of another run, which says what its seed was.
const seedEnv = "STOWAGE_SEED"

func seed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv(seedEnv), 10, 64); err == nil {
		return n
	}
	return uint64(rand.Uint32())
}

// contest is two variants that play the same workload.
type contest struct {
	*testing.T
	began    time.Time
	variants []variant
	players  []*play.Player
}

// playBoth plays a workload with both variants, side by side.
func playBoth(t *testing.T, o workload.Options, variants ...variant) {
	t.Helper()
	// Ten processes share the machine's processors, and none of them needs much memory.
	t.Setenv("GOGC", "400")
	w := workload.Generate(o)
	t.Logf("%s=%d: %d nodes, %d pods", seedEnv, o.Seed, len(w.Nodes), w.Pods)
	c := &contest{t, time.Now(), variants, make([]*play.Player, len(variants))}
	c.start(w)
	for i, phase := range w.Phases {
		c.both(func(p *play.Player) error { return p.Play(t.Context(), phase) })
		c.compare(i)
	}
	c.useful(w)
}

// start makes a cluster for each variant.
func (c *contest) start(w *workload.Workload) {
	var clusters []*cluster.Cluster
	for range c.variants {
		clusters = append(clusters, cluster.ForTest(c.T))
	}
	c.each(func(i int) (err error) {
		c.players[i], err = play.New(c.Context(), clusters[i], c.variants[i].options, w)
		return err
	})
	for _, p := range c.players {
		c.Cleanup(p.Close)
	}
	c.say("started")
}

// both does something with both players at once.
func (c *contest) both(f func(*play.Player) error) {
	c.each(func(i int) error { return f(c.players[i]) })
}

func (c *contest) each(f func(i int) error) {
	c.Helper()
	var all sync.WaitGroup
	errs := make([]error, len(c.variants))
	for i := range c.variants {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			c.Errorf("variant %d, %s: %v", i, c.variants[i].name, err)
		}
	}
	if c.Failed() {
		c.FailNow()
	}
}

func (c *contest) say(format string, args ...any) {
	c.Logf("%3.0fs: %s", time.Since(c.began).Seconds(), fmt.Sprintf(format, args...))
}

// late is how long events may take to reach the API server.
const late = 20 * time.Second

// compare tells whether both did the same so far.
func (c *contest) compare(phase int) {
	c.Helper()
	var diff string
	for wait := time.Now().Add(late); ; time.Sleep(500 * time.Millisecond) {
		diff = cmp.Diff(c.players[0].Record(), c.players[1].Record())
		if diff == "" || time.Now().After(wait) {
			break
		}
	}
	p := c.players[0]
	r := p.Record()
	c.say("phase %d: %d pods were bound, %d ended, %d attempts failed, %d kinds of events, %d operations left out; rested %d times, %v for backoff",
		phase, len(r.Nodes), len(r.Gone), len(r.Failures), len(r.Events), r.Skipped, p.Rests, p.Waited.Round(time.Second))
	if diff != "" {
		c.Fatalf("after phase %d the records differ (-%s,+%s):\n%s", phase, c.variants[0].name, c.variants[1].name, diff)
	}
}

// useful checks that the workload did what it is for.
func (c *contest) useful(w *workload.Workload) {
	c.Helper()
	r := c.players[0].Record()
	all := strings.Join(slices.Collect(maps.Keys(r.Events)), "\n")
	for _, want := range []string{"| Scheduled |", "| FailedScheduling |", "| Preempted |"} {
		if !strings.Contains(all, want) {
			c.Errorf("there is no event %s", want)
		}
	}
	if len(r.Nodes) < w.Pods/2 {
		c.Errorf("%d pods of %d were bound", len(r.Nodes), w.Pods)
	}
}
