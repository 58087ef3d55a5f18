// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/component-base/cli"
	fwk "k8s.io/kube-scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
)

// asScheduler makes the test binary behave as the scheduler, so that exit codes and output are a process's.
const asScheduler = "STOWAGE_TEST_RUN_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asScheduler) != "" {
		main()
	}
	os.Exit(m.Run())
}

// fakeHost records what the scheduler asks for; its factories fail, which stops the scheduler before it connects.
type fakeHost struct {
	mu       sync.Mutex
	names    []string
	args     map[string]string
	memory   int64
	cacheDir string
	self     *v1.ObjectReference
	statuses []wasmplugin.PolicyStatus
	unready  error
}

func (h *fakeHost) SetMemoryLimit(bytes int64)          { h.memory = bytes }
func (h *fakeHost) SetCacheDir(dir string)              { h.cacheDir = dir }
func (h *fakeHost) SetSelf(self *v1.ObjectReference)    { h.self = self }
func (h *fakeHost) Policies() []wasmplugin.PolicyStatus { return h.statuses }
func (h *fakeHost) Ready() error                        { return h.unready }

func (h *fakeHost) Factory(name string) func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error) {
	h.names = append(h.names, name)
	return func(_ context.Context, args runtime.Object, _ fwk.Handle) (fwk.Plugin, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.args[name] = string(args.(*runtime.Unknown).Raw)
		return nil, errors.New("no such guest")
	}
}

// inFiles writes files into a new working directory.
func inFiles(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const header = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"

const badConfig = header + `
profiles:
- schedulerName: stowage
  plugins: {multiPoint: {enabled: [{name: zone}, {name: NodeName}]}}
  pluginConfig:
  - name: zone
    args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, modul: {}, module: {file: {path: none.wasm}}}
  - name: NodeName
    args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path: a.wasm}}}
  - name: idle
    args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {}}}
`

const wantProblems = `The configuration of policies is not valid:
- profiles[0].pluginConfig[0].args.modul: Forbidden: unknown field: check its spelling and place
- profiles[0].pluginConfig[0].args.module.file.path: Invalid value: "none.wasm": does not exist
- profiles[0].pluginConfig[1].name: Invalid value: "NodeName": is the name of a plugin that is built into kube-scheduler: choose another name
- profiles[0].pluginConfig[2].name: Invalid value: "idle": is not enabled in this profile: add {name: idle} to profiles[0].plugins.multiPoint.enabled
- profiles[0].pluginConfig[2].args.module.file.path: Required value: name a .wasm file
`

func TestBadConfigInProcess(t *testing.T) {
	inFiles(t, map[string]string{"bad.yaml": badConfig, "a.wasm": "\x00asm"})
	host := &fakeHost{args: map[string]string{}}
	var stderr bytes.Buffer
	cmd := newCommand(host)
	cmd.SetArgs([]string{"--config=bad.yaml"})
	cmd.SetErr(&stderr)

	start := time.Now()
	code := cli.Run(cmd)
	if took := time.Since(start); took >= time.Second {
		t.Errorf("the command took %v, want less than 1s", took)
	}
	if code != 1 {
		t.Errorf("exit code = %d, want 1", code)
	}
	if diff := cmp.Diff(wantProblems, stderr.String()); diff != "" {
		t.Errorf("stderr (-want,+got):\n%s", diff)
	}
	if len(host.names) > 0 {
		t.Errorf("asked for factories of %v, want none", host.names)
	}
}

const goodConfig = header + `
leaderElection: {leaderElect: false}
clientConnection: {kubeconfig: kubeconfig.yaml}
profiles:
- schedulerName: stowage
  plugins: {multiPoint: {enabled: [{name: zone}]}}
  pluginConfig:
  - name: zone
    args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path: a.wasm}}, config: {a: 1}}
- schedulerName: other
  plugins: {score: {enabled: [{name: zone}]}}
  pluginConfig:
  - name: zone
    args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path: a.wasm}}}
`

const kubeconfig = `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
`

// TestPoliciesBecomePlugins goes as far as the scheduler does without a cluster: it calls the factories.
func TestPoliciesBecomePlugins(t *testing.T) {
	inFiles(t, map[string]string{"good.yaml": goodConfig, "a.wasm": "\x00asm", "kubeconfig.yaml": kubeconfig})
	t.Setenv("POD_NAME", "stowage-1")
	t.Setenv("POD_NAMESPACE", "stowage-system")
	t.Setenv("POD_UID", "4f")
	host := &fakeHost{args: map[string]string{}}
	cmd := newCommand(host)
	cmd.SetArgs([]string{"--config=good.yaml", "--secure-port=0", "--policy-cache-dir=cached"})
	if code := cli.Run(cmd); code != 1 {
		t.Errorf("exit code = %d, want 1 as the factory fails", code)
	}
	if diff := cmp.Diff([]string{"zone"}, host.names); diff != "" {
		t.Errorf("registered policies (-want,+got):\n%s", diff)
	}
	want := map[string]string{
		"zone": `{"apiVersion":"stowage.dev/v1alpha1","config":{"a":1},"kind":"WasmPluginArgs","module":{"file":{"path":"a.wasm"}}}`,
	}
	if diff := cmp.Diff(want, host.args); diff != "" {
		t.Errorf("args given to factories (-want,+got):\n%s", diff)
	}
	pod := &v1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: "stowage-system", Name: "stowage-1", UID: "4f"}
	if diff := cmp.Diff(pod, host.self); diff != "" {
		t.Errorf("self (-want,+got):\n%s", diff)
	}
	if host.cacheDir != "cached" {
		t.Errorf("cache directory = %q, want cached", host.cacheDir)
	}
}

