// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// scraper reads the scheduler's metrics, hundreds of times: over one connection, and without compression.
type scraper struct {
	client *http.Client
	url    string
}

// start runs the scheduler on a port that the scraper knows.
func (p *Player) start(ctx context.Context, o cluster.SchedulerOptions) (err error) {
	port, err := freePort()
	if err != nil {
		return err
	}
	config := p.cluster.RESTConfig()
	config.Host, config.DisableCompression = fmt.Sprintf("https://127.0.0.1:%d", port), true
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("making a client for the scheduler: %w", err)
	}
	p.metrics = &scraper{client: client, url: config.Host + "/metrics"}
	o.NoWait, o.ExtraArgs = true, []string{fmt.Sprintf("--secure-port=%d", port), "--pod-max-in-unschedulable-pods-duration=1h"}
	if p.scheduler, err = p.cluster.StartScheduler(ctx, o); err != nil {
		return err
	}
	return p.awaken(ctx)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close() //nolint:errcheck // nothing was accepted
	return l.Addr().(*net.TCPAddr).Port, nil
}

// reading is the scheduler's metrics that count: their text up to the value, and the value.
type reading map[string]float64

// metrics that are read. What is measured in seconds is read for its count.
var metrics = []string{
	"pending_pods{", "schedule_attempts_total{", "queue_incoming_pods_total{",
	"event_handling_duration_seconds_count{", "preemption_victims_count", "preemption_victims_sum",
	"preemption_attempts_total", "preemption_goroutines_execution_total{", "unschedulable_pods{",
}

// prefix of all metrics that are read.
const prefix = "scheduler_"

func (s *scraper) read(ctx context.Context) (reading, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %w", response.Status, err)
	}
	return parse(text), nil
}

func parse(text []byte) reading {
	r := reading{}
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte(prefix))
		for i := 0; ok && i < len(metrics); i++ {
			if bytes.HasPrefix(rest, []byte(metrics[i])) {
				r.add(strings.TrimSpace(string(line)))
			}
		}
	}
	return r
}

func (r reading) add(line string) {
	i := strings.LastIndexByte(line, ' ')
	if value, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
		r[line[:i]] = value
	}
}

// sum adds up the values of a metric with a label, or with any.
func (r reading) sum(name, label string) (n int) {
	for key, value := range r {
		if strings.HasPrefix(key, name) && strings.Contains(key, label) {
			n += int(value)
		}
	}
	return n
}

func (r reading) pending(queue string) int {
	return r.sum("scheduler_pending_pods{", `queue="`+queue+`"`)
}

func (r reading) heard(event string) int {
	return r.sum("scheduler_event_handling_duration_seconds_count{", `event="`+event+`"`)
}

func (r reading) attempts(result string) int {
	return r.sum("scheduler_schedule_attempts_total{", `result="`+result+`"`)
}

// failures is how many attempts did not succeed.
func (r reading) failures() int { return r.attempts("unschedulable") + r.attempts("error") }
