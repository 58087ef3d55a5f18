// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strconv"
	"sync"
	"time"

	"k8s.io/component-base/metrics"
)

var (
	info = gauge("stowage_policy_info",
		"1 for the generation of a policy that is active, and for its latest candidate if that is another; module digest and state are labels.",
		"profile", "policy", "digest", "generation", "state")
	reloads = counter("stowage_policy_reloads_total",
		"Candidates for a policy's next generation by result (activated, rejected) and, for those rejected, the reason.",
		"profile", "policy", "result", "reason")
	problems = gauge("stowage_policy_problem",
		"1 while the latest candidate for a policy's next generation could not be fetched or was rejected, by the reason.", "profile", "policy", "reason")
	activeSince = gauge("stowage_policy_generation_start_time_seconds",
		"When the active generation of a policy was activated, in seconds since the epoch; its age is time() minus this.", "profile", "policy")
	retired = gauge("stowage_policy_retired_generations",
		"Generations of a policy that were replaced and that attempts which began with them still need.", "profile", "policy")
	shadowed = counter("stowage_policy_shadow_decisions_total",
		"Decisions of a policy's shadow by extension point, and whether they were the same as the policy's.", "profile", "policy", "point", "result")
)

// Generation is what the metrics of a policy's loading need to know.
type Generation struct {
	// State is the latest candidate's, and Candidate the digest of its module, if it is not active.
	State, Candidate string
	// Problem is a word for why that was rejected or could not be fetched; empty if all is well.
	Problem string
	// Active is the number of the active generation, 0 if there is none; Digest and Since are its.
	Active int
	Digest string
	Since  time.Time
}

// Loading is the metrics of how a policy is loaded.
type Loading struct {
	profile, policy string
	since           metrics.GaugeMetric

	mu sync.Mutex // guards what follows
	// shown is the label sets of info that there are, and problem is the reason that is.
	shown   [][]string
	problem string
}

// LoadingOf is the metrics of a policy in a profile. There must be one only for each.
func LoadingOf(profile, policy string) *Loading {
	register()
	return &Loading{profile: profile, policy: policy, since: activeSince.WithLabelValues(profile, policy)}
}

// Show makes known where the policy stands.
func (l *Loading) Show(g Generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, labels := range l.shown {
		info.Delete(map[string]string{"profile": labels[0], "policy": labels[1], "digest": labels[2], "generation": labels[3], "state": labels[4]})
	}
	l.shown = nil
	l.showProblem(g.Problem)
	if g.Active > 0 {
		l.show(g.Digest, strconv.Itoa(g.Active), "Active")
		l.since.Set(float64(g.Since.UnixNano()) / 1e9)
	}
	if g.State != "Active" {
		l.show(g.Candidate, "", g.State)
	}
}

// showProblem replaces the series of problems. The caller holds mu.
func (l *Loading) showProblem(reason string) {
	if l.problem != "" && l.problem != reason {
		problems.Delete(map[string]string{"profile": l.profile, "policy": l.policy, "reason": l.problem})
	}
	if l.problem = reason; reason != "" {
		problems.WithLabelValues(l.profile, l.policy, reason).Set(1)
	}
}

// show adds a series of info. The caller holds mu.
func (l *Loading) show(digest, generation, state string) {
	labels := []string{l.profile, l.policy, digest, generation, state}
	info.WithLabelValues(labels...).Set(1)
	l.shown = append(l.shown, labels)
}

// Activated counts a candidate that became active.
func (l *Loading) Activated() { reloads.WithLabelValues(l.profile, l.policy, "activated", "").Inc() }

// Rejected counts one that did not, by a word for why.
func (l *Loading) Rejected(reason string) {
	reloads.WithLabelValues(l.profile, l.policy, "rejected", reason).Inc()
}

// Retired is how many generations were replaced and are still needed.
func (l *Loading) Retired(n int) { retired.WithLabelValues(l.profile, l.policy).Set(float64(n)) }

// Shadow counts a decision of the policy's shadow.
func (l *Loading) Shadow(point string, same bool) {
	result := "different"
	if same {
		result = "same"
	}
	shadowed.WithLabelValues(l.profile, l.policy, point, result).Inc()
}
