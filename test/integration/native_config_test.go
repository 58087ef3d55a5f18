// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stowage-scheduler/stowage/test/cluster"
	"github.com/stowage-scheduler/stowage/test/native/rules"
	"github.com/stowage-scheduler/stowage/test/native/workload"
)

// variant is a scheduler with the policy.
type variant struct {
	name    string
	options cluster.SchedulerOptions
}

func native(t *testing.T) variant {
	t.Helper()
	return variant{"native", cluster.SchedulerOptions{
		Name: "native-scheduler", Binary: nativeBinary(t),
		ConfigFile: quotaConfig(t, fmt.Sprintf("{limit: %d}", workload.Limit)),
	}}
}

// nativeBinary is where make put the scheduler with the native plugin.
func nativeBinary(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(cluster.BinEnv)
	if dir == "" {
		root, err := cluster.SourceRoot()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(root, "build", "bin")
	}
	return filepath.Join(dir, "native-scheduler")
}

// wasm has limits that a slow machine does not exceed: a fault would be a difference.
func wasm(t *testing.T) variant {
	t.Helper()
	return variant{"wasm", cluster.SchedulerOptions{ConfigFile: quotaConfig(t, fmt.Sprintf(
		"{apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path: %s}}, config: {limit: %d}, capabilities: [nodePods], limits: {deadline: 10s}}",
		modulePath(t, rules.Name), workload.Limit))}}
}

// quotaConfig is a scheduler's configuration in which the policy alone scores, every node is looked at, and
// preemption considers all candidates: the framework else chooses by chance.
func quotaConfig(t *testing.T, args string) string {
	t.Helper()
	text := fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
clientConnection: {qps: 5000, burst: 5000}
parallelism: 1
percentageOfNodesToScore: 100
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 1
profiles:
- schedulerName: %[1]s
  plugins:
    preScore: {disabled: [{name: '*'}], enabled: [{name: %[2]s}]}
    score: {disabled: [{name: '*'}], enabled: [{name: %[2]s}]}
    multiPoint: {enabled: [{name: %[2]s}]}
  pluginConfig:
  - name: DefaultPreemption
    args: {minCandidateNodesPercentage: 100, minCandidateNodesAbsolute: 1000}
  - name: %[2]s
    args: %[3]s
`, workload.SchedulerName, rules.Name, args)
	path := filepath.Join(t.TempDir(), "scheduler.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
