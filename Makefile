SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO          ?= go
BIN         := bin
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# How long each fuzz target runs in "make check".
FUZZTIME    ?= 5s
# Namespaces need root; "make demo" asks for it only where it is needed.
SUDO        := $(shell test "$$(id -u)" = 0 || command -v sudo)

.PHONY: help build demo examples test test-long check gofmt vet staticcheck race fuzz tidy bench soak upgrade-test dist dist-test fmt clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/sdnd, bin/sdnctl and bin/sdnlab
	@mkdir -p $(BIN)
	$(GO) build -trimpath -buildvcs=auto -o $(BIN)/ ./controller/sdnd ./cli/sdnctl ./integration/sdnlab

demo: ## The scale model on two nodes, here and now; KEEP=1 leaves it up
	@$(SUDO) integration/deps.sh demo
	@$(MAKE) --no-print-directory build
	@$(SUDO) env KEEP="$(KEEP)" BACKEND=namespaces examples/scale-model/demo.sh

examples: ## Run every example in namespaces
	@$(SUDO) integration/deps.sh test
	@$(MAKE) --no-print-directory build
	@for demo in examples/*/demo.sh; do $(SUDO) env BACKEND=namespaces $$demo; done

# Tests that a complete machine skips: they need what "make upgrade-test", "make dist-test" and "make bench" build or install.
MAYSKIP := TestUpgrade|TestOldClient|TestImage|TestOVN.*|TestCoreDNS

# The package that takes longest begins first, and the others run beside it.
test: ## Every test, unit and integration; what lacks a privilege is skipped and counted, or with STRICT=1 fails
	@$(SUDO) integration/deps.sh test || echo "some tests will be skipped, and say why"
	@$(GO) test -json -timeout 25m ./integration ./... | $(GO) run ./integration/testsum $(if $(STRICT),-mayskip '$(MAYSKIP)')

test-long: ## The tests that have a long form, in that form: Cyclonus' 512 cases by packets, 150 sets of policies by OVN, restarts with 100,000 flows
	@$(SUDO) integration/deps.sh test
	@$(SUDO) integration/deps.sh bench
	SDNCTL_LONG=1 $(GO) test ./integration/policymodel -run 'TestOVN$$' -count=1 -v
	$(SUDO) env PATH="$$PATH" SDNCTL_LONG=1 $(GO) test ./integration -run 'TestCyclonusPackets$$|TestReliabilityRestart$$' -count=1 -v -timeout 60m

check: gofmt vet staticcheck tidy race fuzz ## Static checks, race detector, a little fuzzing

gofmt:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted (make fmt):"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) run $(STATICCHECK) ./...

tidy:
	$(GO) mod tidy -diff

race:
	$(GO) test -race -shuffle=on $$($(GO) list ./... | grep -v '/integration$$')

fuzz:
	@for file in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
	    echo "fuzz $$(dirname $$file) $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file); \
	  done; \
	done

# What is missing is a line that says so, so neither deps.sh nor ofnet is needed.
bench: ## Measure sdnctl beside ovs-ofctl, ofnet, OVN and NORMAL; BENCH=-short to try
	@$(SUDO) integration/deps.sh bench || true
	@$(MAKE) --no-print-directory build
	$(GO) build -trimpath -o $(BIN)/ ./integration/bench/sdnbench ./integration/bench/dnsbare ./integration/sdnsim
	cd integration/ofnet && $(GO) build -trimpath -o ../../$(BIN)/ofnetbench . || true
	$(SUDO) env PATH="$$PATH" $(BIN)/sdnbench -json docs/bench.json -markdown docs/bench.md $(BENCH)

soak: ## Random operations and faults over three real switches, for hours; OPS=2000 SEED=7
	@$(SUDO) integration/deps.sh test
	@$(MAKE) --no-print-directory build
	$(GO) build -trimpath -o $(BIN)/ ./integration/soak
	$(SUDO) $(BIN)/soak -bin "$(CURDIR)/$(BIN)" $(if $(OPS),-ops $(OPS)) $(if $(SEED),-seed $(SEED))

# The release before: what an upgrade starts from.
PREVIOUS ?= 1bee5d9

upgrade-test: ## Upgrade the release before, PREVIOUS=COMMIT, on a running lab of 10,000 flows; try its sdnctl
	@$(SUDO) integration/deps.sh test
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && git archive $(PREVIOUS) | tar -x -C "$$dir" && \
	(cd "$$dir" && $(GO) build -trimpath -o out/ ./controller/sdnd ./cli/sdnctl) && \
	$(SUDO) env PATH="$$PATH" SDNLAB_PREVIOUS="$$dir/out" $(GO) test ./integration -run 'TestUpgrade$$|TestOldClient$$' -count=1 -v

dist: ## Build programs, packages and man pages for amd64 and arm64 into dist/
	@GO="$(GO)" controller/sdnd/package/build.sh

dist-test: ## Install, start, upgrade and remove the packages of dist/ in an empty root; start its image
	@$(SUDO) integration/deps.sh ci
	@$(SUDO) integration/packages.sh
	@$(SUDO) env PATH="$$PATH" SDNLAB_IMAGE="$(CURDIR)/dist/image" $(GO) test ./integration -run 'TestImage$$' -count=1 -v

fmt: ## Format the Go code
	gofmt -w .

clean: ## Remove what was built (labs left up: bin/sdnlab list, bin/sdnlab down)
	rm -rf $(BIN) dist
