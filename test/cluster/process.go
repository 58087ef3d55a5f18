// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long a process may take to end by itself after SIGTERM; a scheduler needs under a second.
const stopTimeout = 10 * time.Second

// tailLines of a log are shown when a process did not do what it was started for.
const tailLines = 25

// Process is one component of the cluster. Its methods may be called concurrently.
type Process struct {
	name    string
	log     string
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
	polite  bool          // gets SIGTERM first when the cluster stops
	release func()
}

// start runs a binary in its own process group, with its output in a log file of the cluster's directory.
func (c *Cluster) start(name, binary string, args ...string) (*Process, error) {
	log, err := c.newLog(name)
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the child has its own descriptor, nothing is written here
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, log, log
	// Components look for settings in the home directory of whoever runs them.
	cmd.Env = append(os.Environ(), "HOME="+c.dir)
	cmd.SysProcAttr = childAttributes()
	if err := launch(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	group := cmd.Process.Pid
	c.dog.add(group)
	p := &Process{name: name, log: log.Name(), cmd: cmd, done: make(chan struct{}), release: func() { c.dog.remove(group) }}
	go p.reap()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes = append(c.processes, p)
	return p, nil
}

// newLog makes name.log, or name-2.log if a process of that name ran before.
func (c *Cluster) newLog(name string) (*os.File, error) {
	file := name + ".log"
	for i := 2; ; i++ {
		f, err := os.OpenFile(filepath.Join(c.dir, file), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if !errors.Is(err, os.ErrExist) {
			return f, err
		}
		file = fmt.Sprintf("%s-%d.log", name, i)
	}
}

func (p *Process) reap() {
	_ = p.cmd.Wait() // the outcome stays in ProcessState
	p.release()
	close(p.done)
}

// Name is the name that the process was started under.
func (p *Process) Name() string { return p.name }

// Pid is the operating system's number of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end and returns the exit code, as a shell has it: 128+n if signal n ended the process.
func (p *Process) Wait() int {
	<-p.done
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// Stop sends SIGTERM, after ten seconds SIGKILL, and returns the exit code.
func (p *Process) Stop() int {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
	}
	return p.Kill()
}

// Kill sends SIGKILL and returns the exit code. An ended process is left alone.
func (p *Process) Kill() int {
	p.signal(syscall.SIGKILL)
	return p.Wait()
}

// end is how Stop of the cluster ends it: a scheduler may say good-bye, the data of the rest is thrown away anyway.
func (p *Process) end() {
	if p.polite {
		p.Stop()
		return
	}
	p.Kill()
}

func (p *Process) signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // already gone is what the caller wants
}

// Log returns everything that the process wrote.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	return string(text)
}

// Tail returns the last lines of the log.
func (p *Process) Tail() string {
	lines := strings.Split(strings.TrimRight(p.Log(), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
