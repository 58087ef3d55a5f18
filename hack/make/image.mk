# OCI image archives, written by hack/image without a container engine. The scheduler is built like
# build/bin/scheduler, so that what was compiled for that is used again.
IMAGE := $(BUILD)/image
IMAGE_SCHEDULERS := $(IMAGE)/linux-amd64/scheduler $(IMAGE)/linux-arm64/scheduler

# Always run: Go decides what is out of date.
.PHONY: $(IMAGE_SCHEDULERS)
$(IMAGE_SCHEDULERS): $(IMAGE)/linux-%/scheduler:
	@echo "==> building the scheduler for linux/$*"
	@GOOS=linux GOARCH=$* $(GO) build -ldflags '$(LDFLAGS)' -o $@ ./cmd/scheduler

.PHONY: image
image: $(IMAGE_SCHEDULERS) ## Write build/image/stowage.tar for linux/amd64 and linux/arm64 (cold: about 10 minutes)
	@echo "==> writing $(IMAGE)/stowage.tar"
	@$(GO) run ./hack/image -out $(IMAGE)/stowage.tar -name stowage -entrypoint /scheduler -roots \
		linux/amd64:/scheduler=$(IMAGE)/linux-amd64/scheduler \
		linux/arm64:/scheduler=$(IMAGE)/linux-arm64/scheduler

.PHONY: policy-image
policy-image: policies ## Write build/image/policies.tar, the policy files for an image volume
	@echo "==> writing $(IMAGE)/policies.tar"
	@$(GO) run ./hack/image -out $(IMAGE)/policies.tar -name stowage-policies \
		$(foreach policy,$(wildcard $(BUILD)/policies/*.wasm),/$(notdir $(policy))=$(policy))
