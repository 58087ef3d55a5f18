// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package methods

import (
	"context"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/test/perf/report"
	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// Run times that many attempts of each variant, after a tenth as many that do not count.
func (b *Bench) Run(ctx context.Context, rounds int) error {
	for i := -rounds / 10; i < rounds; i++ {
		pod := world.Pod(i + rounds)
		for _, v := range b.Variants {
			if i%v.every != 0 {
				continue
			}
			b.touch(i + rounds)
			took, err := v.time(ctx, pod)
			if err != nil {
				return fmt.Errorf("attempt as %s: %w", v.Name, err)
			}
			if i >= 0 {
				v.took = append(v.took, took)
			}
		}
	}
	return nil
}

// touch gives one node a new generation, as the pod of the attempt before would have.
func (b *Bench) touch(i int) {
	info := b.nodes[i%len(b.nodes)].(*framework.NodeInfo)
	info.SetNode(info.Node())
}

func (v *Variant) time(ctx context.Context, pod *v1.Pod) (time.Duration, error) {
	begin := time.Now()
	err := v.run(ctx, pod, nil)
	return time.Since(begin), err
}

// Decide is what the variant decides about a pod.
func (v *Variant) Decide(ctx context.Context, pod *v1.Pod) (Decision, error) {
	d := Decision{}
	return d, v.run(ctx, pod, d)
}

// Report is the medians, and how they compare.
func (b *Bench) Report() *report.Results {
	r, median := report.New(), map[string]time.Duration{}
	for _, v := range b.Variants {
		median[v.Name] = report.Median(v.took)
		r.Add("filter_score_"+v.Name, "us", float64(median[v.Name])/float64(time.Microsecond))
	}
	r.Ratio("filter_score_go_over_native", float64(median["wasm"])/float64(median["native"]))
	r.Ratio("filter_score_runtime_go_over_native", float64(median["wasm-runtime"])/float64(median["native-runtime"]))
	r.Ratio("filter_score_extender_over_wasm", float64(median["extender"])/float64(median["wasm"]))
	return r
}
