// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	corev1 "k8s.io/api/core/v1"
)

// width that the report keeps to.
const width = 88

const explanation = `What you see:
- zone-affinity (a Filter) takes away the nodes outside the zone or pool that a pod's labels
  ask for. The stock scheduler does not know these labels: where it is right, it is by chance.
- binpack (a Score) fills a node that is in use before it opens another: the training jobs
  share one GPU node, the batch jobs one node. The stock scheduler spreads them.
- node-number (a Score) likes a node whose name ends in the same digit as the pod's name.
- report-5 obeys two policies at once: the zone is a must, the digit a preference.
`

// report is what the demo prints at the end.
func report(results []result) string {
	var b strings.Builder
	b.WriteString(table(results))
	b.WriteString("\n" + explanation)
	for _, r := range results {
		if r.stowage.node == nil {
			fmt.Fprintf(&b, "- %s stays Pending. Its event, as `kubectl describe pod` shows it:\n", r.pod.Name)
			b.WriteString(wrap(r.stowage.reason, "    "))
		}
	}
	return b.String() + "\n"
}

func table(results []result) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "POD\tASKS FOR\tSTOWAGE\tDEFAULT-SCHEDULER")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.pod.Name, r.pod.Annotations[asksAnnotation], r.stowage, r.stock)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

func (p place) String() string {
	if p.node == nil {
		return "(Pending, see below)"
	}
	where := p.node.Name + " " + p.node.Labels[corev1.LabelTopologyZone]
	if p.node.Labels[poolLabel] == gpuPool {
		where += " " + gpuPool
	}
	return where
}

// wrap breaks text into indented lines at spaces.
func wrap(text, indent string) string {
	var b strings.Builder
	line := indent
	for word := range strings.FieldsSeq(text) {
		if line != indent && len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}
