// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package schedulerperf runs Kubernetes' own scheduler_perf on a real etcd and API server: see
// `make bench-perf`. Its benchmark needs etcd in PATH, and the build tag schedulerperf, without
// which a whole API server would be compiled into the tests of this repository.
package schedulerperf
