// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// listAt is where tests put arrays of spans.
const listAt = 2048

func words(list ...uint32) (b []byte) {
	for _, w := range list {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// pair is code that stores two words in the frame.
func pair(field uintptr, first, second uint32) []byte { return wt.SetSpan(field, first, second) }

var (
	keyField         = unsafe.Offsetof(frame.Key)
	timeoutField     = unsafe.Offsetof(frame.TimeoutNanos)
	victimsField     = unsafe.Offsetof(frame.Victims)
	annotationsField = unsafe.Offsetof(frame.Annotations)
	placementsField  = unsafe.Offsetof(frame.Placements)
	needsField       = unsafe.Offsetof(frame.Needs)
)

// askOne has a guest answer one call with code.
func askOne(t *testing.T, c *guest.Call, data []byte, body ...[]byte) (guest.Answer, error) {
	t.Helper()
	p := wt.NewPolicy().Text("abcdef").Body(c.Export, body...)
	p.Data[listAt] = data
	pool, err := newPool(t, p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := pool.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Discard(t.Context(), g) })
	begin(t, g, &guest.Cycle{ID: 1, Pod: make([]byte, 8)})
	return g.Ask(t.Context(), c, three)
}

func TestAnswers(t *testing.T) {
	wait := wt.Store64(wt.FrameAt+uint32(timeoutField), int64(time.Second))
	for name, tc := range map[string]struct {
		call *guest.Call
		data []byte
		body []byte
		want guest.Answer
	}{
		"nothing":        {guest.Reserve, nil, wt.Const(0), guest.Answer{}},
		"a state":        {guest.PreBind, nil, wt.Code(pair(newStateField, wt.TextAt, 3), wt.Const(0)), guest.Answer{State: []byte("abc")}},
		"an empty state": {guest.Permit, nil, wt.Code(pair(newStateField, wt.TextAt, 0), wt.Const(0)), guest.Answer{State: []byte{}}},
		"a queue key":    {guest.QueueSort, nil, wt.Code(pair(newStateField, wt.TextAt, 2), wt.Const(0)), guest.Answer{State: []byte("ab")}},
		"a wait": {guest.Permit, nil, wt.Code(pair(keyField, wt.TextAt, 4), wait, wt.Const(uint32(abi.Wait))),
			guest.Answer{Verdict: guest.Verdict{Code: abi.Wait}, Timeout: time.Second, Key: "abcd"}},
		"a long wait": {guest.Permit, nil, wt.Code(wt.Store64(wt.FrameAt+uint32(timeoutField), int64(time.Hour)), wt.Const(uint32(abi.Wait))),
			guest.Answer{Verdict: guest.Verdict{Code: abi.Wait}, Timeout: 15 * time.Minute}},
		"a node and victims": {guest.PostFilter, words(2, wt.TextAt, 1, wt.TextAt+1, 2),
			wt.Code(pair(subsetField, listAt, 1), pair(victimsField, listAt+4, 2), wt.Const(0)),
			guest.Answer{Subset: []uint32{2}, Restricted: true, Victims: []string{"a", "bc"}}},
		"annotations": {guest.Bind, words(wt.TextAt, 1, wt.TextAt+1, 3), wt.Code(pair(annotationsField, listAt, 1), wt.Const(0)),
			guest.Answer{Annotations: map[string]string{"a": "bcd"}}},
		"placements": {guest.GeneratePlacements, words(wt.TextAt, 2, listAt+16, 2, 1, 0), wt.Code(pair(placementsField, listAt, 1), wt.Const(0)),
			guest.Answer{Placements: []guest.Placement{{Name: "ab", Slots: []uint32{1, 0}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := askOne(t, tc.call, tc.data, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("answer (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestAnswersThatAreFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		call *guest.Call
		data []byte
		body []byte
		want string
	}{
		"a misplaced code":       {guest.PreEnqueue, nil, wt.Const(uint32(abi.Wait)), "unknown or misplaced code 4"},
		"a hint that rejects":    {guest.QueueingHint, nil, wt.Const(uint32(abi.Unschedulable)), "unknown or misplaced code 2"},
		"a key that is too long": {guest.QueueSort, nil, wt.Code(pair(newStateField, 0, 257), wt.Const(0)), "state of 257 bytes at 0x0; the limit is 256"},
		"a wait without time":    {guest.Permit, nil, wt.Const(uint32(abi.Wait)), "timeout of 0 ns, want more than 0"},
		"a long key to wait for": {guest.Permit, nil, wt.Code(pair(keyField, 0, 257),
			wt.Store64(wt.FrameAt+uint32(timeoutField), 1), wt.Const(uint32(abi.Wait))), "key of 257 bytes at 0x0; the limit is 256"},
		"many victims":          {guest.PostFilter, nil, wt.Code(pair(victimsField, 0, 1025), wt.Const(0)), "1025 victims, want at most 1024"},
		"victims nowhere":       {guest.PodGroupPostFilter, nil, wt.Code(pair(victimsField, 0xfffffff0, 3), wt.Const(0)), "3 results at 0xfffffff0 are not inside of memory"},
		"a long UID":            {guest.PostFilter, words(wt.TextAt, 65), wt.Code(pair(victimsField, listAt, 1), wt.Const(0)), "UID of 65 bytes at 0x400; the limit is 64"},
		"many annotations":      {guest.Bind, nil, wt.Code(pair(annotationsField, 0, 17), wt.Const(0)), "17 annotations, want at most 16"},
		"an annotation nowhere": {guest.Bind, words(wt.TextAt, 1, 0xffffff00, 5), wt.Code(pair(annotationsField, listAt, 1), wt.Const(0)), "annotation value of 5 bytes at 0xffffff00; the limit is 4096"},
		"many placements":       {guest.GeneratePlacements, nil, wt.Code(pair(placementsField, 0, 1<<20), wt.Const(0)), "placements, want at most"},
		"slots of a placement":  {guest.GeneratePlacements, words(wt.TextAt, 2, 0, 1<<30), wt.Code(pair(placementsField, listAt, 1), wt.Const(0)), "subset of 1073741824 slots; there are 3"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := askOne(t, tc.call, tc.data, tc.body)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	const needsAt = listAt + 256
	declare := wt.Code(wt.SetResult(needsField, needsAt), wt.Const(0))
	for name, tc := range map[string]struct {
		needs, lists []byte
		want         guest.Needs
		wantErr      string
	}{
		"everything": {
			words(32, 0, listAt, 1, listAt+16, 1, listAt+48, 2),
			words(wt.TextAt, 3, 5, 0, wt.TextAt, 2, 0, 0, wt.TextAt+2, 2, 0, 0, wt.TextAt+4, 2, 0, 0),
			guest.Needs{
				Events:   []guest.EventNeed{{Resource: "abc", Actions: 5}},
				Objects:  []guest.ObjectNeed{{Resource: "ab", LabelSelector: "cd"}},
				Accounts: []string{"ef", ""},
			}, "",
		},
		"no event":      {words(32, 0, listAt, 0, 0, 0, 0, 0), nil, guest.Needs{Events: []guest.EventNeed{}}, ""},
		"a later guest": {words(64, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3), nil, guest.Needs{}, ""},
		"too small":     {words(16), nil, guest.Needs{}, "needs of 16 bytes"},
		"too many":      {words(32, 0, listAt, 65, 0, 0, 0, 0), nil, guest.Needs{}, "65 events, want at most 64"},
		"outside":       {words(32, 0, 0, 0, 0xffffff00, 9, 0, 0), nil, guest.Needs{}, "9 results at 0xffffff00 are not inside of memory"},
		"a long name":   {words(32, 0, listAt, 1, 0, 0, 0, 0), words(0, 318, 1, 0), guest.Needs{}, "resource of 318 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			p := wt.NewPolicy().Text("abcdef").Body(abi.ExportConfigure, declare)
			p.Data[listAt], p.Data[needsAt] = tc.lists, tc.needs
			pool, err := newPool(t, p)
			switch {
			case tc.wantErr != "":
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("error %v, want %q", err, tc.wantErr)
				}
			case err != nil:
				t.Error(err)
			default:
				if diff := cmp.Diff(tc.want, pool.Needs()); diff != "" {
					t.Errorf("needs (-want,+got):\n%s", diff)
				}
			}
		})
	}
}
