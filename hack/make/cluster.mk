# The real control plane for people: a demonstration, and the same kept running.
.PHONY: demo
demo: components scheduler policies ## Show on a real control plane where policies put pods, and why
	$(call say,building the demo)
	@$(GO) build -o $(BIN)/demo ./hack/demo
	@STOWAGE_BIN=$(CURDIR)/$(BIN) $(BIN)/demo

.PHONY: up
up: components scheduler policies ## Like demo, but keep the cluster running and print a KUBECONFIG
	$(call say,building the demo)
	@$(GO) build -o $(BIN)/demo ./hack/demo
	@STOWAGE_BIN=$(CURDIR)/$(BIN) $(BIN)/demo -keep
