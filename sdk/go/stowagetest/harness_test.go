// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// recorder is a test that notes failures instead of failing.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// forgetful counts nodes, which no policy must.
type forgetful struct{ seen int }

func (f *forgetful) Filter(_ *stowage.Cycle, _ *stowage.Pod, _ *stowage.Node) stowage.Status {
	if f.seen++; f.seen%2 == 0 {
		return stowage.Unschedulable("every second node")
	}
	return stowage.Success()
}

// scorer returns what the node's pod count says, less ten.
type scorer struct{}

func (scorer) Score(_ *stowage.Cycle, _ *stowage.Pod, n *stowage.Node) (int64, stowage.Status) {
	return int64(n.PodCount()) - 10, stowage.Success()
}

// mistyped has a Filter that the SDK cannot use.
type mistyped struct{ scorer }

func (mistyped) Filter(*stowage.Pod, *stowage.Node) bool { return true }

// half takes what it reserves for ever.
type half struct{ scorer }

func (half) Reserve(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status {
	return stowage.Success()
}

func TestMistakesAreFound(t *testing.T) {
	for name, tc := range map[string]struct {
		run  func(testing.TB)
		want string
	}{
		"notes between nodes": {
			func(t testing.TB) {
				h := stowagetest.New(t, &forgetful{}, 0)
				h.Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("a"), stowagetest.MakeNode("b"))
			},
			"Filter of node b alone: Success; among others: Unschedulable: every second node; it must depend on the pod and the node only\n" +
				"Filter of node a alone: Unschedulable: every second node; among others: Success; it must depend on the pod and the node only",
		},
		"score out of range": {
			func(t testing.TB) {
				stowagetest.New(t, scorer{}, 0).Score(stowagetest.MakePod("p"), stowagetest.MakeNode("a").PodCount(3))
			},
			"score of node a is -7, outside 0 to 100",
		},
		"half an interface": {
			func(t testing.TB) { stowagetest.New(t, half{}, 0) },
			"stowagetest_test.half lacks Unreserve, which stowage.ReservePlugin has: func(*stowage.Cycle, *stowage.Pod, *stowage.Node)",
		},
		"wrong signature": {
			func(t testing.TB) { stowagetest.New(t, mistyped{}, 0) },
			"method Filter of stowagetest_test.mistyped is not used: it must be func(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			tc.run(r)
			if got := strings.Join(r.errors, "\n"); got != tc.want {
				t.Errorf("want %q, got %q", tc.want, got)
			}
		})
	}
}

func TestScore(t *testing.T) {
	h := stowagetest.New(t, scorer{}, 0)
	got, s := h.Score(stowagetest.MakePod("p"), stowagetest.MakeNode("a").PodCount(30), stowagetest.MakeNode("b").PodCount(11))
	if want := map[string]int64{"a": 20, "b": 1}; !s.IsSuccess() || !maps.Equal(want, got) {
		t.Errorf("want %v, got %v, %v", want, got, s)
	}
}

// amounts reports what the node allows of what the pod asks.
type amounts struct{}

func (amounts) Filter(_ *stowage.Cycle, p *stowage.Pod, _ *stowage.Node) stowage.Status {
	text := ""
	for name, amount := range p.Requests().All() {
		text += fmt.Sprintf("%s=%d ", name, amount)
	}
	return stowage.Unschedulable(strings.TrimSpace(text))
}

func TestQuantities(t *testing.T) {
	for quantity, want := range map[string]string{
		"1":      "cpu=1000 memory=1 x/y=1",
		"250m":   "cpu=250 memory=1 x/y=1",
		"0.0001": "cpu=1 memory=1 x/y=1",
		"1.5":    "cpu=1500 memory=2 x/y=2",
		"2k":     "cpu=2000000 memory=2000 x/y=2000",
		"16Gi":   "cpu=17179869184000 memory=17179869184 x/y=17179869184",
		"1e3":    "cpu=1000000 memory=1000 x/y=1000",
		"0.5Mi":  "cpu=524288000 memory=524288 x/y=524288",
	} {
		t.Run(quantity, func(t *testing.T) {
			pod := stowagetest.MakePod("p").Request("cpu", quantity).Request("memory", quantity).Request("x/y", quantity)
			got := stowagetest.New(t, amounts{}, 0).Filter(pod, stowagetest.MakeNode("n"))
			if got["n"].Reason() != want {
				t.Errorf("want %q, got %q", want, got["n"].Reason())
			}
		})
	}
}

func TestNoQuantity(t *testing.T) {
	defer func() {
		want := `stowagetest: memory: "lots" is not a quantity such as 500m, 4 or 16Gi`
		if got := recover(); got != want {
			t.Errorf("want a panic with %q, got %v", want, got)
		}
	}()
	stowagetest.MakePod("p").Request("memory", "lots")
}
