// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package rules

// Verdict on a node. Reason is "" if the pod may run there; Final says that evicting pods would not help.
type Verdict struct {
	Reason string
	Final  bool
}

// Filter judges a node.
func Filter(limit int32, s *State, n *Node) Verdict {
	z := Zone(n.Zone)
	switch {
	case n.Closed != "":
		return Verdict{ReasonClosed, true}
	case z < 0:
		return Verdict{ReasonNoZone, true}
	case s.PerZone[z] >= limit:
		return Verdict{ReasonFull, false}
	}
	return Verdict{}
}

// Score is a large number that depends on everything that the pod and the node are, so that a scheduler
// with a stale node sends the pod elsewhere.
func Score(p *Pod, n *Node) int64 {
	h := text(text(offset, p.Name), n.Name)
	h = number(number(h, uint64(n.Pods)), uint64(n.MilliCPU))
	return int64(mix(h) >> 2)
}

// MaxScore is that of the framework.
const MaxScore = 100

// Normalize gives the highest score to one node and less to all others, so that there is never a tie that
// the scheduler would break at random.
func Normalize(scores []int64) {
	var top int64
	for _, s := range scores {
		top = max(top, s)
	}
	for i, s := range scores {
		if s == top {
			scores[i] = MaxScore
			continue
		}
		scores[i] = s / (top/(MaxScore-1) + 1)
	}
}

// Refuse is why the pod is refused at a point, "" if it is not: a pod that asks for it is, by half of the nodes.
func Refuse(p *Pod, point, node, reason string) string {
	if p.Refuse != point || mix(text(offset, node))%2 == 0 {
		return ""
	}
	return reason
}

// Reserve notes how many pods the zone has with this one.
func (s *State) Reserve(zone string) {
	if z := Zone(zone); z >= 0 {
		s.Reserved = s.PerZone[z] + 1
	}
}

// Kept tells whether the state is what Reserve left.
func (s *State) Kept(zone string) bool {
	z := Zone(zone)
	return z >= 0 && s.Reserved == s.PerZone[z]+1
}

const (
	offset = 14695981039346656037
	prime  = 1099511628211
)

// text is FNV-1a, with an end mark.
func text(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	return (h ^ 0xff) * prime
}

func number(h, n uint64) uint64 { return mix(h ^ n*prime) }

// mix spreads all bits, as splitmix64 does.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
