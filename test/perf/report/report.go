// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package report collects what benchmarks measured and prints it, as JSON for machines and as a
// table for people. Results are for one goroutine at a time.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
)

// Value is a measurement.
type Value struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
}

// Results are measurements, and the ratios between some of them that budgets are set for.
type Results struct {
	Ratios map[string]float64 `json:"ratios"`
	Values []Value            `json:"values"`
}

// New returns empty results.
func New() *Results { return &Results{Ratios: map[string]float64{}, Values: []Value{}} }

// Add adds a measurement.
func (r *Results) Add(name, unit string, value float64) {
	r.Values = append(r.Values, Value{name, unit, round(value)})
}

// Ratio adds a ratio.
func (r *Results) Ratio(name string, value float64) { r.Ratios[name] = round(value) }

// Get is a measurement by name; ok is false if there is none.
func (r *Results) Get(name string) (value float64, ok bool) {
	for _, v := range r.Values {
		if v.Name == name {
			return v.Value, true
		}
	}
	return 0, false
}

// Merge adds other results.
func (r *Results) Merge(other *Results) {
	r.Values = append(r.Values, other.Values...)
	maps.Copy(r.Ratios, other.Ratios)
}

// JSON is the form that build/bench.json has.
func (r *Results) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding results: %w", err)
	}
	return append(b, '\n'), nil
}

// Budget bounds a ratio.
type Budget struct {
	Limit float64
	// AtLeast is set if more is better.
	AtLeast bool
}

func (b Budget) String() string {
	if b.AtLeast {
		return fmt.Sprintf(">= %v", b.Limit)
	}
	return fmt.Sprintf("<= %v", b.Limit)
}

func (b Budget) holds(v float64) string {
	if b.AtLeast && v >= b.Limit || !b.AtLeast && v <= b.Limit {
		return "yes"
	}
	return "NO"
}

// Table writes the results for people; ratios that have a budget are compared with it.
func (r *Results) Table(w io.Writer, budgets map[string]Budget) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tVALUE\tUNIT\tBUDGET\tOK")
	for _, name := range slices.Sorted(maps.Keys(r.Ratios)) {
		v, limit, ok := r.Ratios[name], "", ""
		if b, has := budgets[name]; has {
			limit, ok = b.String(), b.holds(v)
		}
		fmt.Fprintf(t, "%s\t%.4g\tratio\t%s\t%s\n", name, v, limit, ok)
	}
	for _, v := range r.Values {
		fmt.Fprintf(t, "%s\t%s\t%s\t\t\n", v.Name, number(v.Value), v.Unit)
	}
	return t.Flush()
}

// number is short without hiding the size of large values behind an exponent.
func number(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

func round(v float64) float64 { return math.Round(v*1e5) / 1e5 }

// Median is the middle value, or the mean of the two in the middle; 0 if there is none.
func Median[T ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
