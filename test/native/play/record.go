// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// Record is what a scheduler did. Two schedulers that decide alike have equal records.
type Record struct {
	// Nodes is where pods were bound, also those that are gone; Gone is the pods that are.
	Nodes map[string]string
	Gone  []string
	// Nominated is the nodes of pods that wait for room there.
	Nominated map[string]string
	// Events is how often each event was reported, see event.
	Events map[string]int
	// Failures is the attempts that failed, in their order: each is an event too, but the API server hears of
	// the first two of a pod only.
	Failures []string
	// Counts is metrics: attempts by their result, and how often pods came to the queue by the reason.
	Counts map[string]int
	// Skipped is how many operations were left out.
	Skipped int
}

// Record is what has happened so far. Events come late: compare again before believing that one is missing.
func (p *Player) Record() *Record {
	r := &Record{Nominated: map[string]string{}, Events: map[string]int{}, Failures: p.failures(), Skipped: p.skipped}
	p.store.read(func(now *snapshot) {
		r.Nodes = maps.Clone(now.nodes)
		for name := range now.nodes {
			if now.pods[name] == nil {
				r.Gone = append(r.Gone, name)
			}
		}
		for _, pod := range now.pods {
			if pod.Status.NominatedNodeName != "" && pod.Spec.NodeName == "" {
				r.Nominated[pod.Name] = pod.Status.NominatedNodeName
			}
		}
		for _, e := range now.events {
			if e.Reason == gated {
				continue
			}
			key := strings.Join([]string{e.Regarding.Name, e.Type, e.Reason, e.Action, unique(now.names, e.Note)}, " | ")
			r.Events[key]++
			if e.Series != nil {
				r.Events[key] += int(e.Series.Count) - 1
			}
		}
	})
	slices.Sort(r.Gone)
	r.Counts = p.at.counts()
	return r
}

var uid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// unique replaces UIDs by the names of pods.
func unique(names map[types.UID]string, text string) string {
	return uid.ReplaceAllStringFunc(text, func(id string) string { return names[types.UID(id)] })
}

// gated is the reason of the event by which the host says what PreEnqueue keeps a pod for. Native plugins
// leave that unsaid.
const gated = "PolicyGated"

// timed are reasons for a pod to come to the queue which say how long its backoff was, and no more.
var timed = []string{`event="BackoffComplete"`, `event="PopFromBackoffQ"`}

// queueLabel is whether the pod was still backing off.
var queueLabel = regexp.MustCompile(`,?queue="[a-z]+"`)

// counts is the metrics that do not depend on time.
func (r reading) counts() map[string]int {
	counts := map[string]int{}
	for key, value := range r {
		if strings.HasPrefix(key, "scheduler_event_handling") || slices.ContainsFunc(timed, func(s string) bool { return strings.Contains(key, s) }) {
			continue
		}
		if strings.HasPrefix(key, "scheduler_queue_incoming") {
			key = queueLabel.ReplaceAllString(key, "")
		}
		if value != 0 {
			counts[key] += int(value)
		}
	}
	return counts
}

// What the scheduler says in its log, with the note of the event, whenever an attempt fails.
var (
	rejected = regexp.MustCompile(`"Unable to schedule pod[^"]*" pod="([^"]*)" err="((?:[^"\\]|\\.)*)"`)
	broken   = regexp.MustCompile(`"Error scheduling pod[^"]*" err="((?:[^"\\]|\\.)*)".* pod="([^"]*)"`)
)

// failureOf is the pod and the note in a line of the log; "" if it is about something else.
func failureOf(line string) string {
	if m := rejected.FindStringSubmatch(line); m != nil {
		return m[1] + ": " + m[2]
	}
	if m := broken.FindStringSubmatch(line); m != nil {
		return m[2] + ": " + m[1]
	}
	return ""
}

// failures reads the scheduler's log.
func (p *Player) failures() (all []string) {
	for line := range strings.Lines(p.scheduler.Log()) {
		if f := failureOf(line); f != "" {
			all = append(all, f)
		}
	}
	return all
}
