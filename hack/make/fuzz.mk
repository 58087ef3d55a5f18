# Fuzzing. Seeds run with the tests; this looks for more. What it finds lands in testdata/fuzz beside the target.
FUZZ_TIME ?= 1m
FUZZ_TARGETS := config:FuzzLoadJSON internal/guest:FuzzDescriptor internal/guest:FuzzResults internal/hostcall:FuzzHostCalls \
	internal/meter:FuzzInject internal/verify:FuzzCheck

.PHONY: fuzz
fuzz: ## Fuzz each decoder for FUZZ_TIME (1m); before a release 30m
	@for t in $(FUZZ_TARGETS); do echo "==> fuzzing $$t for $(FUZZ_TIME)"; \
		$(GO) test -run '^$$' -fuzz "^$${t#*:}\$$" -fuzztime $(FUZZ_TIME) ./pkg/wasmplugin/$${t%:*} || exit 1; done
