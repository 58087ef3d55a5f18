// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"fmt"
	"math/rand/v2"
	"slices"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/test/native/rules"
)

// generator is what is known while a workload is made up.
type generator struct {
	options  Options
	random   *rand.Rand
	workload *Workload
	pods     int
	nodes    []string // that may be changed
	closed   string
	tainted  string

	free, tight   *application
	calm, crowded []*application
	held          []*v1.Pod
}

// How many pods of each kind a phase has. The rest are free ones.
const (
	heldPerPhase    = 10
	refusedPerPhase = 4
	urgentPerPhase  = 8
	deletedPerPhase = 4 // of each crowded application
	crowdedExtra    = 8 // how many pods of a crowded application wait
)

// Generate makes a workload up.
func Generate(o Options) *Workload {
	g := &generator{options: o, random: rand.New(rand.NewPCG(o.Seed, 0)), workload: &Workload{Classes: classes()}}
	g.makeNodes()
	g.makeApplications()
	for phase := range o.Phases {
		g.workload.Phases = append(g.workload.Phases, g.phase(phase))
	}
	g.workload.Pods = g.pods
	return g.workload
}

func (g *generator) makeApplications() {
	room := Limit * rules.Zones
	g.free = g.application("", "", 0)
	g.tight = g.application("tight", tightPool, tightRoom)
	g.tight.cpu, g.tight.tight = tightCPU, true
	for i := range g.options.Calm {
		g.calm = append(g.calm, g.application(fmt.Sprintf("calm-%02d", i), pools[i%len(pools)], room))
	}
	for i := range g.options.Crowded {
		g.crowded = append(g.crowded, g.application(fmt.Sprintf("crowded-%02d", i), pools[i%len(pools)], room+crowdedExtra))
	}
}

// pools that applications are in; most are in none.
var pools = []string{"", "", "p0", "", "", "p1"}

func (g *generator) application(name, pool string, room int) *application {
	return &application{
		name: name, pool: pool, room: room, cpu: "100m",
		normal: g.random.Perm(normalClasses), urgent: g.random.Perm(urgentClasses),
	}
}

// phase is pods that come, nodes that change, pods that go, and others that push them out.
func (g *generator) phase(i int) (ops Phase) {
	until := g.options.Pods * (i + 1) / g.options.Phases
	pods := slices.Concat(g.fill(g.calm...), g.fill(g.crowded...), g.fill(g.tight), g.hold(i))
	refused, urgent := g.refused(i), g.preempt()
	for g.pods < until {
		pods = append(pods, g.pod(g.free))
	}
	ops = append(g.batches(pods), urgent...)
	ops = append(ops, refused...)
	ops = append(ops, g.churn(i)...)
	ops = append(ops, g.release()...)
	return append(ops, g.deletions(len(pods))...)
}

// fill makes as many pods as there is room for.
func (g *generator) fill(apps ...*application) (pods []*v1.Pod) {
	for _, a := range apps {
		for ; a.live < a.room; a.live++ {
			pods = append(pods, g.pod(a))
		}
	}
	return pods
}

// hold makes pods that are held. An urgent one would not be, but it would preempt.
func (g *generator) hold(phase int) (pods []*v1.Pod) {
	a := g.application(fmt.Sprintf("held-%02d", phase), "", 0)
	for range heldPerPhase {
		pods = append(pods, g.pod(a, labeled(rules.GateLabel, "yes")))
	}
	g.held = append(g.held, pods...)
	return pods
}

// release lets some of the held pods go.
func (g *generator) release() Phase {
	g.random.Shuffle(len(g.held), func(i, j int) { g.held[i], g.held[j] = g.held[j], g.held[i] })
	n := len(g.held) * 2 / 3
	chosen := slices.Clone(g.held[:n])
	g.held = g.held[n:]
	slices.SortStableFunc(chosen, byPriority)
	var names []string
	for _, p := range chosen {
		names = append(names, p.Name)
	}
	return Phase{{Release: names}}
}

// refused makes pods that half of the nodes refuse late. Each is alone in its application, because a node
// that is given up wakes the others.
func (g *generator) refused(phase int) (ops Phase) {
	for i := range refusedPerPhase {
		a := g.application(fmt.Sprintf("refused-%02d-%d", phase, i), "", 0)
		point := []string{"Reserve", "Permit"}[i%2]
		ops = append(ops, Op{Create: []*v1.Pod{g.pod(a, labeled(rules.RefuseLabel, point))}})
	}
	return ops
}

// preempt makes urgent pods of different applications. Each takes another's place.
func (g *generator) preempt() (ops Phase) {
	for _, i := range g.random.Perm(len(g.calm))[:min(urgentPerPhase, len(g.calm))] {
		ops = append(ops, Op{Preempt: g.urgentPod(g.calm[i])})
	}
	return append(ops, Op{Preempt: g.urgentPod(g.tight)})
}

// deletions end some pods of every application, and half as many free ones as were created. Where others
// wait for the room they end one by one, and those of one application not one after the other, because
// then each would have to wait for the backoff of those that the one before woke in vain.
func (g *generator) deletions(created int) (ops Phase) {
	ops = append(g.end(g.tight), Op{Delete: &Delete{"", created / 4, g.random.Uint64()}})
	var rounds [deletedPerPhase]Phase
	for _, a := range g.crowded {
		for i := range deletedPerPhase {
			rounds[i] = append(rounds[i], Op{Delete: &Delete{a.name, 1, g.random.Uint64()}})
		}
		a.live -= deletedPerPhase
	}
	for i, a := range g.calm {
		rounds[i%deletedPerPhase] = append(rounds[i%deletedPerPhase], g.end(a)...)
	}
	return append(ops, slices.Concat(rounds[:]...)...)
}

// end deletes some of an application's pods.
func (g *generator) end(a *application) Phase {
	n := 2 + g.random.IntN(4)
	a.live -= n
	return Phase{{Delete: &Delete{a.name, n, g.random.Uint64()}}}
}
