# Generated Go code. It is checked in, so building needs none of this; run it after changing an API type.
CODE_GENERATOR_VERSION := v0.37.2

.PHONY: generate
generate: ## Regenerate deepcopy functions, and the types that plugins have
	@mkdir -p $(BUILD)
	@head -n 2 pkg/wasmplugin/config/v1alpha1/doc.go > $(BUILD)/boilerplate.go.txt
	@$(GO) run k8s.io/code-generator/cmd/deepcopy-gen@$(CODE_GENERATOR_VERSION) \
		--go-header-file $(BUILD)/boilerplate.go.txt \
		--output-file zz_generated.deepcopy.go \
		./pkg/wasmplugin/config/v1alpha1
	@$(GO) run ./hack/expose pkg/wasmplugin/zz_generated.expose.go
