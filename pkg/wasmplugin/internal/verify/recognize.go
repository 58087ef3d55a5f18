// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

const (
	compressed = "it is compressed with %s: a module comes as it is; decompress it"
	native     = "it is %s: build for WebAssembly instead (Go: GOOS=wasip1 GOARCH=wasm -buildmode=c-shared)"
)

// known is what people take for a module, by how it starts.
var known = []struct{ prefix, problem string }{
	{"\x1f\x8b", fmt.Sprintf(compressed, "gzip")},
	{"\x28\xb5\x2f\xfd", fmt.Sprintf(compressed, "zstd")},
	{"\xfd7zXZ\x00", fmt.Sprintf(compressed, "xz")},
	{"BZh", fmt.Sprintf(compressed, "bzip2")},
	{"PK\x03\x04", "it is a zip archive: extract the module"},
	{"\x7fELF", fmt.Sprintf(native, "an ELF binary")},
	{"\xcf\xfa\xed\xfe", fmt.Sprintf(native, "a Mach-O binary")},
	{"\xca\xfe\xba\xbe", fmt.Sprintf(native, "a Mach-O binary or a Java class")},
	{"MZ", fmt.Sprintf(native, "a Windows binary")},
	{"BC\xc0\xde", "it is LLVM bitcode: link it to a module"},
	{"!<arch>\n", "it is a static library: link it to a module"},
	{"(component", "it is a component's text: build a core module instead (Go: -buildmode=c-shared with GOOS=wasip1)"},
	{"(module", "it is a module's text: translate it (wat2wasm, or wasm-tools parse)"},
	{";;", "it is a module's text: translate it (wat2wasm, or wasm-tools parse)"},
	{"(;", "it is a module's text: translate it (wat2wasm, or wasm-tools parse)"},
}

// recognize refuses bytes that are something else than a core module, with what to do.
func recognize(module []byte) error {
	switch {
	case bytes.HasPrefix(module, []byte(wasm.Header)):
		return nil
	case len(module) == 0:
		return errors.New("it is empty")
	case len(module) >= 8 && string(module[:4]) == wasm.Header[:4]:
		return version([4]byte(module[4:8]))
	}
	start := bytes.TrimLeft(module[:min(len(module), 1<<10)], " \t\r\n")
	for _, k := range known {
		if bytes.HasPrefix(start, []byte(k.prefix)) {
			return errors.New(k.problem)
		}
	}
	return fmt.Errorf("it does not start with the Wasm header \\0asm; it starts with %q", module[:min(8, len(module))])
}

// version says what a header is that is Wasm's but not a core module's.
func version(v [4]byte) error {
	if v[2] == 1 && v[3] == 0 {
		return errors.New("this is a component; build a core module instead (Go: -buildmode=c-shared with GOOS=wasip1)")
	}
	return fmt.Errorf("it has version %#x of the binary format, the only one there is is 1", v)
}
