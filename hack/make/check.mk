# Everything that can be said about the code without a cluster. `check` has two phases: targets that may write,
# then checks that only read; it fails if the first phase changed anything, because that was not committed.
GOLANGCI_LINT := $(BIN)/golangci-lint
MODULES = $(shell find . -path ./$(BUILD) -prune -o -name go.mod -print | sort | xargs -n 1 dirname)
LINT_MODULES = . sdk/go
CROSS_PLATFORMS := linux/arm64 darwin/arm64

# What git would commit, with checksums. It works with and without commits and local changes.
fingerprint = git ls-files -z --cached --others --exclude-standard | xargs -0 sha256sum 2>/dev/null | sort -k 2

.PHONY: check
check: ## Generate, format, tidy, lint and type-check; fails if that changes a file
	@mkdir -p $(BUILD)
	@$(fingerprint) > $(BUILD)/check-before.txt
	@$(MAKE) --no-print-directory generate abi-copy format tidy
	@$(MAKE) --no-print-directory lint type-check
	@$(fingerprint) > $(BUILD)/check-after.txt
	@diff $(BUILD)/check-before.txt $(BUILD)/check-after.txt > $(BUILD)/check-diff.txt || { \
		echo "these files were not up to date; they are now, commit them:"; \
		sed -n 's/^> [0-9a-f]*  /  /p' $(BUILD)/check-diff.txt; exit 1; }

.PHONY: format
format: $(GOLANGCI_LINT) ## Run gofmt and goimports over all modules
	@$(GOLANGCI_LINT) fmt

.PHONY: tidy
tidy: ## Run go mod tidy in every module
	@for module in $(MODULES); do echo "==> tidying $$module"; $(GO) -C $$module mod tidy || exit 1; done

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run golangci-lint over the scheduler and the SDK, also as it is built for guests
	@for module in $(LINT_MODULES); do \
		echo "==> linting $$module"; (cd $$module && $(CURDIR)/$(GOLANGCI_LINT) run ./...) || exit 1; done
	@echo "==> linting sdk/go for wasip1"
	@cd sdk/go && GOOS=wasip1 GOARCH=wasm $(CURDIR)/$(GOLANGCI_LINT) run .

# Only the version that its go.mod names; the build takes minutes when it changes.
$(GOLANGCI_LINT): hack/tools/golangci-lint/go.mod hack/tools/golangci-lint/go.sum
	@echo "==> building golangci-lint (cold: about 3 minutes)"
	@$(GO) -C hack/tools/golangci-lint build -ldflags '-s -w' -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: type-check
type-check: ## Type-check the host and the SDK for other platforms and without mapped memory
	@for platform in $(CROSS_PLATFORMS); do \
		echo "==> type-checking for $$platform"; \
		export GOOS=$${platform%/*} GOARCH=$${platform#*/}; \
		$(GO) build ./pkg/wasmplugin/... && $(GO) -C sdk/go vet ./... || exit 1; done
	@echo "==> type-checking with -tags stowage_portable"
	@$(GO) vet -tags stowage_portable ./pkg/wasmplugin/...

# Packages whose tests need no real control plane. Those of hack/image read what `make image` wrote, so test-unit leaves them out.
UNIT_PACKAGES = $(shell $(GO) list ./... | grep -v '/test/')

.PHONY: test-unit
test-unit: test-sdk ## Run the unit tests of the host, the SDK and the samples (warm: about a minute)
	@echo "==> testing the host"
	@$(GO) test $(filter-out %/hack/image,$(UNIT_PACKAGES))
	@echo "==> testing the host without mapped memory"
	@$(GO) test -tags stowage_portable ./pkg/wasmplugin/...
