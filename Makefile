# Every target works on a fresh machine with Go and make. `make` alone lists them.
.DEFAULT_GOAL := help
GO ?= go
GOLANGCI := $(CURDIR)/bin/golangci-lint
GOLANGCI_VERSION := v2.14.0
VERSITYGW := $(CURDIR)/bin/versitygw
VERSITYGW_VERSION := v1.8.0
PKGS := ./...
# The server, its benchmarks, the generators of its tables: each has its own go.mod.
MODULES := . bench tools

# $(call each,command) runs a command in the folder of each module and stops at the first that fails.
each = @for module in $(MODULES); do echo "$$module: $(1)"; (cd $$module && $(1)) || exit 1; done


.PHONY: help clients run build size scenarios test unit race lint tidy tidy-check vet fmt fmt-check fuzz bench microbench generate cover docs

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build, and watch a real endpoint scale out and in (Ctrl-C ends it)
	./bin/bellows demo

# -s -w: without tables that only debuggers read. grpcnotrace: without gRPC's debug page. -l: without inlining in the SDK's tables of shapes,
# which run once (docs/decisions/0035-modules-and-binary.md).
build: ## ./bin/bellows
	$(GO) build -tags=grpcnotrace -gcflags='github.com/aws/aws-sdk-go-v2/service/...=-l' -ldflags='-s -w' -o bin/bellows ./cmd/bellows

SIZE_MAX := 45000000
size: build ## fails if the binary has more than 45 MB
	@size=$$(wc -c < bin/bellows); echo "bin/bellows has $$size bytes, at most $(SIZE_MAX)"; [ $$size -le $(SIZE_MAX) ]

test: clients fmt-check vet lint size race ## what CI runs: format, vet, linter, binary size, all tests (also end to end) with the race detector

clients: $(VERSITYGW) ## clients of the end-to-end tests besides Python: an S3 server; the AWS SDK for JavaScript and a browser's driver if node and npm are installed
	@if node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory e2e/js/node_modules $(WEB)/node_modules; \
	else echo "skipped: the AWS SDK for JavaScript and the console's tests require node 20 or newer and npm"; fi
	@command -v chromium >/dev/null || echo "skipped: no browser is installed (Debian: package chromium)"
	@command -v aws >/dev/null || echo "skipped: the AWS CLI is not installed"
	@command -v promtool >/dev/null || echo "skipped: promtool and prometheus are not installed (Debian: package prometheus)"

e2e/js/node_modules: e2e/js/package.json e2e/js/package-lock.json
	cd e2e/js && npm ci --no-audit --no-fund
	@touch $@

WEB := internal/console/web
$(WEB)/node_modules: $(WEB)/package.json $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund
	@touch $@

console: $(WEB)/node_modules ## the console's page from its sources: internal/console/dist, which is committed (needs node 20 and npm)
	cd $(WEB) && npm run --silent check && npm run --silent build

docs/node_modules: docs/package.json docs/package-lock.json
	cd docs && npm ci --no-audit --no-fund
	@touch $@

docs: docs/node_modules ## the documentation as a site, in docs/.vitepress/dist (needs node 20 and npm)
	cd docs && npm run --silent build

$(VERSITYGW):
	GOBIN=$(CURDIR)/bin $(GO) install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION)

unit: ## all tests once, without the race detector
	$(call each,$(GO) test $(PKGS))

race: ## all tests in random order with the race detector, without the vet that `make test` has run; includes the fuzz seeds
	$(call each,$(GO) test -race -vet=off -shuffle=on -count=1 -timeout 20m $(PKGS))

vet: ## go vet
	$(call each,$(GO) vet $(PKGS))

lint: $(GOLANGCI) tidy-check ## golangci-lint with .golangci.yml (import rules, purity of the root packages, style); tidy go.mod files
	$(call each,$(GOLANGCI) run $(PKGS))

tidy: ## go mod tidy in every module
	$(call each,$(GO) mod tidy)

tidy-check:
	$(call each,$(GO) mod tidy -diff)

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

FIGURES := server gateway capacity reaction decision snapshot cloudwatch prediction
bench: ## the promised figures, each beside its peer in the same run (nginx, haproxy and moto if they are installed)
	cd bench && for figure in $(FIGURES); do $(GO) run ./$$figure || exit 1; done

microbench: ## the benchmarks beside the code
	$(GO) test -run '^$$' -bench . -benchmem $(PKGS)

scenarios: ## run all scenario files on virtual time and show differences; REWRITE=1 accepts them
	$(GO) test ./scenario $(if $(REWRITE),-rewrite)

generate: ## regenerate the constraints of API members and the demo model
	$(GO) generate $(PKGS)

cover: ## test coverage by package
	$(GO) test -cover $(PKGS)
