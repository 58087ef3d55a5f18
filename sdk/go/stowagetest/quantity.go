// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"fmt"
	"math/big"
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

var suffixes = []struct {
	suffix string
	factor int64
}{
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40}, {"Pi", 1 << 50},
	{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"P", 1e15},
}

// parse turns a Kubernetes quantity into the units of the records, rounded up as Kubernetes
// does: CPU in milli-cores, everything else in whole units. It panics on text that is no
// quantity, which is a mistake in the test.
func parse(resource, quantity string) int64 {
	number, factor := quantity, big.NewRat(1, 1)
	if s, ok := strings.CutSuffix(quantity, "m"); ok {
		number, factor = s, big.NewRat(1, 1000)
	}
	for _, s := range suffixes {
		if n, ok := strings.CutSuffix(quantity, s.suffix); ok {
			number, factor = n, big.NewRat(s.factor, 1)
			break
		}
	}
	value, ok := new(big.Rat).SetString(number)
	if !ok || strings.Contains(number, "/") {
		panic(fmt.Sprintf("stowagetest: %s: %q is not a quantity such as 500m, 4 or 16Gi", resource, quantity))
	}
	value.Mul(value, factor)
	if resource == stowage.ResourceCPU {
		value.Mul(value, big.NewRat(1000, 1))
	}
	up := new(big.Int).Add(value.Num(), new(big.Int).Sub(value.Denom(), big.NewInt(1)))
	return up.Div(up, value.Denom()).Int64()
}
