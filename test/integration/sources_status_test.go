// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// sourced is a policy whose module is not just a file that make built.
type sourced struct {
	name string
	// module is args.module, and more is further args, both in YAML's flow style without braces.
	module, more string
	scores       bool
}

// sourcedConfig writes a configuration with one profile, in which only the policies score, if any does. They have
// more time than by default, so that no attempt fails because the machine is busy with something else.
func sourcedConfig(t *testing.T, policies ...sourced) string {
	t.Helper()
	var b, named strings.Builder
	for _, p := range policies {
		if p.scores {
			fmt.Fprintf(&named, "{name: %s},", p.name)
		}
	}
	b.WriteString("apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n" +
		"leaderElection: {leaderElect: false}\nclientConnection: {qps: 1000, burst: 1000}\n" +
		"podInitialBackoffSeconds: 1\npodMaxBackoffSeconds: 1\nprofiles:\n- schedulerName: stowage\n  plugins:\n")
	if named.Len() > 0 {
		for _, point := range []string{"preScore", "score"} {
			fmt.Fprintf(&b, "    %s: {disabled: [{name: '*'}], enabled: [%s]}\n", point, named.String())
		}
	}
	b.WriteString("    multiPoint:\n      enabled:\n")
	for _, p := range policies {
		fmt.Fprintf(&b, "      - {name: %s}\n", p.name)
	}
	b.WriteString("  pluginConfig:\n")
	for _, p := range policies {
		fmt.Fprintf(&b, "  - name: %s\n    args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {%s}, limits: {deadline: 1s}, %s}\n", p.name, p.module, p.more)
	}
	path := filepath.Join(t.TempDir(), "scheduler.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startSourced runs the scheduler with the policies. Without a cache directory there is none.
func startSourced(t *testing.T, c *cluster.Cluster, cache string, policies ...sourced) *cluster.Scheduler {
	t.Helper()
	s, err := c.StartScheduler(t.Context(), cachedOptions(t, cache, policies...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func cachedOptions(t *testing.T, cache string, policies ...sourced) cluster.SchedulerOptions {
	t.Helper()
	opts := cluster.SchedulerOptions{ConfigFile: sourcedConfig(t, policies...)}
	if cache != "" {
		opts.ExtraArgs = append(opts.ExtraArgs, "--policy-cache-dir="+cache)
	}
	return opts
}

// policyState is what /debug/policies says of a policy, as far as tests read it.
type policyState struct {
	Policy, Role string
	Loading      struct {
		State, Source, Candidate, Problem, Reason string
		Activated, Rejected                       int
		Active                                    *struct {
			Generation           int
			Digest, ConfigDigest string
			Manifest             string
			Signers              []string
			Remembered           bool
		}
	}
	Retired     int `json:"retiredGenerations"`
	Differences []struct{ Point, Pod, Node, Policy, Shadow string }
}

// active is the digest of the module that runs, as sha256sum prints it; empty if none does.
func (p *policyState) active() string {
	if p.Loading.Active == nil {
		return ""
	}
	return p.Loading.Active.Digest
}

// policies asks the scheduler where they stand, by name, that of a canary or a shadow followed by its role.
func policies(ctx context.Context, s *cluster.Scheduler) (map[string]*policyState, error) {
	body, err := s.Get(ctx, "/debug/policies")
	if err != nil {
		return nil, err
	}
	var list []*policyState
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("reading /debug/policies: %w", err)
	}
	found := map[string]*policyState{}
	for _, p := range list {
		found[strings.TrimSpace(p.Policy+" "+p.Role)] = p
	}
	return found, nil
}

// untilPolicy waits until a policy's state is as wanted, and returns it.
func untilPolicy(t *testing.T, s *cluster.Scheduler, name, what string, wanted func(*policyState) bool) (last *policyState) {
	t.Helper()
	eventually(t, what, func(ctx context.Context) (bool, error) {
		select {
		case <-s.Done():
			return false, fmt.Errorf("the scheduler has ended with code %d", s.Wait())
		default:
		}
		all, err := policies(ctx, s)
		if err != nil || all[name] == nil {
			return false, nil //nolint:nilerr // it may answer later
		}
		last = all[name]
		return wanted(last), nil
	})
	return last
}

// runs accepts a policy whose latest candidate is active: the module with the content.
func runs(content []byte) func(*policyState) bool {
	digest := strings.TrimPrefix(digestOf(content), "sha256:")
	return func(p *policyState) bool {
		return p.Loading.State == "Active" && p.Loading.Problem == "" && p.active() == digest
	}
}

// rejectedFor accepts a policy whose latest candidate was rejected for the reason.
func rejectedFor(reason string) func(*policyState) bool {
	return func(p *policyState) bool { return p.Loading.Reason == reason }
}
