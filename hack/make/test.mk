# The whole test suite. Every run is written to build/test-*.json, so that skipped tests can be counted.
GOTESTSUM := $(BIN)/gotestsum
# Other tests beside the control plane would disturb the latencies that its tests compare.
HARNESS_PACKAGES = $(shell $(GO) list ./test/... | grep -v /integration)
# Hostile guests mostly burn fuel, which is no race and takes long: their tests run once, with the host's.
RACE_PACKAGES = $(shell $(GO) list ./pkg/wasmplugin/... | grep -v /hostile)

$(GOTESTSUM): hack/tools/gotestsum/go.mod hack/tools/gotestsum/go.sum
	@$(GO) -C hack/tools/gotestsum build -ldflags '-s -w' -o $(CURDIR)/$@ gotest.tools/gotestsum

# go-test,<name>,<what>,<arguments of go test>
define go-test
	@echo "==> testing $(2)"
	@mkdir -p $(BUILD)
	@$(GOTESTSUM) --format pkgname --format-hide-empty-pkg --jsonfile $(BUILD)/test-$(1).json -- $(3)
endef

.PHONY: test
test: test-sdk test-host test-portable test-race test-integration ## Run everything: unit, SDK, samples, race and integration tests

.PHONY: test-host
test-host: $(GOTESTSUM) image ## Run the host's tests
	$(call go-test,host,the host,$(UNIT_PACKAGES))

.PHONY: test-portable
test-portable: $(GOTESTSUM) ## Run the host's tests with segments copied instead of mapped
	$(call go-test,portable,the host without mapped memory,-tags stowage_portable $(RACE_PACKAGES))

.PHONY: test-race
test-race: $(GOTESTSUM) ## Run the host's tests under the race detector
	$(call go-test,race,the host under the race detector,-race -timeout 30m $(RACE_PACKAGES))
test-race: export CGO_ENABLED = 1

.PHONY: test-integration
test-integration: $(GOTESTSUM) components scheduler native-scheduler policies test-guests ## Run the scheduler on a real control plane
	$(call go-test,harness,what tests and benchmarks are made of,$(HARNESS_PACKAGES))
	$(call go-test,integration,the scheduler on a real control plane,-count 1 -timeout 60m ./test/integration)
