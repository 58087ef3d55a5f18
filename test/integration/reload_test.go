// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

const (
	// reloadRounds of one reload of each policy make 204; the first settlingRounds are not counted
	// when memory is compared.
	reloadRounds, settlingRounds = 34, 2
	// reloadPace is the time between two pods.
	reloadPace = 50 * time.Millisecond
	// roundsPerWindow is how many rounds are compared with quietRounds before them.
	roundsPerWindow, quietRounds = 4, 3
	// betweenReloads is the time from one policy's reload to the next one's.
	betweenReloads = 100 * time.Millisecond
	// pollPace is the time between two looks at the policies, and longestPoll how long a source may take that is
	// asked each second.
	pollPace, longestPoll = 100 * time.Millisecond, 1100 * time.Millisecond
	// longestRound is how long it may take until something came of a reload on a machine that is busy.
	longestRound = time.Minute
	// longestPause is how long no pod may be placed: one comes each reloadPace. A reload that blocks
	// scheduling does so for as long as a module is fetched, compiled or, if its source is away, waited for.
	longestPause = 2 * time.Second
)

// Policies from all sources are reloaded 200 times while pods come at a steady pace. Some reloads are good; others
// have all that can be wrong. No pod notices, each is where one known generation of each policy
// wants it, and nothing remains of generations that were replaced.
func TestReloads(t *testing.T) {
	c := cluster.ForTest(t)
	plan := reloadPlan(t, c)
	createNodes(t, c, reloadNodes(plan)...)
	s := startSourced(t, c, t.TempDir(), sourcesOf(plan)...)
	for _, r := range plan {
		untilPolicy(t, s, r.name, r.name+" to be loaded", func(p *policyState) bool { return p.Loading.State == "Active" })
		r.spans = []span{{good: 0}}
	}
	pods := startFlow(t, c, reloadPace, inZone("in"))
	for range settlingRounds {
		reloadAll(t, s, plan)
	}
	before := restingFootprint(t, s)
	windows := runWindows(t, c, s, plan)
	after := restingFootprint(t, s)
	decisions := pods.stop()
	checkPlaces(t, plan, decisions)
	checkPace(t, windows, decisions)
	checkAttempts(t, s, len(decisions))
	checkReloadMetrics(t, s, plan)
	checkNoGrowth(t, before, after, len(decisions))
}

func reloadPlan(t *testing.T, c *cluster.Cluster) []*reloaded {
	t.Helper()
	pack := func(content []byte) []byte { return gzipped(t, content) }
	return []*reloaded{
		zoneReloads(t, 'a', "from-configmap", mapOrigin{c, "module"}, pack, nil),
		zoneReloads(t, 'b', "from-registry", newHub(t), asIs, nil),
		zoneReloads(t, 'c', "from-file", newFileOrigin(t), asIs, nil),
		signedReloads(t, 'd', "from-web-signed", newWebOrigin(t)),
		ruleReloads(t, c, 'e', "config-from"),
		pinnedReloads(t, 'f', "pinned", newFileOrigin(t)),
	}
}

func sourcesOf(plan []*reloaded) (all []sourced) {
	for _, r := range plan {
		all = append(all, r.sourced)
	}
	return all
}

// reloadNodes are two nodes for each combination of what the policies may want; the name has a digit for each.
func reloadNodes(plan []*reloaded) (nodes []*corev1.Node) {
	for i := range 2 << (len(plan) - 1) {
		wants := fmt.Sprintf("%0*b", len(plan)-1, i>>1)
		name := wants + "0" // the policy that is pinned never wants anything else
		node := cluster.MakeNode(fmt.Sprintf("n%s-%d", name, i&1))
		for k, r := range plan {
			value := "in"
			if r.scores {
				value = "100"
			}
			node.Label(zoneKey(r.letter, int(name[k]-'0')), value)
		}
		nodes = append(nodes, node.Obj())
	}
	return nodes
}
