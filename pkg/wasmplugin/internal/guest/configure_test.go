// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

var frame abi.Frame

// Offsets of the frame's fields that guests write.
var (
	textField     = unsafe.Offsetof(frame.Text)
	reasonsField  = unsafe.Offsetof(frame.Reasons)
	newStateField = unsafe.Offsetof(frame.NewState)
	subsetField   = unsafe.Offsetof(frame.Subset)
)

// An echo: the policy refuses its config with the config as the reason.
func TestConfigureHandsTheConfigOver(t *testing.T) {
	config := wt.FrameAt + uint32(unsafe.Offsetof(frame.Config))
	p := wt.NewPolicy().Body(abi.ExportConfigure,
		wt.Const(wt.FrameAt+uint32(textField)), wt.Load(config), wt.StoreTop(),
		wt.Const(wt.FrameAt+uint32(textField)+4), wt.Load(config+4), wt.StoreTop(),
		wt.Const(uint32(abi.Error)))
	_, err := newPool(t, p)
	refusal := (*guest.ConfigError)(nil)
	if !errors.As(err, &refusal) {
		t.Fatalf("error %v is not a ConfigError", err)
	}
	if diff := cmp.Diff(`the policy refuses its config: {"zone":"a"}`, refusal.Error()); diff != "" {
		t.Errorf("error (-want,+got):\n%s", diff)
	}
}

func TestConfigureFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		body []byte
		kind error
		want string
	}{
		"unknown code": {
			wt.Const(77), engine.ErrABI, "ABI violation in stowage_configure: code 77, want 0 or 1",
		},
		"misplaced code": {
			wt.Const(uint32(abi.Skip)), engine.ErrABI, "ABI violation in stowage_configure: code 5, want 0 or 1",
		},
		"text outside of memory": {
			wt.Code(wt.SetSpan(textField, 0xffffff00, 0x200), wt.Const(1)),
			engine.ErrABI, "ABI violation in stowage_configure: text of 512 bytes at 0xffffff00 is outside of memory",
		},
		"trap": {
			wt.Unreachable(), engine.ErrTrap, "trap in stowage_configure: wasm error: unreachable",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newPool(t, wt.NewPolicy().Body(abi.ExportConfigure, tc.body))
			wantError(t, err, tc.kind, tc.want)
		})
	}
}

func TestReasonsAreCutAndMadeText(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"none":          {"", ""},
		"long":          {strings.Repeat("r", 5000), strings.Repeat("r", 1024)},
		"invalid UTF-8": {"zone \xc3\x28 \xff", "zone ?( ?"},
		"cut in a rune": {strings.Repeat("r", 1023) + "ä", strings.Repeat("r", 1023) + "?"},
		"NUL":           {"a\x00b", "a b"},
	} {
		t.Run(name, func(t *testing.T) {
			p := wt.NewPolicy().Text(tc.text)
			p.Body(abi.ExportConfigure, wt.SetSpan(textField, wt.TextAt, uint32(len(tc.text))), wt.Const(1))
			_, err := newPool(t, p)
			refusal := (*guest.ConfigError)(nil)
			if !errors.As(err, &refusal) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, refusal.Reason); diff != "" {
				t.Errorf("reason (-want,+got):\n%s", diff)
			}
		})
	}
}
