// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package arena_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
)

const page = arena.PageSize

// memory is n bytes of a guest's linear memory.
func memory(t *testing.T, n int) []byte {
	t.Helper()
	if !arena.Mapped {
		return make([]byte, n)
	}
	linear := arena.NewLinear(uint64(n))
	mem := linear.Reallocate(uint64(n))
	if mem == nil {
		t.Fatalf("no linear memory of %d bytes", n)
	}
	t.Cleanup(linear.Free)
	return mem
}

func segment(t *testing.T, size int) *arena.Segment {
	t.Helper()
	s, err := arena.NewSegment("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Grow(size); err != nil {
		t.Fatal(err)
	}
	return s
}

func attach(t *testing.T, s *arena.Segment, window []byte) *arena.View {
	t.Helper()
	v := &arena.View{}
	if err := v.Attach(s, window); err != nil {
		t.Fatal(err)
	}
	return v
}

// write is how the host changes a segment.
func write(s *arena.Segment, off int, text string) {
	s.Touch(off, len(text))
	copy(s.Bytes()[off:], text)
}

func wantText(t *testing.T, mem []byte, off int, want string) {
	t.Helper()
	if diff := cmp.Diff(want, string(mem[off:off+len(want)])); diff != "" {
		t.Errorf("content at %d (-want,+got):\n%s", off, diff)
	}
}

func TestEveryViewSeesTheHostsWrites(t *testing.T) {
	for name, tc := range map[string]struct{ off int }{
		"first byte":       {0},
		"last page":        {4*page - 8},
		"across two pages": {2*page - 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := segment(t, 4*page)
			windows := [][]byte{memory(t, 4*page), memory(t, 4*page), memory(t, 4*page)}
			var views []*arena.View
			for _, w := range windows {
				views = append(views, attach(t, s, w))
			}
			for _, text := range []string{"first", "other"} {
				write(s, tc.off, text)
				for i, w := range windows {
					views[i].Sync(s, w)
					wantText(t, w, tc.off, text)
				}
			}
		})
	}
}

func TestWritesBeforeAttachAreSeen(t *testing.T) {
	s := segment(t, 2*page)
	write(s, page+5, "early")
	w := memory(t, 2*page)
	v := attach(t, s, w)
	wantText(t, w, page+5, "early")
	if v.Size() != 2*page {
		t.Errorf("Size = %d, want %d", v.Size(), 2*page)
	}
}

func TestAGuestsWritesStayItsOwn(t *testing.T) {
	s := segment(t, 2*page)
	write(s, 0, "host")
	mine, other := memory(t, 2*page), memory(t, 2*page)
	v, o := attach(t, s, mine), attach(t, s, other)
	copy(mine, "mine")
	copy(mine[page:], "mine")
	v.Sync(s, mine)
	o.Sync(s, other)
	wantText(t, mine, 0, "mine")
	for _, mem := range [][]byte{s.Bytes(), other} {
		wantText(t, mem, 0, "host")
		wantText(t, mem, page, "\x00\x00\x00\x00")
	}
}

func TestGrow(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want int }{
		"from nothing":  {0, 1, page},
		"to a page":     {1, page, page},
		"past a page":   {page, page + 1, 2 * page},
		"never shrinks": {3 * page, page, 3 * page},
		"a lot":         {page, 64 << 20, 64 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			s := segment(t, tc.from)
			if tc.from > 0 {
				write(s, 0, "x")
			}
			if err := s.Grow(tc.to); err != nil {
				t.Fatal(err)
			}
			if s.Size() != tc.want || len(s.Bytes()) != tc.want {
				t.Errorf("Size = %d, len(Bytes) = %d, want %d", s.Size(), len(s.Bytes()), tc.want)
			}
			if tc.from > 0 {
				wantText(t, s.Bytes(), 0, "x")
			}
		})
	}
}

func TestGrowingLeavesViewsIntact(t *testing.T) {
	s := segment(t, page)
	mem := memory(t, 8*page)
	v := attach(t, s, mem[:page])
	if err := s.Grow(8 * page); err != nil {
		t.Fatal(err)
	}
	write(s, 0, "small")
	write(s, 7*page, "large")
	v.Sync(s, mem[:page])
	wantText(t, mem, 0, "small")
	if err := v.Attach(s, mem); err != nil {
		t.Fatal(err)
	}
	wantText(t, mem, 7*page, "large")
	write(s, 3*page, "later")
	v.Sync(s, mem)
	wantText(t, mem, 3*page, "later")
}

func TestDetachGivesMemoryBack(t *testing.T) {
	s := segment(t, 2*page)
	write(s, 0, "host")
	mem := memory(t, 2*page)
	v := attach(t, s, mem)
	if err := v.Detach(mem); err != nil {
		t.Fatal(err)
	}
	if v.Size() != 0 {
		t.Errorf("Size = %d after Detach, want 0", v.Size())
	}
	if !bytes.Equal(mem, make([]byte, len(mem))) {
		t.Error("the window is not zero after Detach")
	}
	copy(mem, "guest")
	write(s, 0, "again")
	v.Sync(s, mem)
	wantText(t, mem, 0, "guest")
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(t *testing.T, s *arena.Segment) error
		want string
	}{
		"grow too far": {
			func(_ *testing.T, s *arena.Segment) error { return s.Grow(arena.MaxSegment + 1) },
			fmt.Sprintf("growing segment to %d bytes: the limit is %d", arena.MaxSegment+page, arena.MaxSegment),
		},
		"attach more than there is": {
			func(t *testing.T, s *arena.Segment) error { return new(arena.View).Attach(s, memory(t, 4*page)) },
			fmt.Sprintf("attaching %d bytes of a segment of %d", 4*page, 2*page),
		},
		"attach half a page": {
			func(t *testing.T, s *arena.Segment) error { return new(arena.View).Attach(s, memory(t, page)[:page/2]) },
			fmt.Sprintf("attaching %d bytes of a segment of %d", page/2, 2*page),
		},
		"attach nothing": {
			func(_ *testing.T, s *arena.Segment) error { return new(arena.View).Attach(s, nil) },
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := tc.do(t, segment(t, 2*page)); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("error (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestAWindowFitsWhereverItStarts(t *testing.T) {
	for _, size := range []int{0, 1, page, page + 1, 10 * page} {
		for _, addr := range []uint32{8, page - 8, page, page + 8} {
			start := int(arena.AlignWindow(addr))
			if start%page != 0 || start < int(addr) {
				t.Errorf("AlignWindow(%d) = %d", addr, start)
			}
			if end := int(addr) + arena.WindowSize(size); start+size > end {
				t.Errorf("window of %d at %d ends at %d, past the allocation's %d", size, addr, start+size, end)
			}
		}
	}
}

func TestCloseTwice(t *testing.T) {
	s := segment(t, page)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
