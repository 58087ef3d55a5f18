// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// watchdogScript reads "add <group>" and "remove <group>" until end of file, which comes when the cluster is
// stopped or when the program that holds the other end of the pipe dies, however it dies. Then it kills the
// groups that are left and removes the directory. Removing is retried: a dying process may still write.
const watchdogScript = `
groups=
while read -r verb group; do
	case $verb in
	add) groups="$groups $group" ;;
	remove)
		kept=
		for g in $groups; do [ "$g" = "$group" ] || kept="$kept $g"; done
		groups=$kept ;;
	esac
done
for g in $groups; do kill -s KILL -- "-$g"; done
for try in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf -- "$1" && exit 0
	sleep 0.2
done
exit 1`

// watchdog is a small process that outlives this program by the moment that cleaning up takes.
type watchdog struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	pipe *os.File
}

func startWatchdog(dir string) (*watchdog, error) {
	read, write, err := os.Pipe() // close-on-exec: nobody but us keeps the writing end open
	if err != nil {
		return nil, fmt.Errorf("making the watchdog's pipe: %w", err)
	}
	defer read.Close() //nolint:errcheck // the watchdog has its own descriptor
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "stowage-watchdog", dir)
	cmd.Dir, cmd.Stdin = "/", read
	// Its own session: what kills this program's process group or closes its terminal must not reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		write.Close() //nolint:errcheck // the error of starting is the one to report
		return nil, fmt.Errorf("starting the watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: write}, nil
}

func (w *watchdog) add(group int) { w.tell("add", group) }

func (w *watchdog) remove(group int) { w.tell("remove", group) }

func (w *watchdog) tell(verb string, group int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// A dead watchdog cannot be helped; the processes are still ended by Stop and, on Linux, by the kernel.
	_, _ = fmt.Fprintln(w.pipe, verb, group)
}

// release lets the watchdog go and waits until it has.
func (w *watchdog) release() error {
	if err := w.pipe.Close(); err != nil {
		return fmt.Errorf("releasing the watchdog: %w", err)
	}
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("waiting for the watchdog: %w", err)
	}
	return nil
}
