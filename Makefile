# Stowage. `make help` lists the targets; each group lives in hack/make/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
BUILD := build
BIN := $(BUILD)/bin
K8S_VERSION := $(shell sed -n 's|^\tk8s.io/kubernetes ||p' go.mod | head -n 1)
# The version that the built components report; staging modules carry a placeholder.
LDFLAGS := -s -w -X k8s.io/component-base/version.gitVersion=$(K8S_VERSION)

# One build flavour for binaries and tests, so that they share the compile cache; race targets set it back.
export CGO_ENABLED := 0

include hack/make/*.mk

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf $(BUILD)
