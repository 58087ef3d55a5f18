// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/cache"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// child is what a process does that a test starts, by the name that childEnv has; dirEnv is the
// cache's directory.
var child = map[string]func(dir string) error{"load": loadOften, "store": storeForever}

const childEnv, dirEnv = "STOWAGE_TEST_CHILD", "STOWAGE_TEST_DIR"

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := child[name](os.Getenv(dirEnv)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// process is a child that has not been started. It ends with the test.
func process(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+name, dirEnv+"="+dir)
	return cmd
}

// wantNoTrouble is a cache of a child, which fails if there is trouble.
func wantNoTrouble(dir string) (c *cache.Cache, trouble func() error) {
	var told error
	c = cache.New(dir, cache.Options{Trouble: func(err error) { told = errors.Join(told, err) }})
	return c, func() error { return told }
}

// verdict compiles a policy that fails every pod with a number, and asks it.
func verdict(ctx context.Context, c engine.Cache, number uint32) (uint32, error) {
	p := wt.NewPolicy().Body(abi.ExportFilter, wt.Const(number))
	m, err := engine.Compile(ctx, p.Bytes(), engine.Options{Cache: c})
	if err != nil {
		return 0, err
	}
	defer func() { _ = m.Close(ctx) }()
	inst, err := m.Instantiate(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = inst.Close(ctx) }()
	return inst.Call(ctx, abi.ExportFilter)
}

// loadOften loads modules, each several times.
func loadOften(dir string) error {
	c, trouble := wantNoTrouble(dir)
	for i := range uint32(60) {
		want := i%20 + 1
		if got, err := verdict(context.Background(), c, want); err != nil || got != want {
			return fmt.Errorf("policy %d answered %d, %w", want, got, err)
		}
	}
	return trouble()
}

// Schedulers that share a directory compile the same modules at the same time.
func TestProcessesShareADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var list []*exec.Cmd
	var outs []*strings.Builder
	for range 3 {
		cmd, out := process(t, "load", dir), &strings.Builder{}
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		list, outs = append(list, cmd), append(outs, out)
	}
	for i, cmd := range list {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v\n%s", i, err, outs[i])
		}
	}
	if found := len(content(t, filepath.Join(dir, "stowage-v1", "entries"))); found != 20 {
		t.Errorf("there are %d entries of 20 modules", found)
	}
	if left := len(mustList(t, filepath.Join(dir, "stowage-v1", "tmp"))); left != 0 {
		t.Errorf("%d temporary files are left", left)
	}
}

func mustList(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// storeForever stores entries, modules and records, and says so, until it is killed.
func storeForever(dir string) error {
	c, trouble := wantNoTrouble(dir)
	for i := 0; ; i++ {
		text := strings.Repeat(fmt.Sprintf("%09d\n", i%5), 100_000)
		_, err := c.Metered(fmt.Sprint(i), "", func() ([]byte, error) { return []byte(text), nil })
		err = errors.Join(err, c.PutModule(digest(text), []byte(text)), c.PutRecord(record("p", "q", text)), trouble())
		if err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// A process that is killed leaves temporary files behind at most: what has a name is whole.
func TestKilledProcess(t *testing.T) {
	for turn := range 5 {
		dir := filepath.Join(t.TempDir(), "cache")
		cmd := process(t, "store", dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range turn + 1 {
			if !lines.Scan() {
				t.Fatal("the process ended by itself: ", cmd.Wait())
			}
		}
		time.Sleep(time.Duration(turn) * time.Millisecond) // somewhere in the next turn
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		wantWhole(t, dir)
	}
}

func wantWhole(t *testing.T, dir string) {
	t.Helper()
	h := newHarnessIn(t, dir, 0)
	r, err := h.Record("p", "q")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Module(r.Digest); err != nil {
		t.Error(err)
	}
	for i := range mustList(t, filepath.Join(h.root(), "entries")) {
		_, err := h.Metered(fmt.Sprint(i), "", func() ([]byte, error) { return nil, errors.New("it is not there") })
		if err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
	}
	h.wantTold(0, nil)
}
