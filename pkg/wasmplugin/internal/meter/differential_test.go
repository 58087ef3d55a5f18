// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// programs is how many generated programs each test runs.
const programs = 120

// plenty is fuel that no program of a test uses up.
const plenty = math.MaxInt64 / 2

// outcome is what can be seen of a program: what each call gave, and what it left behind.
type outcome struct {
	Calls   []string
	Memory  uint64
	Globals []string
}

// fuelUse is what each call of a program used.
type fuelUse []int64

// run calls all functions of a program, three times with different arguments.
func run(g *guest, p *wasmtest.Program) (o outcome, used fuelUse) {
	before := int64(0)
	for round := range 3 {
		for f, params := range p.Params {
			if stack := g.ExportedGlobal(ExportStack); stack != nil {
				stack.(api.MutableGlobal).Set(InitialStack)
			}
			results, err := g.call(fmt.Sprint("f", f), arguments(params, uint64(round))...)
			types := g.ExportedFunction(fmt.Sprint("f", f)).Definition().ResultTypes()
			o.Calls = append(o.Calls, fmt.Sprint(f, show(types, results), kindOf(err)))
			used = append(used, g.used()-before)
			before = g.used()
		}
	}
	memory, _ := g.Memory().Read(0, g.Memory().Size())
	h := fnv.New64a()
	_, _ = h.Write(memory)
	o.Memory = h.Sum64()
	for i := range wasmtest.ProgramGlobals {
		v := g.ExportedGlobal(fmt.Sprint("g", i))
		o.Globals = append(o.Globals, show([]api.ValueType{v.Type()}, []uint64{v.Get()}))
	}
	return o, used
}

func arguments(params []byte, round uint64) (out []uint64) {
	for i, t := range params {
		n := (round*3 + uint64(i)) * 0x9e3779b97f4a7c15
		switch t {
		case wasmtest.I32:
			n >>= 32
		case wasmtest.I64:
		case api.ValueTypeF32:
			n = uint64(math.Float32bits(float32(int32(n>>40)) / 3))
		default:
			n = math.Float64bits(float64(int32(n>>40)) / 3)
		}
		out = append(out, n)
	}
	return out
}

// show is values as text. All NaNs are the same: their bits are up to the engine.
func show(types []api.ValueType, values []uint64) string {
	var out []string
	for i, v := range values {
		switch types[i] {
		case api.ValueTypeF32:
			out = append(out, fmt.Sprint(math.Float32frombits(uint32(v))))
		case api.ValueTypeF64:
			out = append(out, fmt.Sprint(math.Float64frombits(v)))
		case api.ValueTypeI32:
			out = append(out, fmt.Sprint(uint32(v)))
		default:
			out = append(out, fmt.Sprint(v))
		}
	}
	return fmt.Sprint("(", strings.Join(out, " "), ")")
}

// kindOf is an error without the trace.
func kindOf(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, errFuel) {
		return errFuel.Error()
	}
	kind, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimSuffix(kind, " (recovered by wazero)")
}

func inject(tb testing.TB, module []byte) []byte {
	tb.Helper()
	metered, err := Inject(module)
	if err != nil {
		tb.Fatal(err)
	}
	return metered
}

func TestMeteredProgramsDoTheSame(t *testing.T) {
	returned, trapped := 0, 0
	for seed := range uint64(programs) {
		p := wasmtest.Generate(seed)
		want, _ := run(instantiate(t, wazero.NewRuntimeConfigCompiler(), p.Module, 0), &p)
		g := instantiate(t, wazero.NewRuntimeConfigCompiler(), inject(t, p.Module), plenty)
		got, _ := run(g, &p)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("program %d: unexpected outcome (-want,+got):\n%s", seed, diff)
		}
		for _, c := range want.Calls {
			if strings.HasSuffix(c, ")") {
				returned++
			} else {
				trapped++
			}
		}
		if s := g.stack(); s > InitialStack {
			t.Errorf("program %d: %d bytes of stack are left, more than there were", seed, s)
		}
		_ = g.Close(t.Context())
	}
	if returned < programs*5 || trapped < programs/5 {
		t.Errorf("%d calls returned and %d trapped; the programs are too much alike", returned, trapped)
	}
}

func TestFuelIsReproducible(t *testing.T) {
	for seed := range uint64(programs) {
		p := wasmtest.Generate(seed)
		metered := inject(t, p.Module)
		if string(metered) != string(inject(t, p.Module)) {
			t.Fatalf("program %d: not the same bytes twice", seed)
		}
		_, want := run(instantiate(t, wazero.NewRuntimeConfigCompiler(), metered, plenty), &p)
		others := map[string]wazero.RuntimeConfig{"the interpreter": wazero.NewRuntimeConfigInterpreter(), "a second run": wazero.NewRuntimeConfigCompiler()}
		for name, config := range others {
			_, got := run(instantiate(t, config, metered, plenty), &p)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("program %d: unexpected fuel of %s (-want,+got):\n%s", seed, name, diff)
			}
		}
	}
}

func TestFuelInSlices(t *testing.T) {
	for seed := range uint64(programs / 3) {
		p := wasmtest.Generate(seed)
		metered := inject(t, p.Module)
		want, wantUsed := run(instantiate(t, wazero.NewRuntimeConfigCompiler(), metered, plenty), &p)
		for _, slice := range []int64{1, 7, 1000} {
			g, err := start(t, wazero.NewRuntimeConfigCompiler(), metered, 1<<20*slice, slice)
			if err != nil {
				t.Fatal(err)
			}
			got, gotUsed := run(g, &p)
			if diff := cmp.Diff(want, got) + cmp.Diff(wantUsed, gotUsed); diff != "" {
				t.Errorf("program %d: unexpected outcome with slices of %d (-want,+got):\n%s", seed, slice, diff)
			}
		}
	}
}

// TestBudgetIsExact ends programs at every budget near what they use, whatever the slices.
func TestBudgetIsExact(t *testing.T) {
	for seed := range uint64(programs / 10) {
		p := wasmtest.Generate(seed)
		metered := inject(t, p.Module)
		_, used := run(instantiate(t, wazero.NewRuntimeConfigCompiler(), metered, plenty), &p)
		for _, budget := range []int64{0, used[0] / 2, used[0] - 1, used[0]} {
			var want string
			for _, slice := range []int64{1, 13, plenty} {
				g, err := start(t, wazero.NewRuntimeConfigCompiler(), metered, budget, slice)
				if err != nil {
					t.Fatal(err)
				}
				results, err := g.call("f0", arguments(p.Params[0], 0)...)
				got := fmt.Sprint(len(results), kindOf(err), g.used())
				if want == "" {
					want = got
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("program %d, budget %d: unexpected end with slices of %d (-want,+got):\n%s", seed, budget, slice, diff)
				}
			}
		}
	}
}
