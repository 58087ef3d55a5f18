# The scheduler and the real control plane, built from their Go modules.
# Go decides what is out of date, so these targets always run and cost little when nothing changed.
say = @echo "==> $(1)"

.PHONY: scheduler
scheduler: ## Build build/bin/scheduler (cold: about 6 minutes on two cores)
	$(call say,building the scheduler)
	@$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/scheduler ./cmd/scheduler

.PHONY: native-scheduler
native-scheduler: ## Build build/bin/native-scheduler, whose policy is native, for tests to compare with
	$(call say,building the scheduler with a native policy)
	@$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/native-scheduler ./test/native/scheduler

.PHONY: components
components: ## Build etcd, kube-apiserver and kwok into build/bin (cold: about 6 minutes)
	$(call say,building etcd)
	@$(GO) build -ldflags '-s -w' -o $(BIN)/etcd go.etcd.io/etcd/server/v3
	$(call say,building kube-apiserver $(K8S_VERSION))
	@$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
	$(call say,building kwok)
	@$(GO) -C hack/tools/kwok build -ldflags '-s -w' -o $(CURDIR)/$(BIN)/kwok sigs.k8s.io/kwok/cmd/kwok
