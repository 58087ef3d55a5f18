// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/hostile"
	"github.com/stowage-scheduler/stowage/test/cluster"
)

// step is something that happens to what a policy comes from, and what must come of it.
type step struct {
	name string
	do   func(t *testing.T)
	// reason is why it is rejected; empty if it is activated, or is what runs already.
	reason string
	// next is which of the two good ones it is, -1 if the step leaves it as it is.
	next int
}

// reloaded is a policy that is reloaded again and again between two good generations, each of which allows, or
// prefers, other nodes than the other: those with the label zoneKey(letter, generation).
type reloaded struct {
	sourced
	letter byte
	steps  []step

	// What follows is the test's account of what it did.

	taken    int
	rejected map[string]int
	swaps    int
	spans    []span
}

// span is a time in which a good generation may have decided: from when it was put there until the one after
// it was seen to be active.
type span struct {
	good     int
	from, to time.Time
}

// known tells whether a good generation may have decided at some time of a period.
func (r *reloaded) known(good int, from, to time.Time) bool {
	return slices.ContainsFunc(r.spans, func(s span) bool {
		return s.good == good && s.from.Before(to) && (s.to.IsZero() || s.to.After(from))
	})
}

func (r *reloaded) good() int { return r.spans[len(r.spans)-1].good }

// originalKey is in zone-affinity's data; zoneKey is as long, so that one can take the other's place.
const originalKey = "topology.kubernetes.io/zone"

func zoneKey(letter byte, good int) string {
	return fmt.Sprintf("topology.kubernetes.io/%c-v%d", letter, good)
}

func builtModule(t *testing.T, name string) []byte {
	t.Helper()
	module, err := os.ReadFile(modulePath(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// zoneModule is zone-affinity, which looks at another label of nodes.
func zoneModule(t *testing.T, letter byte, good int) []byte {
	t.Helper()
	module := builtModule(t, "zone-affinity")
	if n := bytes.Count(module, []byte(originalKey)); n != 1 {
		t.Fatalf("zone-affinity has %q %d times, want it once", originalKey, n)
	}
	return bytes.Replace(module, []byte(originalKey), []byte(zoneKey(letter, good)), 1)
}

// hostileModule is one of the corpus of hostile guests.
func hostileModule(t *testing.T, name string) []byte {
	t.Helper()
	for _, g := range hostile.Corpus() {
		if g.Name == name {
			return g.Wasm()
		}
	}
	t.Fatalf("there is no hostile guest %s", name)
	return nil
}

// badModules are what is refused of every source, with the reason.
func badModules(t *testing.T) []struct {
	name, reason string
	content      []byte
} {
	t.Helper()
	return []struct {
		name, reason string
		content      []byte
	}{
		{"garbage", "module", []byte(strings.Repeat("this is not a module\n", 100))},
		{"wrong ABI", "module", hostileModule(t, "descriptor-of-another-version-in-describe")},
		{"self-test traps", "self_test", hostileModule(t, "unreachable-in-prefilter")},
	}
}

// zoneReloads has a policy of zone-affinity come from an origin: two good modules in turn, then all that goes
// wrong with any source, and the good one again.
func zoneReloads(t *testing.T, letter byte, name string, from origin, pack func([]byte) []byte, signatures []byte, more ...step) *reloaded {
	t.Helper()
	r := &reloaded{sourced: sourced{name: name, module: from.module()}, letter: letter}
	good := [2][]byte{pack(zoneModule(t, letter, 0)), pack(zoneModule(t, letter, 1))}
	put := func(content []byte) func(*testing.T) { return func(t *testing.T) { from.put(t, content, signatures) } }
	for n := range good {
		r.steps = append(r.steps, step{"another good module", put(good[1-n]), "", 1 - n})
		for _, bad := range badModules(t) {
			r.steps = append(r.steps, step{bad.name, put(pack(bad.content)), bad.reason, -1})
		}
		r.steps = append(r.steps, more...)
		r.steps = append(r.steps,
			step{"unreachable source", from.remove, "fetch", -1},
			step{"the good module again", put(good[1-n]), "", 1 - n})
	}
	from.put(t, good[0], signatures)
	return r
}

func asIs(content []byte) []byte { return content }

// signedReloads is zoneReloads where all but one module have a good signature.
func signedReloads(t *testing.T, letter byte, name string, from origin) *reloaded {
	t.Helper()
	key := newKey(t)
	contents := [][]byte{zoneModule(t, letter, 0), zoneModule(t, letter, 1)}
	for _, bad := range badModules(t) {
		contents = append(contents, bad.content)
	}
	// One document after another: which is of which module is found out.
	var all []byte
	for _, content := range contents {
		all = append(all, append(key.ofBlob(t, content), '\n')...)
	}
	unsigned := zoneModule(t, letter, 9)
	r := zoneReloads(t, letter, name, from, asIs, all,
		step{"unsigned", func(t *testing.T) { from.put(t, unsigned, all) }, "signature", -1})
	r.module += ", " + key.verify(t, "releases")
	return r
}

// pinnedReloads is a policy with a digest: whatever else its source has is refused.
func pinnedReloads(t *testing.T, letter byte, name string, from origin) *reloaded {
	t.Helper()
	good, other := zoneModule(t, letter, 0), zoneModule(t, letter, 1)
	from.put(t, good, nil)
	return &reloaded{
		sourced: sourced{name: name, module: from.module() + ", digest: '" + digestOf(good) + "'"}, letter: letter,
		steps: []step{
			{"another digest", func(t *testing.T) { from.put(t, other, nil) }, "digest", -1},
			{"the pinned module again", func(t *testing.T) { from.put(t, good, nil) }, "", 0},
		},
	}
}

// ruleReloads is a policy whose config changes: which label of nodes is their score.
func ruleReloads(t *testing.T, c *cluster.Cluster, letter byte, name string) *reloaded {
	t.Helper()
	rules := mapOrigin{c, name}
	put := func(text string) func(*testing.T) { return func(t *testing.T) { rules.put(t, []byte(text), nil) } }
	good := [2]string{}
	for n := range good {
		good[n] = "raw: true\nscoreLabel: " + zoneKey(letter, n) + "\n"
	}
	r := &reloaded{letter: letter, sourced: sourced{
		name: name, scores: true, module: "file: {path: " + modulePath(t, "probe") + "}",
		more: "configFrom: {" + rules.module() + "}",
	}}
	for n := range good {
		r.steps = append(r.steps,
			step{"another config", put(good[1-n]), "", 1 - n},
			step{"no object", put("- raw\n"), "config", -1},
			step{"a config that the policy refuses", put("raw: 3\n"), "module", -1},
			step{"no ConfigMap", rules.remove, "fetch", -1},
			step{"the good config again", put(good[1-n]), "", 1 - n})
	}
	put(good[0])(t)
	return r
}
