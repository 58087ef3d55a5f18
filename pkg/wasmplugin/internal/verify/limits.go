// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

// Limits on a module. Each is far above what compilers produce: "seen" is the most among stock-Go
// policies, a 30 MB Go program with k8s.io/api and text/template in it, and Rust, Zig, C and
// TinyGo programs. "JS" is what browsers agreed on (the limits of the WebAssembly JavaScript
// interface), which is where the numbers start from. They are lower where wazero needs much
// memory or time for each entry.
type Limits struct {
	// ModuleBytes is the size of the file. It bounds all that is linear in it: wazero needs
	// about 0.4 s for each megabyte of code. JS: 1 GiB, seen: 30 MB.
	ModuleBytes int
	// MemoryPages is the most that a memory may have at the start, in pages of 64 KiB. The host
	// lowers the maximum to its own limit, so that is not refused.
	MemoryPages uint32
	// Types is function types. JS: 1,000,000, seen: 38.
	Types int
	// Params and Results of a function type. wazero's time is quadratic in them. JS: 1,000, seen: 13.
	Params, Results int
	// Imports are functions; wazero walks all for each call of one. JS: 1,000,000, seen: 34.
	Imports int
	// Functions that are defined. JS: 1,000,000, seen: 17,347.
	Functions int
	// Tables and the entries of all together, which each instance holds at eight bytes apiece.
	// JS: 100,000 tables of 10,000,000 entries, seen: one of 21,443.
	Tables, TableEntries int
	// Globals. JS: 1,000,000, seen: 9.
	Globals int
	// Exports; wazero walks all for each function. JS: 1,000,000, seen: 23.
	Exports int
	// Elements is element segments, ElementItems the items of all together, for each of which
	// wazero allocates. JS: 10,000,000, seen: one of 17,347.
	Elements, ElementItems int
	// DataSegments. Their bytes are bounded by ModuleBytes. JS: 100,000, which is also where Go's
	// linker stops: seen.
	DataSegments int
	// NameBytes is the length of an import's or export's name. JS: 100,000, seen: 60.
	NameBytes int
	// CustomSections and the bytes of all together; the compiler reads names only.
	CustomSections, CustomBytes int

	// BodyBytes is the code of one function, which recursion in the compiler follows.
	// JS: 7,654,321, seen: 195,765.
	BodyBytes int
	// Locals of a function, parameters included, and of all functions together. wazero holds
	// eight bytes for each, and five bytes of code declare any number. JS: 50,000 of each
	// function, seen: 813 and 87,186.
	Locals, TotalLocals int
	// Nesting of blocks. JS: none, seen: 2,397.
	Nesting int
	// BranchTargets of one br_table. JS: 65,520, seen: 3,828.
	BranchTargets int
	// StackValues is the height of a function's operand stack. JS: none, seen: 15.
	StackValues int

	// CompileBytes is the memory that compiling one function takes, Effort the nanoseconds that
	// compiling all of them takes on one CPU of a small machine. Both are estimates, right
	// within a factor of two for memory and of four for time where they matter: see work. Seen:
	// 22 MiB and 2 s among policies; the 30 MB program, which is refused, 151 MiB and 19 s.
	CompileBytes, Effort int64
}

// DefaultLimits are the limits that hold if nobody sets others.
func DefaultLimits() Limits {
	return Limits{
		ModuleBytes:    32 << 20,
		MemoryPages:    1 << 14,
		Types:          10_000,
		Params:         1_000,
		Results:        1_000,
		Imports:        1_000,
		Functions:      100_000,
		Tables:         4,
		TableEntries:   1 << 18,
		Globals:        10_000,
		Exports:        1_000,
		Elements:       10_000,
		ElementItems:   1 << 18,
		DataSegments:   100_000,
		NameBytes:      1_000,
		CustomSections: 100,
		CustomBytes:    16 << 20,
		BodyBytes:      1 << 20,
		Locals:         50_000,
		TotalLocals:    2_000_000,
		Nesting:        10_000,
		BranchTargets:  65_520,
		StackValues:    10_000,
		CompileBytes:   96 << 20,
		Effort:         15_000_000_000,
	}
}
