// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strconv"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

// limit is how many pods a namespace may start.
type limit struct{ perMinute, burst int64 }

// every is the nanoseconds between two tokens.
func (l limit) every() int64 { return int64(stowage.Minute) / l.perMinute }

func (l limit) String() string {
	return strconv.FormatInt(l.perMinute, 10) + " pods per minute, and " + strconv.FormatInt(l.burst, 10) + " at once"
}

// Configure sets the limits.
func (p *policy) Configure(raw []byte) error {
	if p.now() < beforeClocks {
		return errNoClock
	}
	c := config.Parse(raw)
	p.others = readLimit(c, p.others)
	for _, o := range c.Objects("namespaces") {
		name := o.String("name", "")
		if _, twice := p.namespaces[name]; name == "" || twice {
			o.Problem("name", "must be the name of another namespace, is \""+name+"\"")
		}
		p.namespaces[name] = readLimit(o, p.others)
	}
	return c.Err()
}

var errNoClock = errors.New(`the policy needs the capability "clock"`)

// beforeClocks is a time, in 2022, that a policy without the capability "clock" does not live to see: its
// clock starts with that year and hardly moves.
const beforeClocks = 1_650_000_000_000_000_000

func readLimit(c *config.Object, otherwise limit) limit {
	return limit{
		perMinute: c.Int("perMinute", otherwise.perMinute, 1, 60_000),
		burst:     c.Int("burst", otherwise.burst, 1, 10_000),
	}
}
