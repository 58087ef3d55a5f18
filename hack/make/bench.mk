# Benchmarks. They are not tests: run them on a machine that does nothing else.
.PHONY: bench
bench: ## Measure what policies cost and write build/bench.json (about 6 minutes)
	$(call say,building the benchmarks)
	@$(GO) build -o $(BIN)/bench ./test/perf/bench
	@$(BIN)/bench -out $(CURDIR)/$(BUILD)/bench.json

# Workloads without labels are what the filter would leave out. The API server logs a lot: the whole of it goes to a file.
.PHONY: bench-perf
bench-perf: components ## Run Kubernetes' scheduler_perf, SchedulingBasic, in each variant (about 15 minutes)
	$(call say,running scheduler_perf)
	@set -o pipefail; PATH=$(CURDIR)/$(BIN):$$PATH $(GO) test -tags schedulerperf -run '^$$' -bench PerfScheduling -benchtime 1x \
		-timeout 1h ./test/perf/schedulerperf -perf-scheduling-label-filter= 2>&1 \
		| tee $(BUILD)/bench-perf.log | grep -E '^(Benchmark|panic:|FAIL|ok|PASS)' \
		|| { tail -n 50 $(BUILD)/bench-perf.log; exit 1; }
