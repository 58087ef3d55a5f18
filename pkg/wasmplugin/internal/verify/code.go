// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// code checks function bodies, one after the other.
type code struct {
	*checker

	r      *wasm.Reader
	in     wasm.Instr
	frames []frame
	// locals is the function's, parameters included.
	locals int
	total  int
	// height of the operand stack, as far as it follows from the instructions.
	height int
	work   work
}

// frame is a block that is open.
type frame struct {
	op wasm.Op
	// base is the height below the block's parameters.
	base            int
	params, results int
	// known is the least that is known where a branch to the block's end comes from, start what
	// is known at the start of an if.
	known, start int
}

// arity is how many values a branch to the block takes along.
func (f *frame) arity() int {
	if f.op == wasm.OpLoop {
		return f.params
	}
	return f.results
}

func (c *checker) readBodies(r *wasm.Reader) {
	n := count(r, "function bodies", 3, c.limits.Functions)
	if defined := len(c.funcs) - c.imported; n > defined {
		r.Fail(r.Offset(), "%d functions are declared and %d defined", defined, n)
		return
	}
	var body wasm.Body
	for ; c.bodies < n; c.bodies++ {
		start, index := r.Offset(), uint32(c.imported+c.bodies)
		r.Body(&body)
		if r.Err() == nil {
			c.code.body(&body, start, index)
		}
		if !c.adoptBody(&body.Code, index) {
			return
		}
	}
}

// adoptBody is adopt for the code of a function, whose name it looks for only if it must.
func (c *checker) adoptBody(code *wasm.Reader, index uint32) bool {
	return code.Err() == nil && code.Len() == 0 || c.adopt(code, c.function(index))
}

// function is how messages call a function.
func (c *checker) function(index uint32) string {
	if name := c.exportOf(index); name != "" {
		return fmt.Sprintf("function %d (%s)", index, plain(name))
	}
	return fmt.Sprintf("function %d", index)
}

func (c *code) body(b *wasm.Body, start int, index uint32) {
	t := c.funcType(index)
	c.r, c.height = &b.Code, 0
	if err := c.declare(b, t); err != nil {
		c.r.Fail(start, "%v", err)
		return
	}
	c.work.begin(c.locals)
	c.frames = append(c.frames[:0], frame{op: wasm.OpBlock, results: len(t.Results), known: unreached})
	for len(c.frames) > 0 && c.r.Err() == nil {
		c.instruction()
	}
	if c.r.Err() == nil {
		if err := c.work.end(c.limits, c.report); err != nil {
			c.r.Fail(start, "%v", err)
		}
	}
}

func (c *code) declare(b *wasm.Body, t wasm.FuncType) error {
	if locals := b.LocalCount + uint64(len(t.Params)); locals > uint64(c.limits.Locals) {
		return fmt.Errorf("%d locals, the limit is %d", locals, c.limits.Locals)
	}
	c.locals = int(b.LocalCount) + len(t.Params)
	c.total += c.locals
	if err := atMost("locals in all functions together", c.total, c.limits.TotalLocals); err != nil {
		return err
	}
	return atMost("bytes of code in a function", b.Code.Len(), c.limits.BodyBytes)
}

func (c *code) instruction() {
	c.r.Instr(&c.in)
	if c.r.Err() != nil {
		return
	}
	info := c.in.Op.Info()
	c.pop(int(info.Pops))
	c.push(int(info.Pushes))
	c.work.instructions++
	switch c.in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpElse, wasm.OpEnd, wasm.OpBr, wasm.OpBrIf, wasm.OpBrTable,
		wasm.OpReturn, wasm.OpUnreachable:
		c.control()
	case wasm.OpCall, wasm.OpCallIndirect:
		c.call()
	default:
		c.access()
	}
}

func (c *code) top() *frame { return &c.frames[len(c.frames)-1] }

// pop takes values from the stack, as many as there are: wazero refuses what takes more.
func (c *code) pop(n int) { c.height = max(c.height-n, c.top().base) }

func (c *code) push(n int) {
	c.height += n
	if c.height > c.work.height {
		c.work.height = c.height
	}
}
