// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/hostile"
	"github.com/stowage-scheduler/stowage/test/cluster"
)

// Sizes of the test with hostile policies.
const (
	// hostilePolicies is how many one scheduler gets: each has a profile, which takes about a
	// megabyte without any policy.
	hostilePolicies = 250
	// hostileMemory is what the guests of one scheduler may have together, and overhead is what
	// the process may have beyond that.
	hostileMemory = 1 << 30
	overhead      = 256 << 20
	// hostilePace is the time between two hostile pods, and goodPace that between good ones.
	hostilePace, goodPace = 120 * time.Millisecond, 30 * time.Millisecond
	// warmUp is how many good pods come before those that are measured without hostile ones.
	warmUp, quiet = 20, 80
	// hostileLine and hostileLog are how long a line of a scheduler's log and all of it may be, in
	// bytes. The framework itself writes three kilobytes for each profile.
	hostileLine, hostileLog = 32 << 10, 32 << 20
	// patience is how long it may take until something came of all pods that were created.
	patience = time.Minute
	// slowdown is by how much hostile policies may delay the pods of others. Of those that are hostile at later
	// points some may use all of their time for searching victims, in one attempt after the other: the others'
	// pods wait for that no longer than laterMost.
	slowdown, laterMost = 2, 2 * time.Second
)

// important is the priority class of pods that could evict others.
const important = "important"

// hostileCase is a hostile policy in a profile.
type hostileCase struct {
	hostile.Guest
	ignoreFaults bool
}

// profile is its scheduler's name, and that of its pod.
func (h hostileCase) profile() string {
	if h.ignoreFaults {
		return h.Name + "-i"
	}
	return h.Name + "-f"
}

// Every guest of a sample of the corpus is a policy of a scheduler that places other pods with a good policy
// at the same time. The process survives within its memory, the good pods hardly notice, and
// the others get what failurePolicy says.
func TestHostilePolicies(t *testing.T) {
	c := cluster.ForTest(t)
	var nodes []*corev1.Node
	for i := range 30 {
		nodes = append(nodes, cluster.MakeNode(fmt.Sprintf("node-%d", i)).Zone(string(rune('a'+i%3))).Obj())
	}
	createNodes(t, c, nodes...)
	createPriority(t, c, important, 1000)
	watched := watchPods(t, c)
	chosen := seed()
	random := rand.New(rand.NewPCG(chosen, 0))
	guests := sampled(random, hostile.Corpus())
	t.Logf("%s=%d: %d guests", seedEnv, chosen, len(guests))
	dir := writeGuests(t, guests)
	later := slices.DeleteFunc(slices.Clone(guests), func(g hostile.Guest) bool { return !slices.Contains(hostile.Later(), g.Where) })
	guests = slices.DeleteFunc(guests, func(g hostile.Guest) bool { return slices.Contains(hostile.Later(), g.Where) })
	first := hostileBatches(random, guests)
	var slowdowns []float64
	for i, batch := range append(first, hostileBatches(random, later)...) {
		s := startHostile(t, c, dir, batch)
		good := startGood(t, c, s, watched, fmt.Sprintf("good-%d-", i))
		runHarmless(t, c, fmt.Sprintf("warm-%d-", i), warmUp)
		begin := time.Now()
		runHarmless(t, c, fmt.Sprintf("quiet-%d-", i), quiet)
		attack := time.Now()
		runHostile(t, c, s, watched, batch)
		end := time.Now()
		good.stop()
		undisturbed, attacked := good.latencies(begin, attack), good.latencies(attack, end)
		if slower := compare(t, undisturbed, attacked); i < len(first) {
			slowdowns = append(slowdowns, slower)
		} else if got := percentile(attacked, 99); got > laterMost {
			t.Errorf("p99 of good pods beside policies that are hostile at later points is %v, want at most %v", got, laterMost)
		}
		checkProcess(t, s)
		s.Stop()
		checkLog(t, s)
		removePods(t, c)
	}
	// The machine may be busy with something else during one of the batches, or a part of it.
	slices.Sort(slowdowns)
	if got := slowdowns[len(slowdowns)/2]; got > slowdown {
		t.Errorf("p99 of good pods beside hostile policies is %.1f times what it is otherwise, in the median of %.1f; want at most %d", got, slowdowns, slowdown)
	}
}

// hostileCases is the guests with failurePolicy Fail, and every sixth of them with Ignore too. (Each guest of
// the corpus with each failurePolicy is in the tests of package hostile.)
func hostileCases(guests []hostile.Guest) (all []hostileCase) {
	for i, g := range guests {
		all = append(all, hostileCase{g, false})
		if i%6 == 0 {
			all = append(all, hostileCase{g, true})
		}
	}
	return all
}

