// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os/exec"
	"runtime"
	"sync"
)

type launchRequest struct {
	cmd    *exec.Cmd
	result chan error
}

// launches feeds the thread that starts every process. Linux ties the parent-death signal to the *thread*
// that forked, and Go ends threads as it sees fit, which would kill the children of a living program;
// so one thread, locked and never given back, does all the forking.
var launches = sync.OnceValue(func() chan<- launchRequest {
	requests := make(chan launchRequest)
	go func() {
		runtime.LockOSThread()
		for r := range requests {
			r.result <- r.cmd.Start()
		}
	}()
	return requests
})

// launch starts cmd such that it is killed when this program dies.
func launch(cmd *exec.Cmd) error {
	result := make(chan error)
	launches() <- launchRequest{cmd, result}
	return <-result
}
