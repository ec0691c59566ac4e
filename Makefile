# Every target works on a fresh machine with Go and make. `make` alone lists them.
.DEFAULT_GOAL := help
GO ?= go
GOLANGCI := $(CURDIR)/bin/golangci-lint
GOLANGCI_VERSION := v2.14.0
VERSITYGW := $(CURDIR)/bin/versitygw
VERSITYGW_VERSION := v1.8.0
PKGS := ./...


.PHONY: help clients run build scenarios test unit race lint vet fmt fmt-check fuzz bench microbench train cover

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build, and watch a real endpoint scale out and in (Ctrl-C ends it)
	./bin/bellows demo

build: ## ./bin/bellows
	$(GO) build -o bin/bellows ./cmd/bellows

test: clients fmt-check vet lint race ## what CI runs: format, vet, linter, and every test, the end-to-end ones too, under the race detector

clients: $(VERSITYGW) ## what the end-to-end tests need besides Python: an S3 server; the AWS SDK for JavaScript, where node and npm are
	@if node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory e2e/js/node_modules; \
	else echo "skipped: the AWS SDK for JavaScript: it wants node 20 or newer, and npm"; fi
	@command -v aws >/dev/null || echo "skipped: the AWS CLI: it is not installed"
	@command -v promtool >/dev/null || echo "skipped: promtool and prometheus: Debian's package prometheus has them"

e2e/js/node_modules: e2e/js/package.json e2e/js/package-lock.json
	cd e2e/js && npm ci --no-audit --no-fund
	@touch $@

$(VERSITYGW):
	GOBIN=$(CURDIR)/bin $(GO) install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION)

unit: ## every test once, without the race detector
	$(GO) test $(PKGS)

race: ## every test under the race detector, in random order; runs the fuzz seeds too
	$(GO) test -race -shuffle=on -count=1 -timeout 20m $(PKGS)

vet: ## go vet
	$(GO) vet $(PKGS)

lint: $(GOLANGCI) ## golangci-lint with .golangci.yml: import rules, purity of the root packages, style
	$(GOLANGCI) run $(PKGS)

$(GOLANGCI):
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

fmt: ## gofmt every file
	gofmt -w $$(git ls-files '*.go')

fmt-check:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "not gofmt'ed:"; echo "$$bad"; exit 1; }

T ?= 30s
fuzz: ## each fuzz target in turn for T (default 30s)
	@for pkg in $$($(GO) list $(PKGS)); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(T) $$pkg || exit 1; \
		done; \
	done

bench: ## the figures that are promised, each beside its peer in the same run (nginx where it is installed)
	$(GO) run ./bench/server
	$(GO) run ./bench/gateway
	$(GO) run ./bench/capacity
	$(GO) run ./bench/reaction
	$(GO) run ./bench/decision
	$(GO) run ./bench/snapshot
	$(GO) run ./bench/cloudwatch
	$(GO) run ./bench/prediction

microbench: ## the benchmarks beside the code
	$(GO) test -run '^$$' -bench . -benchmem $(PKGS)

scenarios: ## run every scenario file on virtual time; they say what changed, REWRITE=1 accepts it
	$(GO) test ./scenario $(if $(REWRITE),-rewrite)

train: ## train the demo model again from its facts (must change nothing)
	$(GO) run ./internal/demomodel/train -o internal/demomodel/model.json

cover: ## test coverage, a line a package
	$(GO) test -cover $(PKGS)
