// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// victimEnv makes TestVictim start a cluster and wait to be killed; it is set for a child of TestKilledOwner only.
const victimEnv = "STOWAGE_TEST_VICTIM"

// victim is what a doomed program reports about its cluster.
type victim struct {
	Dir      string
	Pids     []int
	Watchdog int
}

// TestMain turns this binary into the doomed program when it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv(victimEnv) == "" {
		os.Exit(m.Run())
	}
	if err := runVictim(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runVictim() error {
	c, err := Start(context.Background(), Options{})
	if err != nil {
		return err
	}
	v := victim{Dir: c.Dir(), Watchdog: c.dog.cmd.Process.Pid}
	for _, p := range c.Processes() {
		v.Pids = append(v.Pids, p.Pid())
	}
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}

// startVictim runs the doomed program until its cluster is up.
func startVictim(t *testing.T) (*exec.Cmd, victim) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the doomed program did not report: %v", err)
	}
	var v victim
	if err := json.Unmarshal(line, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Pids) != 3 {
		t.Fatalf("the doomed program reports %d processes, want etcd, kube-apiserver and kwok", len(v.Pids))
	}
	return cmd, v
}

func TestKilledOwner(t *testing.T) {
	cmd, v := startVictim(t)
	for _, pid := range append(v.Pids, v.Watchdog) {
		if !alive(pid) {
			t.Fatalf("process %d does not live before its owner was killed", pid)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as intended
	for _, pid := range append(v.Pids, v.Watchdog) {
		eventually(t, fmt.Sprintf("process %d has ended", pid), func() bool { return !alive(pid) })
	}
	eventually(t, "the directory is gone", func() bool {
		_, err := os.Stat(v.Dir)
		return errors.Is(err, os.ErrNotExist)
	})
}

// TestWatchdogKillsGroups shows that the watchdog alone is enough, as it has to be where the
// kernel does not help: the group it kills belongs to a process that was started without that help.
func TestWatchdogKillsGroups(t *testing.T) {
	dir := t.TempDir()
	dog, err := startWatchdog(dir)
	if err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		cmd := exec.Command("sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		dog.add(cmd.Process.Pid)
		return cmd
	}
	first, spared, last := start(), start(), start()
	dog.remove(spared.Process.Pid)
	if err := dog.release(); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []*exec.Cmd{first, last} {
		if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("process %d ended with %v, want it killed", cmd.Process.Pid, err)
		}
	}
	if !alive(spared.Process.Pid) {
		t.Error("a process that the watchdog was told to forget was killed")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

// alive tells whether a process exists that is not just waiting to be reaped by somebody else.
func alive(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
	return err == nil && len(state) > 0 && state[0] != 'Z'
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), readyPoll, 20*time.Second, true, func(context.Context) (bool, error) {
		return condition(), nil
	})
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