// sampled is about half of the guests that misbehave while they are loaded, or in filtering and scoring, and every
// sixth of those of other points and of those that call functions of the cluster, of which there are many that
// differ little. Every run takes others.
func sampled(random *rand.Rand, corpus []hostile.Guest) (out []hostile.Guest) {
	for _, g := range corpus {
		// The scheduler takes an empty file for a mistake in its configuration. Who waits has no outcome, and who
		// misbehaves only once may do so for another pod.
		if len(g.Wasm()) == 0 || g.Want.Result == hostile.Waiting || strings.HasPrefix(g.Name, "only-once-") || slices.Contains(elsewhere, g.Where) {
			continue
		}
		oneOf := 2
		function, _, _ := strings.Cut(strings.TrimPrefix(g.Name, "misused-"), "-")
		if slices.Contains(ofTheCluster, function) || slices.Contains(hostile.Later(), g.Where) {
			oneOf = 6
		}
		if random.IntN(oneOf) == 0 {
			out = append(out, g)
		}
	}
	return out
}

// elsewhere is points where no pod of this test comes: those of groups and of preemption's dry runs, and
// QueueSort, which all profiles of a scheduler must share.
var elsewhere = []string{
	hostile.QueueSort, hostile.GeneratePlacements, hostile.ScorePlacement, hostile.PodGroupPostFilter, hostile.AddPod, hostile.RemovePod,
}

// ofTheCluster is how names of guests start that call the functions for ledger, objects, waiting pods,
// waking and shared data.
var ofTheCluster = []string{"used", "object", "waiting", "allow", "reject", "wake", "get", "set"}

// hostileBatches shuffles the cases and deals them out, so that each scheduler gets some of every
// sort at any time.
func hostileBatches(random *rand.Rand, guests []hostile.Guest) [][]hostileCase {
	all := hostileCases(guests)
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	batches := make([][]hostileCase, (len(all)+hostilePolicies-1)/hostilePolicies)
	for i, h := range all {
		batches[i%len(batches)] = append(batches[i%len(batches)], h)
	}
	return batches
}