func TestProcess(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inFiles(t, map[string]string{
		"bad.yaml":        badConfig,
		"good.yaml":       goodConfig,
		"kubeconfig.yaml": kubeconfig,
		"plain.yaml":      header + "clientConnection: {kubeconfig: none.yaml}\n",
		"a.wasm":          "\x00asm",
	})
	tests := map[string]struct {
		args       []string
		wantCode   int
		wantOutput []string
	}{
		"bad policies": {args: []string{"--config=bad.yaml"}, wantCode: 1, wantOutput: []string{wantProblems, "5 problem(s)"}},
		"neither digest nor signature": {args: []string{"--config=good.yaml", "--require-policy-digest", "--require-policy-signature"}, wantCode: 1, wantOutput: []string{
			"profiles[0].pluginConfig[0].args.module.digest: Required value: this scheduler runs only modules that are pinned",
			"profiles[0].pluginConfig[0].args.module.verify: Required value: this scheduler runs only modules that are signed",
			"profiles[1].pluginConfig[0].args.module.digest: ", "4 problem(s)",
		}},
		"an argument that is no flag":   {args: []string{"good.yaml"}, wantCode: 1, wantOutput: []string{"accepts 0 arg(s)"}},
		"absent file":                   {args: []string{"--config=none.yaml"}, wantCode: 1, wantOutput: []string{"reading scheduler configuration: open none.yaml"}},
		"version, whatever the config":  {args: []string{"--config=bad.yaml", "--version"}, wantOutput: []string{"Kubernetes v"}},
		"help":                          {args: []string{"--help"}, wantOutput: []string{"WasmPluginArgs", "scheduler [flags]", "--leader-elect", "--secure-port", "--policy-memory", "--feature-gates", "--version", "--v Level"}},
		"unknown flag":                  {args: []string{"--no-such-flag"}, wantCode: 1, wantOutput: []string{"unknown flag: --no-such-flag", "scheduler [flags]"}},
		"value out of a flag's range":   {args: []string{"--policy-memory=1"}, wantCode: 1, wantOutput: []string{"between 16Mi and 1Pi", "Policy flags:"}},
		"no policies is kube-scheduler": {args: []string{"--config=plain.yaml"}, wantCode: 1, wantOutput: []string{"stat none.yaml: no such file"}},
		"no --config is kube-scheduler": {args: []string{"--kubeconfig=none.yaml"}, wantCode: 1, wantOutput: []string{"stat none.yaml: no such file"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), binary, tc.args...)
			cmd.Env = append(os.Environ(), asScheduler+"=1")
			output, err := cmd.CombinedOutput()
			if err != nil && cmd.ProcessState == nil {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != tc.wantCode {
				t.Errorf("exit code = %d, want %d", got, tc.wantCode)
			}
			// Processor time, because the machine may be busy with other tests.
			if took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); took >= time.Second {
				t.Errorf("took %v of processor time, want less than 1s", took)
			}
			for _, want := range tc.wantOutput {
				if !strings.Contains(string(output), want) {
					t.Errorf("output = %s\nwant it to contain %q", output, want)
				}
			}
		})
	}
}

func TestRegisterNamesTheClash(t *testing.T) {
	host := &fakeHost{args: map[string]string{}}
	err := register(frameworkruntime.Registry{"zone": nil}, []string{"zone"}, host)
	want := fmt.Sprintf("registering policy %q: a plugin named zone already exists", "zone")
	if err == nil || err.Error() != want {
		t.Errorf("register() = %v, want %s", err, want)
	}
}
