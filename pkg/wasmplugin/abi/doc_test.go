// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package abi_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// The contract in prose, and the sizes of the machine that guests run on.
const document = "../../../docs/abi.md"

var wasm = types.SizesFor("gc", "wasm")

// field is a row of a record's table in the document.
type field struct {
	Offset, Type, Name string
}

// record is a struct with the size that the document states.
type record struct {
	Size   string
	Fields []field
}

func TestDocumentDescribesRecords(t *testing.T) {
	want, got := map[string]record{}, documentedRecords(t)
	for name, object := range exported[*types.TypeName](loadPackage(t)) {
		if s, ok := object.Type().Underlying().(*types.Struct); ok {
			want[name] = recordOf(s)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records in %s (-want,+got):\n%s", filepath.Base(document), diff)
	}
}

func TestDocumentDescribesConstants(t *testing.T) {
	want, got := map[string]string{}, map[string]string{}
	for name, c := range exported[*types.Const](loadPackage(t)) {
		want[name] = c.Val().ExactString()
	}
	for name, expr := range documentedConstants(t) {
		v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, expr)
		if err != nil {
			t.Fatalf("value of %s: %v", name, err)
		}
		got[name] = constant.ToInt(v.Value).ExactString()
		if v.Value.Kind() == constant.String {
			got[name] = v.Value.ExactString()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("constants in %s (-want,+got):\n%s", filepath.Base(document), diff)
	}
}

// A List's entries are not in its Go type, but in the comment beside the field.
func TestDocumentDescribesListEntries(t *testing.T) {
	want, got := listEntries(t), map[string]string{}
	for name, r := range documentedLists(t) {
		for _, f := range r.Fields {
			if entries, ok := strings.CutPrefix(f.Type, "List of "); ok {
				got[name+"."+f.Name] = entries
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lists in %s (-want,+got):\n%s", filepath.Base(document), diff)
	}
}

// The guest in the document writes a few numbers down; C has no access to the Go constants.
func TestDocumentedGuestUsesTheContract(t *testing.T) {
	_, source, _ := strings.Cut(readDocument(t), "```c\n")
	for _, want := range []string{
		fmt.Sprintf(".magic = %#x, .size = sizeof(Descriptor), .major = %d, .minor = %d", abi.Magic, abi.Major, abi.Minor),
		fmt.Sprintf("_Static_assert(sizeof(Descriptor) == %d", wasm.Sizeof(typeOf(t, "Descriptor"))),
		fmt.Sprintf("_Static_assert(sizeof(Frame) == %d", wasm.Sizeof(typeOf(t, "Frame"))),
		fmt.Sprintf("SUCCESS = %d, ERROR = %d, UNRESOLVABLE = %d, SKIP = %d", abi.Success, abi.Error, abi.UnschedulableAndUnresolvable, abi.Skip),
		fmt.Sprintf("BUFFER_FRAME = %d, BUFFER_KINDS = %d", abi.BufferFrame, abi.BufferKinds),
		fmt.Sprintf("SPACE_NODES = %d, RECORD_NODE = %d", abi.SpaceNodes, abi.RecordNode),
		fmt.Sprintf("NODE_ZONE = %d, POD_LABELS = %d", offsetOf(t, "NodeRecord", "Zone"), offsetOf(t, "PodRecord", "Labels")),
		fmt.Sprintf("off >> %d] + (off & %#x) * %d", abi.SpaceShift, abi.OffsetMask, abi.WordSize),
		fmt.Sprintf("SCRATCH_SLOT %#xu", abi.ScratchSlot),
		fmt.Sprintf("EXPORT(%q)", abi.ExportFilter),
	} {
		if !strings.Contains(source, want) {
			t.Errorf("the guest in %s does not contain %q", filepath.Base(document), want)
		}
	}
}

// loadPackage type-checks the package's own sources; it imports nothing.
func loadPackage(t *testing.T) *types.Package {
	t.Helper()
	fset, files := parseSources(t)
	pkg, err := (&types.Config{Sizes: wasm}).Check("abi", fset, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func parseSources(t *testing.T) (*token.FileSet, []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return fset, files
}

// exported is the package's exported objects of one kind.
func exported[T types.Object](pkg *types.Package) map[string]T {
	found := map[string]T{}
	for _, name := range pkg.Scope().Names() {
		if o, ok := pkg.Scope().Lookup(name).(T); ok && token.IsExported(name) {
			found[name] = o
		}
	}
	return found
}

func typeOf(t *testing.T, name string) types.Type {
	t.Helper()
	return exported[*types.TypeName](loadPackage(t))[name].Type()
}

func offsetOf(t *testing.T, name, fieldName string) int64 {
	t.Helper()
	fields := structFields(typeOf(t, name).Underlying().(*types.Struct))
	i := slices.IndexFunc(fields, func(v *types.Var) bool { return v.Name() == fieldName })
	return wasm.Offsetsof(fields)[i]
}

func structFields(s *types.Struct) []*types.Var { return slices.Collect(s.Fields()) }

func recordOf(s *types.Struct) record {
	r, fields := record{Size: fmt.Sprint(wasm.Sizeof(s))}, structFields(s)
	for i, offset := range wasm.Offsetsof(fields) {
		r.Fields = append(r.Fields, field{fmt.Sprint(offset), typeName(fields[i].Type()), fields[i].Name()})
	}
	return r
}

// typeName is how the document writes a type.
func typeName(t types.Type) string {
	switch t := t.(type) {
	case *types.Named:
		return t.Obj().Name()
	case *types.Array:
		return fmt.Sprintf("%s[%d]", typeName(t.Elem()), t.Len())
	}
	return strings.NewReplacer("uint", "u", "int", "i").Replace(t.String())
}

var (
	heading     = regexp.MustCompile(`^### (\w+)$`)
	size        = regexp.MustCompile(`^(\d+) bytes[.,]`)
	fieldRow    = regexp.MustCompile("^\\| (\\d+) \\| ([^|]+) \\| `(\\w+)` \\|")
	constantRow = regexp.MustCompile("^\\| `(\\w+)` \\| `([^`]+)` \\|")
)

// documentedRecords reads the tables of fields, without what lists are of.
func documentedRecords(t *testing.T) map[string]record {
	t.Helper()
	records := documentedLists(t)
	for _, r := range records {
		for i, f := range r.Fields {
			if strings.HasPrefix(f.Type, "List of ") {
				r.Fields[i].Type = "List"
			}
		}
	}
	return records
}

func documentedLists(t *testing.T) map[string]record {
	t.Helper()
	records, name := map[string]record{}, ""
	for line := range strings.Lines(readDocument(t)) {
		if m := heading.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			name = m[1]
		}
		r := records[name]
		if m := size.FindStringSubmatch(line); m != nil {
			r.Size = m[1]
		}
		if m := fieldRow.FindStringSubmatch(line); m != nil {
			r.Fields = append(r.Fields, field{m[1], m[2], m[3]})
		}
		if r.Size != "" {
			records[name] = r
		}
	}
	return records
}

func documentedConstants(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	for line := range strings.Lines(readDocument(t)) {
		if m := constantRow.FindStringSubmatch(line); m != nil {
			values[m[1]] = m[2]
		}
	}
	return values
}

func readDocument(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// listEntries is what the comments say that lists hold: "Struct.Field" to the first word.
func listEntries(t *testing.T) map[string]string {
	t.Helper()
	entries := map[string]string{}
	_, files := parseSources(t)
	for _, file := range files {
		for name, s := range structs(file) {
			maps.Insert(entries, maps.All(listsOf(name, s)))
		}
	}
	return entries
}

func structs(file *ast.File) map[string]*ast.StructType {
	found := map[string]*ast.StructType{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				found[spec.Name.Name] = s
			}
		}
		return true
	})
	return found
}

func listsOf(name string, s *ast.StructType) map[string]string {
	found := map[string]string{}
	for _, f := range s.Fields.List {
		if id, ok := f.Type.(*ast.Ident); !ok || id.Name != "List" {
			continue
		}
		of, _, _ := strings.Cut(strings.TrimSpace(f.Comment.Text()), ",")
		for _, n := range f.Names {
			found[name+"."+n.Name] = of
		}
	}
	return found
}