func writeGuests(t *testing.T, guests []hostile.Guest) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, g := range guests {
		if err := os.WriteFile(filepath.Join(dir, g.Name+".wasm"), g.Wasm(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func startHostile(t *testing.T, c *cluster.Cluster, dir string, batch []hostileCase) *cluster.Scheduler {
	t.Helper()
	var b strings.Builder
	b.WriteString("apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n" +
		"leaderElection: {leaderElect: false}\nclientConnection: {qps: 1000, burst: 1000}\npodInitialBackoffSeconds: 10\nprofiles:\n")
	write := func(profile, policy, where, path, more string) {
		fmt.Fprintf(&b, "- schedulerName: %s\n  plugins:\n    multiPoint: {enabled: [{name: %s}]}\n", profile, policy)
		if where == hostile.Bind {
			// Otherwise there would be nothing left to bind.
			fmt.Fprintf(&b, "    bind: {disabled: [{name: DefaultBinder}], enabled: [{name: %s}, {name: DefaultBinder}]}\n", policy)
		}
		fmt.Fprintf(&b, "  pluginConfig:\n  - name: %s\n"+
			"    args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path: %s}}, %s}\n", policy, path, more)
	}
	write("good", "zone-policy", "", modulePath(t, "zone-affinity"), "config: {}")
	for _, h := range batch {
		failurePolicy := "Fail"
		if h.ignoreFaults {
			failurePolicy = "Ignore"
		}
		write(h.profile(), h.Name, h.Where, filepath.Join(dir, h.Name+".wasm"),
			fmt.Sprintf("failurePolicy: %s, capabilities: [%s]", failurePolicy, quoted(h.Capabilities)))
	}
	path := filepath.Join(t.TempDir(), "scheduler.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := c.StartScheduler(t.Context(), cluster.SchedulerOptions{
		ConfigFile: path, ExtraArgs: []string{fmt.Sprintf("--policy-memory=%d", hostileMemory)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// quoted is a list in YAML's flow style.
func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ",")
}

// runHarmless creates as many pods in a time as runHostile, so that what the two differ in is the
// policies and not the work of the rest of the control plane.
func runHarmless(t *testing.T, c *cluster.Cluster, prefix string, n int) {
	t.Helper()
	tick := time.NewTicker(hostilePace)
	defer tick.Stop()
	for i := range n {
		create(t, c, pod(fmt.Sprint(prefix, i), "good", "1m", nil))
		<-tick.C
	}
}

// runHostile creates a pod for each hostile policy, one after the other, and checks what comes
// of it.
func runHostile(t *testing.T, c *cluster.Cluster, s *cluster.Scheduler, watched *podWatch, batch []hostileCase) {
	t.Helper()
	tick := time.NewTicker(hostilePace)
	defer tick.Stop()
	for _, h := range batch {
		p := pod(h.profile(), h.profile(), "10m", nil)
		if h.Where == hostile.RankVictims {
			// Only a pod that could evict others comes there.
			p.Spec.PriorityClassName = important
		}
		create(t, c, p)
		<-tick.C
	}
	until := time.Now().Add(patience)
	for _, h := range batch {
		if !h.Told(h.ignoreFaults) {
			continue
		}
		if got, ok := watched.outcome(h.profile(), until, s.Done()); ok {
			checkHostile(t, h, got)
		} else {
			t.Errorf("%s: nothing came of its pod", h.profile())
		}
	}
	checkUntold(t, watched, batch)
}

// checkUntold checks that pods of which nobody says anything are not placed.
func checkUntold(t *testing.T, watched *podWatch, batch []hostileCase) {
	t.Helper()
	for _, h := range batch {
		if h.Told(h.ignoreFaults) {
			continue
		}
		got, ok := watched.get(h.profile())
		if placed, known := h.Placed(h.ignoreFaults); known && ok && got.placed && !placed {
			t.Errorf("%s: its pod was placed", h.profile())
		}
	}
}

func checkHostile(t *testing.T, h hostileCase, got podOutcome) {
	t.Helper()
	placed, known := h.Placed(h.ignoreFaults)
	switch {
	case !known:
	case placed != got.placed:
		t.Errorf("%s: placed is %t, want %t (%s)", h.profile(), got.placed, placed, got.message)
	case !placed && (!strings.Contains(got.message, h.Name) || !h.Explains(h.ignoreFaults, got.message)):
		t.Errorf("%s: message %q does not name the policy and tell of %+v", h.profile(), got.message, h.Want)
	}
}

// checkProcess tells whether the scheduler still runs, and whether it ever took too much memory.
func checkProcess(t *testing.T, s *cluster.Scheduler) {
	t.Helper()
	select {
	case <-s.Done():
		t.Fatalf("the scheduler has ended with code %d", s.Wait())
	default:
	}
	peak := peakMemory(t, s.Pid())
	t.Logf("resident memory: at most %d MiB, limit %d MiB", peak>>20, (hostileMemory+overhead)>>20)
	if peak > hostileMemory+overhead {
		t.Errorf("the scheduler took %d MiB, want at most %d MiB", peak>>20, (hostileMemory+overhead)>>20)
	}
}

// peakMemory is the most resident memory that a process ever had, in bytes.
func peakMemory(t *testing.T, pid int) (peak int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscanf(rest, "%d kB", &peak); err != nil {
		t.Fatalf("reading the peak of resident memory: %v", err)
	}
	return peak << 10
}

// checkLog tells whether a guest made lines of the scheduler's log that look like the
// scheduler's own, or filled it.
func checkLog(t *testing.T, s *cluster.Scheduler) {
	t.Helper()
	log := s.Log()
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, hostile.Forged) || len(line) > hostileLine {
			t.Errorf("a guest made a line of %d bytes in the log: %.200q", len(line), line)
		}
	}
	if len(log) > hostileLog {
		t.Errorf("the log has %d MiB, want at most %d MiB", len(log)>>20, hostileLog>>20)
	}
}

func removePods(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	now := int64(0)
	err := c.Client().CoreV1().Pods("default").DeleteCollection(t.Context(), metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// compare is by how much the 99th percentile of the attacked is over that of the undisturbed.
func compare(t *testing.T, undisturbed, attacked []time.Duration) float64 {
	t.Helper()
	quietly, under := percentile(undisturbed, 99), percentile(attacked, 99)
	t.Logf("good pods, from creation to placement: beside harmless policies p50 %v p99 %v (%d pods), beside hostile policies p50 %v p99 %v (%d pods)",
		percentile(undisturbed, 50), quietly, len(undisturbed), percentile(attacked, 50), under, len(attacked))
	return float64(under) / float64(max(quietly, 1))
}

func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[(len(all)-1)*p/100].Round(100 * time.Microsecond)
}
