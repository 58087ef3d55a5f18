# Policies in Go, built by the stock toolchain, and their SDK.
SAMPLES := $(patsubst samples/%/go.mod,%,$(wildcard samples/*/go.mod))
POLICIES := $(BUILD)/policies
GO_WASM := GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 $(GO) build -trimpath -buildmode=c-shared -ldflags=-w

.PHONY: policies
policies: ## Build the sample policies and the conformance guest to build/policies, and print their sizes
	@mkdir -p $(POLICIES)
	@for p in $(SAMPLES); do (cd samples/$$p && $(GO_WASM) -o $(CURDIR)/$(POLICIES)/$$p.wasm .) || exit 1; done
	@cd sdk/go && $(GO_WASM) -o $(CURDIR)/$(POLICIES)/conformance.wasm ./conformance
	@for f in $(POLICIES)/*.wasm; do \
		printf '%-40s %5d kB  %4d kB compressed\n' $$f $$(($$(wc -c < $$f) / 1000)) $$(($$(gzip -9 -c $$f | wc -c) / 1000)); done

# What the API server takes in one ConfigMap is 1 MiB of values. Some of it is left to signatures, which are in the
# same ConfigMap and take up to 10 kB each.
CONFIGMAP_BYTES := 983040

.PHONY: policy-sizes
policy-sizes: ## Print the sizes of the policies in build/policies, and whether they fit into a ConfigMap
	@ls $(POLICIES)/*.wasm > /dev/null 2>&1 || { echo "there are none: run make policies"; exit 1; }
	@printf '%-20s %9s %9s %9s  %s\n' policy raw 'gzip -9' 'zstd -19' 'fits into a ConfigMap'
	@for f in $(POLICIES)/*.wasm; do \
		raw=$$(wc -c < $$f); gz=$$(gzip -9 -c $$f | wc -c); zstd=-; fits='no: deliver it by oci or http'; \
		if command -v zstd > /dev/null; then zstd=$$(zstd -q -19 -c $$f | wc -c); fi; \
		if [ $$zstd != - ] && [ $$zstd -le $(CONFIGMAP_BYTES) ]; then fits='with zstd'; fi; \
		if [ $$gz -le $(CONFIGMAP_BYTES) ]; then fits='with gzip'; fi; \
		if [ $$raw -le $(CONFIGMAP_BYTES) ]; then fits='as it is'; fi; \
		printf '%-20s %9d %9d %9s  %s\n' $$(basename $$f .wasm) $$raw $$gz $$zstd "$$fits"; done

.PHONY: test-guests
test-guests: ## Build the guests that integration tests use
	@mkdir -p $(POLICIES)
	@for g in probe points zone-quota rack-group/full; do \
		(cd test/guests/$$g && $(GO_WASM) -o $(CURDIR)/$(POLICIES)/$${g%/full}.wasm .) || exit 1; done

.PHONY: test-sdk
test-sdk: ## Vet and test sdk/go and the samples, natively
	@for d in sdk/go $(SAMPLES:%=samples/%); do (cd $$d && $(GO) vet ./... && $(GO) test ./...) || exit 1; done
	@cd sdk/go && GOOS=wasip1 GOARCH=wasm $(GO) vet ./...

.PHONY: abi-copy
abi-copy: ## Copy the ABI into sdk/go, which must not depend on the root module
	@rm -f sdk/go/internal/abi/*.go
	@cp $(filter-out %_test.go,$(wildcard pkg/wasmplugin/abi/*.go)) sdk/go/internal/abi/
