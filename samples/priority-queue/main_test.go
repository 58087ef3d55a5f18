// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// pod is a pod that was created that many seconds after the first.
func pod(name, class string, age int) *stowagetest.Pod {
	p := stowagetest.MakePod(name).Created(time.Unix(1_700_000_000+int64(age), 0))
	if class != "" {
		p.Label("stowage.dev/class", class)
	}
	return p
}

func TestOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		config string
		pods   []*stowagetest.Pod
		want   []string
	}{
		"class, then age": {"", []*stowagetest.Pod{
			pod("low-1", "low", 1), pod("high-3", "high", 3), pod("normal-0", "normal", 0), pod("high-2", "high", 2),
		}, []string{"high-2", "high-3", "normal-0", "low-1"}},
		"no class and unknown ones are of the default": {"", []*stowagetest.Pod{
			pod("low", "low", 0), pod("unknown", "urgent", 2), pod("none", "", 1), pod("high", "high", 3),
		}, []string{"high", "none", "unknown", "low"}},
		"other classes": {`{"classes":["gold","iron"],"defaultClass":"iron"}`, []*stowagetest.Pod{
			pod("high", "high", 0), pod("iron", "iron", 1), pod("gold", "gold", 2),
		}, []string{"gold", "high", "iron"}},
		"another label": {`{"label":"tier"}`, []*stowagetest.Pod{
			pod("none", "high", 0), pod("high", "", 1).Label("tier", "high"),
		}, []string{"high", "none"}},
		"priority does not matter": {"", []*stowagetest.Pod{
			pod("urgent", "", 1).Priority(1000), pod("old", "", 0),
		}, []string{"old", "urgent"}},
		"what comes first of the same second stays first": {"", []*stowagetest.Pod{
			pod("b", "", 0), pod("a", "", 0),
		}, []string{"b", "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := stowagetest.New(t, newPolicy(), reads)
			if err := h.Configure(tc.config); err != nil {
				t.Fatal(err)
			}
			slices.SortStableFunc(tc.pods, func(a, b *stowagetest.Pod) int {
				switch {
				case h.Before(a, b):
					return -1
				case h.Before(b, a):
					return 1
				}
				return 0
			})
			var got []string
			for _, p := range tc.pods {
				got = append(got, p.Name())
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("want %v, got %v", tc.want, got)
			}
		})
	}
}

func TestConfigProblems(t *testing.T) {
	for config, want := range map[string]string{
		`{"classes":["a","b","a",""],"defaultClass":"c","lable":"x"}`: `classes: must be different values of a label, has "a"
classes: must be different values of a label, has ""
defaultClass: must be one of classes, is "c"
lable: unknown field`,
		`{"classes":["a"],"label":""}`: `label: must be a label's key such as example.com/class
defaultClass: must be one of classes, is "normal"`,
		`{"classes":[]}`: `defaultClass: must be one of classes, is "normal"`,
	} {
		err := stowagetest.New(t, newPolicy(), reads).Configure(config)
		if err == nil || err.Error() != want {
			t.Errorf("%s: want\n%s\ngot\n%v", config, want, err)
		}
	}
}
