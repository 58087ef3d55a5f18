// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const readyPoll = 50 * time.Millisecond

// portTaken is what every component's log says when its port was taken between freePort and its start.
const portTaken = "address already in use"

// startOnPort starts a process on a free port and waits until probe says that it is ready. A port cannot be
// reserved for another process, so a lost race for it is tried again.
func (c *Cluster) startOnPort(ctx context.Context, name, binary string, args func(port int) []string, probe func(ctx context.Context, port int) error) (*Process, error) {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		p, err := c.start(name, binary, args(port)...)
		if err != nil {
			return nil, err
		}
		if probe == nil {
			return p, nil
		}
		err = c.waitReady(ctx, p, func(ctx context.Context) error { return probe(ctx, port) })
		if err == nil {
			return p, nil
		}
		p.Kill()
		if attempt == 3 || !strings.Contains(p.Log(), portTaken) {
			return nil, err
		}
	}
}

// waitReady polls until probe returns nil. If the process ends first, or time is up, the error carries the
// end of its log.
func (c *Cluster) waitReady(ctx context.Context, p *Process, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended with code %d before it was ready; its log ends with\n%s", p.name, p.Wait(), p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready: %w (last answer: %w); its log ends with\n%s", p.name, context.Cause(ctx), err, p.Tail())
		case <-tick.C:
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close() //nolint:errcheck // nothing was accepted
	return l.Addr().(*net.TCPAddr).Port, nil
}

// get fetches a URL; any status but 200 is an error that carries the body.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end below
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, response.Status, body)
	}
	return body, err
}
