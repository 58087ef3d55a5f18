// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// maxName is how much of a name messages and reports show: modules choose their names.
const maxName = 100

// plain is a name as it is if it can be shown, else quoted; shortened if it is long.
func plain(name string) string {
	if len(name) > maxName {
		name = name[:maxName] + "..."
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return special(r) || r == ' ' }) {
		return strconv.Quote(name)
	}
	return name
}

// plainText is the same for what may have spaces or be empty.
func plainText(text string) string {
	if text == "" || !strings.ContainsFunc(text, special) && len(text) <= maxName {
		return text
	}
	return plain(text)
}

func special(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar || r == '"' }

func importName(module, name string) string { return plain(module) + "." + plain(name) }

func quoted(names []string) (out []string) {
	for _, n := range names {
		out = append(out, strconv.Quote(n))
	}
	return out
}

// list is names as text, without the last ones if there are many.
func list(names []string) string { return strings.Join(listed(names), ", ") }

func listed(problems []string) []string {
	if n := len(problems); n > maxListed {
		return append(slices.Clone(problems[:maxListed]), fmt.Sprintf("and %d more", n-maxListed))
	}
	return problems
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func i32s(n int) []byte { return bytes.Repeat([]byte{byte(wasm.I32)}, n) }

func (f *Import) funcType() (t wasm.FuncType) {
	for _, p := range f.Params {
		t.Params = append(t.Params, byte(p))
	}
	for _, r := range f.Results {
		t.Results = append(t.Results, byte(r))
	}
	return t
}

// signature is a type as (i32, i32) -> (i32); shortened if it is long.
func signature(t wasm.FuncType) string { return values(t.Params) + " -> " + values(t.Results) }

func values(types []byte) string {
	var names []string
	for _, t := range types {
		names = append(names, wasm.ValType(t).String())
	}
	return "(" + list(names) + ")"
}

// hints is what to do about features.
var hints = map[string]string{
	wasm.FeatureThreads:         "build without -pthread, -matomics and shared memory",
	wasm.FeatureTailCalls:       "build without -mtail-call",
	wasm.FeatureExceptions:      "build with -fno-exceptions",
	wasm.FeatureGC:              "languages that need it (Kotlin, Dart, Java) cannot be used",
	wasm.FeatureFuncRefs:        "build for WebAssembly 2.0",
	wasm.FeatureMemory64:        "build for wasm32 instead of wasm64",
	wasm.FeatureRelaxedSIMD:     "build without -mrelaxed-simd",
	wasm.FeatureMultiMemory:     "build with one memory",
	wasm.FeatureExtendedConst:   "build without -mextended-const",
	wasm.FeatureWideArithmetic:  "build without -mwide-arithmetic",
	wasm.FeatureCustomPageSizes: "build with pages of 64 KiB",
	wasm.FeatureStackSwitching:  "build for WebAssembly 2.0",
}

// hinted adds what to do about a feature that is refused.
func hinted(err error) error {
	if feature, ok := wasm.IsFeature(err); ok && hints[feature] != "" {
		return fmt.Errorf("%w; %s", err, hints[feature])
	}
	return err
}
