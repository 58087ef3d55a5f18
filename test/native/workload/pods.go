// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"cmp"
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/test/native/rules"
)

// application is what pods have in common.
type application struct {
	name, pool string
	cpu        string
	tight      bool
	// live is how many pods there are but those that are held; room is how many may run.
	live, room int
	// priorities that its pods have not had yet.
	normal, urgent []int
}

// podOption changes a pod that is being made up.
type podOption func(*v1.Pod)

func labeled(key, value string) podOption {
	return func(p *v1.Pod) { metav1.SetMetaDataLabel(&p.ObjectMeta, key, value) }
}

// pod makes up the next pod of an application.
func (g *generator) pod(a *application, options ...podOption) *v1.Pod {
	g.pods++
	p := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("pod-%04d", g.pods), Namespace: metav1.NamespaceDefault},
		Spec: v1.PodSpec{
			SchedulerName:     SchedulerName,
			PriorityClassName: className("normal", g.normal(a)),
			Containers: []v1.Container{{Name: "main", Image: "none", Resources: v1.ResourceRequirements{
				Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse(a.cpu)},
			}}},
		},
	}
	if a.name != "" {
		labeled(rules.AppLabel, a.name)(p)
	}
	if a.pool != "" {
		labeled(rules.PoolLabel, a.pool)(p)
	}
	if a.tight {
		p.Spec.Tolerations = []v1.Toleration{{Key: tightTaint, Operator: v1.TolerationOpExists}}
	}
	for _, option := range options {
		option(p)
	}
	return p
}

// urgent makes up a pod that preempts.
func (g *generator) urgentPod(a *application) *v1.Pod {
	n := a.urgent[0]
	a.urgent = a.urgent[1:]
	return g.pod(a, func(p *v1.Pod) { p.Spec.PriorityClassName = className("urgent", n) })
}

func (g *generator) normal(a *application) int {
	if a.name == "" {
		return g.random.IntN(normalClasses)
	}
	if len(a.normal) == 0 {
		panic("workload: application " + a.name + " has more pods than there are priorities")
	}
	n := a.normal[0]
	a.normal = a.normal[1:]
	return n
}

// batchSize is how many pods are created before the scheduler has to come to rest.
const batchSize = 40

// batches shuffles pods, and makes operations of them that create them by descending priority.
func (g *generator) batches(pods []*v1.Pod) (ops Phase) {
	g.random.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] })
	for batch := range slices.Chunk(pods, batchSize) {
		slices.SortStableFunc(batch, byPriority)
		ops = append(ops, Op{Create: batch})
	}
	return ops
}

// byPriority puts higher priorities first: names of classes are in their order.
func byPriority(a, b *v1.Pod) int {
	return cmp.Compare(b.Spec.PriorityClassName, a.Spec.PriorityClassName)
}
