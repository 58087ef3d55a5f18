// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

func TestTolerates(t *testing.T) {
	type toleration = stowagetest.Toleration
	taint := stowage.Taint{Key: "level", Value: "5", Effect: stowage.EffectNoSchedule}
	for name, tc := range map[string]struct {
		toleration toleration
		taint      stowage.Taint
		want       bool
	}{
		"equal":                 {toleration{Key: "level", Operator: stowage.OpEqual, Value: "5", Effect: stowage.EffectNoSchedule}, taint, true},
		"another value":         {toleration{Key: "level", Operator: stowage.OpEqual, Value: "6"}, taint, false},
		"another key":           {toleration{Key: "x", Operator: stowage.OpExists}, taint, false},
		"another effect":        {toleration{Key: "level", Operator: stowage.OpExists, Effect: stowage.EffectNoExecute}, taint, false},
		"any effect":            {toleration{Key: "level", Operator: stowage.OpExists}, taint, true},
		"everything":            {toleration{Operator: stowage.OpExists}, taint, true},
		"greater":               {toleration{Key: "level", Operator: stowage.OpGt, Value: "4"}, taint, true},
		"not greater":           {toleration{Key: "level", Operator: stowage.OpGt, Value: "5"}, taint, false},
		"less":                  {toleration{Key: "level", Operator: stowage.OpLt, Value: "6"}, taint, true},
		"greater than no value": {toleration{Key: "level", Operator: stowage.OpGt, Value: "x"}, taint, false},
		"a taint of no number":  {toleration{Key: "level", Operator: stowage.OpGt, Value: "1"}, stowage.Taint{Key: "level", Value: "high"}, false},
		"an unknown operator":   {toleration{Key: "level", Operator: 99, Value: "5"}, taint, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := stowagetest.New(t, filterFunc(func(_ *stowage.Cycle, p *stowage.Pod, _ *stowage.Node) stowage.Status {
				if p.Tolerates(tc.taint) != tc.want {
					return stowage.Unschedulable("wrong")
				}
				return stowage.Success()
			}), stowage.ReadPodTolerations)
			if got := h.Filter(stowagetest.MakePod("p").Toleration(tc.toleration), stowagetest.MakeNode("n")); !got["n"].IsSuccess() {
				t.Errorf("want tolerates %t", tc.want)
			}
		})
	}
}

func TestMatchesNodeAffinity(t *testing.T) {
	type terms = []stowagetest.NodeTerm
	labels := func(key string, op stowage.Operator, values ...string) stowagetest.NodeTerm {
		return stowagetest.NodeTerm{Labels: []stowagetest.Requirement{{Key: key, Operator: op, Values: values}}}
	}
	fields := func(key string, op stowage.Operator, values ...string) stowagetest.NodeTerm {
		return stowagetest.NodeTerm{Fields: []stowagetest.Requirement{{Key: key, Operator: op, Values: values}}}
	}
	for name, tc := range map[string]struct {
		selector map[string]string
		terms    terms
		want     bool
	}{
		"nothing required":        {nil, nil, true},
		"selector":                {map[string]string{"disk": "ssd"}, nil, true},
		"selector, another value": {map[string]string{"disk": "hdd"}, nil, false},
		"selector, absent":        {map[string]string{"gpu": ""}, nil, false},
		"no terms":                {nil, terms{}, false},
		"empty term":              {nil, terms{{}}, false},
		"in":                      {nil, terms{labels("disk", stowage.OpIn, "hdd", "ssd")}, true},
		"in, absent":              {nil, terms{labels("x", stowage.OpIn, "")}, false},
		"not in":                  {nil, terms{labels("disk", stowage.OpNotIn, "ssd")}, false},
		"not in, absent":          {nil, terms{labels("x", stowage.OpNotIn, "ssd")}, true},
		"exists":                  {nil, terms{labels("disk", stowage.OpExists)}, true},
		"does not exist":          {nil, terms{labels("disk", stowage.OpDoesNotExist)}, false},
		"greater":                 {nil, terms{labels("gen", stowage.OpGt, "2")}, true},
		"less":                    {nil, terms{labels("gen", stowage.OpLt, "3")}, false},
		"greater, no number":      {nil, terms{labels("disk", stowage.OpGt, "1")}, false},
		"greater, absent":         {nil, terms{labels("x", stowage.OpGt, "1")}, false},
		"unknown operator":        {nil, terms{labels("disk", 99, "ssd")}, false},
		"name":                    {nil, terms{fields("metadata.name", stowage.OpIn, "n")}, true},
		"another name":            {nil, terms{fields("metadata.name", stowage.OpNotIn, "n")}, false},
		"another field":           {nil, terms{fields("spec.x", stowage.OpIn, "n")}, false},
		"one of the terms":        {nil, terms{labels("x", stowage.OpExists), labels("disk", stowage.OpExists)}, true},
		"a term and the selector": {map[string]string{"gpu": ""}, terms{labels("disk", stowage.OpExists)}, false},
		"both parts of a term":    {nil, terms{{Labels: labels("x", stowage.OpExists).Labels, Fields: fields("metadata.name", stowage.OpIn, "n").Fields}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			pod := stowagetest.MakePod("p")
			for k, v := range tc.selector {
				pod.NodeSelector(k, v)
			}
			if tc.terms != nil {
				pod.RequireNode(tc.terms...)
			}
			h := stowagetest.New(t, filterFunc(func(_ *stowage.Cycle, p *stowage.Pod, n *stowage.Node) stowage.Status {
				if p.MatchesNodeAffinity(n) != tc.want {
					return stowage.Unschedulable("wrong")
				}
				return stowage.Success()
			}), stowage.ReadPodAffinity|stowage.ReadNodeLabels)
			got := h.Filter(pod, stowagetest.MakeNode("n").Label("disk", "ssd").Label("gen", "3"))
			if !got["n"].IsSuccess() {
				t.Errorf("want matches %t", tc.want)
			}
		})
	}
}

func TestNamesOfUnknownValues(t *testing.T) {
	for _, got := range []string{
		stowage.Effect(99).String(), stowage.Operator(99).String(), stowage.ConditionStatus(99).String(), stowage.Protocol(99).String(),
		stowage.ContainerKind(99).String(), stowage.VolumeKind(99).String(), stowage.Code(99).String(), stowage.Level(99).String(),
	} {
		if got != "Unknown" {
			t.Errorf("want Unknown, got %q", got)
		}
	}
}
