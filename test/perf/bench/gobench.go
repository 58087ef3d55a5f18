// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// metrics of one benchmark by unit.
type metrics map[string]float64

// line is a result of `go test -bench`: name, processors, iterations, pairs of value and unit.
var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

var errNoResults = errors.New("no benchmark ran")

// parse reads the output of `go test -bench`; names lose their "Benchmark".
func parse(out string) (map[string]metrics, error) {
	found := map[string]metrics{}
	for text := range strings.Lines(out) {
		match := line.FindStringSubmatch(strings.TrimSpace(text))
		if match == nil {
			continue
		}
		m, fields := metrics{}, strings.Fields(match[2])
		for i := 0; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("reading %q: %w", text, err)
			}
			m[fields[i+1]] = value
		}
		found[match[1]] = m
	}
	if len(found) == 0 {
		return nil, errNoResults
	}
	return found, nil
}
