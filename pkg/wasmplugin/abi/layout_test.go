// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package abi_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// layouts is every struct that crosses the boundary. A change here breaks built guests unless
// it only adds at the end of a struct that may grow.
var layouts = map[string]struct {
	of   any
	want string
}{
	"Descriptor":  {abi.Descriptor{}, "56: Magic@0 Size@4 Major@8 Minor@10 _@12 Required@16 Optional@24 Points@32 Reads@40 Producer@48"},
	"Frame":       {abi.Frame{}, "216: Size@0 Flags@4 Cycle@8 Epoch@16 Features@24 Parts@32 Bases@40 Strides@72 NodeCount@76 Scratch@80 Pod@84 State@88 Config@96 Slots@104 SlotCount@108 Results@112 Other@116 Event@120 Objects@124 ObjectCount@128 Group@132 Text@136 Reasons@144 ReasonCount@148 NewState@152 Subset@160 SubsetCount@164 TimeoutNanos@168 Key@176 Victims@184 VictimCount@188 Annotations@192 AnnotationCount@196 Placements@200 PlacementCount@204 Needs@208 _@212"},
	"Needs":       {abi.Needs{}, "32: Size@0 _@4 Events@8 EventCount@12 Objects@16 ObjectCount@20 Accounts@24 AccountCount@28"},
	"EventNeed":   {abi.EventNeed{}, "16: Resource@0 Actions@8 _@12"},
	"ObjectNeed":  {abi.ObjectNeed{}, "32: Resource@0 Namespace@8 LabelSelector@16 FieldSelector@24"},
	"AccountNeed": {abi.AccountNeed{}, "8: Label@0"},
	"Annotation":  {abi.Annotation{}, "16: Key@0 Value@8"},
	"Placement":   {abi.Placement{}, "16: Name@0 Slots@8 SlotCount@12"},
	"Event":       {abi.Event{}, "24: Source@0 Action@4 Kind@8 Old@12 New@16 _@20"},
	"Object":      {abi.Object{}, "72: Source@0 Action@4 Namespace@8 Name@16 UID@24 Generation@32 CreatedUnixNano@40 Labels@48 Annotations@56 JSON@64"},
	"PodGroup":    {abi.PodGroup{}, "48: Name@0 Namespace@8 UID@16 Labels@24 Pods@32 MinCount@40 _@44"},
	"Span":        {abi.Span{}, "8: Addr@0 Len@4"},
	"Str":         {abi.Str{}, "8: Off@0 Len@4"},
	"List":        {abi.List{}, "8: Off@0 Count@4"},
	"Label":       {abi.Label{}, "16: Key@0 Value@8"},
	"Resources":   {abi.Resources{}, "24: MilliCPU@0 Memory@8 EphemeralStorage@16"},
	"NodeRecord":  {abi.NodeRecord{}, "176: Name@0 Zone@8 Region@16 Flags@24 PodCount@28 MaxPods@32 Allocatable@40 Requested@64 NonZero@88 Labels@112 Taints@120 Extended@128 Conditions@136 Images@144 Annotations@152 Pods@160 Ports@168"},
	"Taint":       {abi.Taint{}, "24: Key@0 Value@8 Effect@16 _@20"},
	"Extended":    {abi.Extended{}, "24: Name@0 Allocatable@8 Requested@16"},
	"Condition":   {abi.Condition{}, "16: Type@0 Status@8 _@12"},
	"Image":       {abi.Image{}, "24: Name@0 Size@8 Nodes@16 _@20"},
	"Port":        {abi.Port{}, "24: HostIP@0 Protocol@8 Host@12 Container@16 _@20"},
	"PodOnNode":   {abi.PodOnNode{}, "88: Name@0 Namespace@8 UID@16 Priority@24 Flags@28 Requests@32 Labels@56 Extended@64 OwnerKind@72 OwnerName@80"},
	"Quantity":    {abi.Quantity{}, "16: Name@0 Value@8"},
	"PodRecord":   {abi.PodRecord{}, "272: Name@0 Namespace@8 UID@16 SchedulerName@24 PriorityClass@32 ServiceAccount@40 RuntimeClass@48 NominatedNode@56 Priority@64 Flags@68 CreatedUnixNano@72 Requests@80 Limits@104 ExtendedRequests@128 ExtendedLimits@136 Labels@144 Annotations@152 Owners@160 NodeSelector@168 Tolerations@176 RequiredNodeTerms@184 PreferredNodeTerms@192 RequiredPodAffinity@200 PreferredPodAffinity@208 RequiredPodAnti@216 PreferredPodAnti@224 Spread@232 Containers@240 Volumes@248 HasRequiredNodeTerms@256 TerminationGraceSecs@260 NodeName@264"},
	"Owner":       {abi.Owner{}, "40: APIVersion@0 Kind@8 Name@16 UID@24 Controller@32 _@36"},
	"Toleration":  {abi.Toleration{}, "32: Key@0 Value@8 Op@16 Effect@20 Seconds@24"},
	"Expression":  {abi.Expression{}, "24: Key@0 Values@8 Op@16 _@20"},
	"NodeTerm":    {abi.NodeTerm{}, "24: Labels@0 Fields@8 Weight@16 _@20"},
	"PodTerm":     {abi.PodTerm{}, "40: TopologyKey@0 Selector@8 Namespaces@16 NamespaceSelector@24 Weight@32 Flags@36"},
	"Spread":      {abi.Spread{}, "32: TopologyKey@0 Selector@8 MaxSkew@16 MinDomains@20 Flags@24 _@28"},
	"Container":   {abi.Container{}, "48: Name@0 Image@8 Kind@16 _@20 Requests@24 Limits@32 Ports@40"},
	"Volume":      {abi.Volume{}, "24: Name@0 Source@8 Kind@16 _@20"},
}

