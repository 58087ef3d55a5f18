// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import "encoding/binary"

// Bounds of one fd_write. More bytes than that are a short write, which callers repeat.
const (
	maxVectors = 1024
	maxWrite   = 64 << 10
)

// fdstatGet (descriptor, address): standard streams are character devices, so that C libraries
// flush each line and a fault's message has the last ones.
func fdstatGet(c *Caller, stack []uint64) errno {
	const (
		characterDevice        = 2
		rightRead       uint64 = 1 << 1
		rightWrite      uint64 = 1 << 6
	)
	fd, rights := uint32(stack[0]), rightWrite
	if fd > stderr {
		return errnoBadf
	}
	if fd == stdin {
		rights = rightRead
	}
	b, ok := c.bytes(uint32(stack[1]), 24)
	if !ok {
		return errnoFault
	}
	clear(b)
	b[0] = characterDevice
	binary.LittleEndian.PutUint64(b[8:], rights)
	return errnoSuccess
}

// fdRead (descriptor, vectors, count, bytes read): standard input is at its end.
func fdRead(c *Caller, stack []uint64) errno {
	if uint32(stack[0]) != stdin {
		return errnoBadf
	}
	return c.put32(uint32(stack[3]), 0)
}

// fdWrite (descriptor, vectors, count, bytes written): standard output and error are captured.
func fdWrite(c *Caller, stack []uint64) errno {
	fd, count, written := uint32(stack[0]), uint32(stack[2]), uint32(stack[3])
	if fd != stdout && fd != stderr {
		return errnoBadf
	}
	if count > maxVectors {
		return errnoInval
	}
	if _, ok := c.bytes(written, 4); !ok {
		return errnoFault
	}
	vectors, ok := c.bytes(uint32(stack[1]), count*8)
	if !ok {
		return errnoFault
	}
	c.cost += int64(len(vectors))
	total, e := c.capture(vectors)
	if e != errnoSuccess {
		return e
	}
	return c.put32(written, total)
}

func (c *Caller) capture(vectors []byte) (total uint32, e errno) {
	for ; len(vectors) > 0 && total < maxWrite; vectors = vectors[8:] {
		addr, n := binary.LittleEndian.Uint32(vectors), binary.LittleEndian.Uint32(vectors[4:])
		b, ok := c.bytes(addr, n)
		if !ok {
			return total, errnoFault
		}
		b = b[:min(n, maxWrite-total)]
		c.output.write(b)
		c.cost += int64(len(b))
		total += uint32(len(b))
	}
	return total, errnoSuccess
}
