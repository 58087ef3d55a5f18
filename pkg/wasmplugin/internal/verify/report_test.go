// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

func reported(t *testing.T) *verify.Report {
	t.Helper()
	p := wt.NewPolicy().Without(abi.ExportPreFilter)
	p.Import("stowage", "log", 3)
	p.Import("stowage", "log", 3)
	p.Import("stowage", "event", 5, wt.I32)
	p.Import(wasi, "proc_exit", 1)
	p.MaxPages = 64
	p.Tables = []wt.Table{{Min: 3}}
	p.Start = p.Define(wt.Func{}) + 1
	producers := wt.Code([]byte{2}, wt.Text("language"), []byte{1}, wt.Text("Go"), wt.Text("go1.26"),
		wt.Text("processed-by"), []byte{1}, wt.Text("evil\x1b[2J "+strings.Repeat("x", 200)), wt.Text(""))
	p.Customs = []wt.Custom{{Name: "producers", Content: producers}, {Name: "go:buildid", Content: []byte("x")}}
	report, err := verify.Check(p.Bytes(), verify.Options{Imports: offered(), Inspect: true})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// anonymous is reported without what depends on the module's bytes.
func anonymous(t *testing.T) *verify.Report {
	report := reported(t)
	report.Size, report.Digest, report.CompileBytes, report.Effort = 0, "sha256:0", 1, 2_000_000
	return report
}

func TestReportIsATable(t *testing.T) {
	want := `size     0 bytes
digest   sha256:0
abi      1
points   stowage_filter
         stowage_normalize_score
         stowage_pre_score
         stowage_score
imports  stowage.log                                  log
         stowage.event                                events
         wasi_snapshot_preview1.proc_exit
needs    events
         log
memory   33 to 64 pages of 64 KiB
table    3 entries of funcref, no maximum
code     8 functions, to be compiled in about 2ms
start    a function runs on instantiation
made by  language: Go go1.26
         processed-by: "evil\x1b[2J xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
custom   producers
         go:buildid
`
	report := anonymous(t)
	var got strings.Builder
	if _, err := report.WriteTo(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("report (-want,+got):\n%s", diff)
	}
}

func TestReportFitsEightyColumns(t *testing.T) {
	for line := range strings.Lines(reported(t).String()) {
		if n := len([]rune(line)) - 1; n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestReportAsJSON(t *testing.T) {
	report := anonymous(t)
	report.Producers = report.Producers[:1]
	got, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"size":0,"digest":"sha256:0","abi":"1",` +
		`"exports":["stowage_filter","stowage_normalize_score","stowage_pre_score","stowage_score"],` +
		`"imports":[{"name":"stowage.log","capability":"log"},{"name":"stowage.event","capability":"events"},{"name":"wasi_snapshot_preview1.proc_exit"}],` +
		`"capabilities":["events","log"],"memory":{"min":33,"max":64},"tables":[{"type":"funcref","min":3}],"functions":8,"compileBytes":1,"effort":2000000,"start":true,` +
		`"producers":[{"field":"language","name":"Go","version":"go1.26"}],"customSections":["producers","go:buildid"]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want,+got):\n%s", diff)
	}
}

func TestDigestIsOfTheFile(t *testing.T) {
	module := wt.NewPolicy().Bytes()
	report, err := verify.Check(module, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(module)); report.Digest != want {
		t.Errorf("digest = %q, want %q", report.Digest, want)
	}
}
