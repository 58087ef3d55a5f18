// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for name, tc := range map[string]struct {
		values []float64
		want   float64
	}{
		"none": {want: 0},
		"odd":  {values: []float64{9, 1, 5}, want: 5},
		"even": {values: []float64{9, 1, 5, 4}, want: 4.5},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Median(tc.values); got != tc.want {
				t.Errorf("Median(%v) = %v, want %v", tc.values, got, tc.want)
			}
		})
	}
}

func TestTable(t *testing.T) {
	r := New()
	r.Ratio("slow", 2.5)
	r.Ratio("fast", 0.98)
	r.Ratio("free", 7)
	r.Add("time", "us", 12345.678)
	var got strings.Builder
	if err := r.Table(&got, map[string]Budget{"slow": {Limit: 2}, "fast": {Limit: 0.97, AtLeast: true}}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"NAME VALUE UNIT BUDGET OK",
		"fast 0.98 ratio >= 0.97 yes",
		"free 7 ratio",
		"slow 2.5 ratio <= 2 NO",
		"time 12346 us",
	}
	if diff := cmp.Diff(want, squeezed(got.String())); diff != "" {
		t.Errorf("table (-want,+got):\n%s", diff)
	}
}

// squeezed is lines with single spaces.
func squeezed(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

func TestJSON(t *testing.T) {
	r := New()
	r.Ratio("a", 1.0/3)
	r.Add("b", "us", 2)
	got, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "ratios": {
    "a": 0.33333
  },
  "values": [
    {
      "name": "b",
      "unit": "us",
      "value": 2
    }
  ]
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want,+got):\n%s", diff)
	}
}