func TestStructsKeepTheirLayout(t *testing.T) {
	for name, tc := range layouts {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, layout(reflect.TypeOf(tc.of))); diff != "" {
				t.Errorf("layout (-want,+got):\n%s", diff)
			}
		})
	}
}

// layout is "size: field@offset ...".
func layout(typ reflect.Type) string {
	var fields []string
	for f := range typ.Fields() {
		fields = append(fields, fmt.Sprintf("%s@%d", f.Name, f.Offset))
	}
	return fmt.Sprintf("%d: %s", typ.Size(), strings.Join(fields, " "))
}

// A compiler that inserts padding of its own would make the layout differ between languages.
func TestStructsHaveNoImplicitPadding(t *testing.T) {
	for name, tc := range layouts {
		t.Run(name, func(t *testing.T) {
			typ := reflect.TypeOf(tc.of)
			end := uintptr(0)
			for f := range typ.Fields() {
				if f.Offset != end {
					t.Errorf("%s is at %d, the field before it ends at %d", f.Name, f.Offset, end)
				}
				if align := naturalAlign(f.Type); f.Offset%align != 0 {
					t.Errorf("%s is at %d, not a multiple of its alignment %d", f.Name, f.Offset, align)
				}
				end += f.Type.Size()
			}
			if typ.Size() != end || end%naturalAlign(typ) != 0 {
				t.Errorf("size is %d, fields end at %d, alignment is %d", typ.Size(), end, naturalAlign(typ))
			}
		})
	}
}

// naturalAlign is the alignment that C and Rust give a type, which is 8 for 64-bit integers on
// Wasm, and at most 8 because that is what addresses and blocks are aligned to.
func naturalAlign(typ reflect.Type) uintptr {
	switch typ.Kind() {
	case reflect.Struct:
		align := uintptr(1)
		for field := range typ.Fields() {
			align = max(align, naturalAlign(field.Type))
		}
		return align
	case reflect.Array:
		return naturalAlign(typ.Elem())
	}
	return typ.Size()
}

func TestVerdictPacksCodeAndReason(t *testing.T) {
	for name, tc := range map[string]struct {
		code   abi.Code
		reason uint32
		want   abi.Verdict
	}{
		"success":          {abi.Success, 0, 0},
		"no reason":        {abi.Unschedulable, 0, 2},
		"first reason":     {abi.Unschedulable, 1, 0x102},
		"last reason":      {abi.UnschedulableAndUnresolvable, 0xffffff, 0xffffff03},
		"code is not kept": {0x1ff, 0, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			v := abi.MakeVerdict(tc.code, tc.reason)
			if v != tc.want || v.Code() != tc.code&0xff || v.Reason() != tc.reason {
				t.Errorf("MakeVerdict = %#x with code %d and reason %d, want %#x", uint32(v), v.Code(), v.Reason(), uint32(tc.want))
			}
		})
	}
}

// The numbers are the contract: sdk/go and other languages carry copies of them.
func TestNumbersStay(t *testing.T) {
	got := map[string]uint64{
		"Magic": uint64(abi.Magic), "Major": uint64(abi.Major), "BufferWindow": uint64(abi.BufferWindow),
		"BufferKinds": uint64(abi.BufferKinds), "SpaceScratch": uint64(abi.SpaceScratch), "NumSpaces": abi.NumSpaces,
		"RecordObject": uint64(abi.RecordObject), "NumRecords": abi.NumRecords, "NodePorts": uint64(abi.NodePorts),
		"PodLabels": uint64(abi.PodLabels), "PodOwners": uint64(abi.PodOwners), "KnownParts": uint64(abi.KnownParts),
		"PointNormalizeScore": uint64(abi.PointNormalizeScore), "PointObjects": uint64(abi.PointObjects), "Pending": uint64(abi.Pending),
		"NodeNetworkUnavailable": uint64(abi.NodeNetworkUnavailable), "PodTerminating": uint64(abi.PodTerminating),
		"OpEqual": uint64(abi.OpEqual), "VolumeImage": uint64(abi.VolumeImage), "SpreadDoNotSchedule": uint64(abi.SpreadDoNotSchedule),
		"ScratchSlot": uint64(abi.ScratchSlot), "OffsetMask": abi.OffsetMask,
	}
	want := map[string]uint64{
		"Magic": 0x574f5453, "Major": 1, "BufferWindow": 16,
		"BufferKinds": 32, "SpaceScratch": 7, "NumSpaces": 8,
		"RecordObject": 17, "NumRecords": 18, "NodePorts": 1 << 7,
		"PodLabels": 1 << 32, "PodOwners": 1 << 38, "KnownParts": 0x7f000001ff,
		"PointNormalizeScore": 1 << 4, "PointObjects": 1 << 21, "Pending": 6,
		"NodeNetworkUnavailable": 1 << 6, "PodTerminating": 1 << 4,
		"OpEqual": 6, "VolumeImage": 11, "SpreadDoNotSchedule": 4,
		"ScratchSlot": 1 << 31, "OffsetMask": 1<<29 - 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("numbers (-want,+got):\n%s", diff)
	}
}

func TestLayoutsAreComplete(t *testing.T) {
	for _, name := range []string{"layout.go", "node.go", "pod.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		checkLayoutsOf(t, file)
	}
}

func checkLayoutsOf(t *testing.T, file *ast.File) {
	t.Helper()
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if _, isStruct := spec.Type.(*ast.StructType); isStruct && layouts[spec.Name.Name].of == nil {
			t.Errorf("struct %s is not in the table of layouts", spec.Name)
		}
		return false
	})
}
