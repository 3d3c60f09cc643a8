# The commands of this repository. They need Rust (rustup installs the version in rust-toolchain.toml), Go, a C compiler and bash.
# The control plane that demo and tests run on is built by Go once and cached outside the checkout.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.ONESHELL:

# What `make generate` writes.
GENERATED := crds charts/propensity-operator/templates/crds docs/api.md docs/conditions.md install.yaml
# The tests that run the operator mostly wait, so more of them than cores run at once.
TEST_THREADS ?= 8

# The newest that builds with the Rust of rust-toolchain.toml.
CARGO_DENY := 0.20.2

CLUSTER := go -C dev run ./cluster
STEP = printf '\n── %s\n'

.PHONY: help
help: ## Show this.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## See audiences in YAML become audiences, on a real control plane, against a simulator.
	@dev/demo.sh

.PHONY: test
test: ## Check everything: format, lints, generated files, all tests, the chart.
	@started=$$SECONDS
	$(MAKE) --no-print-directory check-tools check-format check-lints check-generated check-dev check-operator
	printf '\nAll checks passed in %d s.\n' $$((SECONDS - started))

.PHONY: tools
tools: ## Install what `make test` uses where it is installed: cargo-deny.
	cargo install --locked cargo-deny@$(CARGO_DENY)

.PHONY: build
build: ## Build the operator for use: target/release/propensity-operator.
	cargo build --release --locked

.PHONY: generate
generate: ## Write the CRDs, the chart's copies of them, docs/api.md, docs/conditions.md and install.yaml.
	cargo run --quiet --locked --example generate
	HELM="$$($(CLUSTER) bin helm)/helm" dev/render-install.sh

.PHONY: bench
bench: ## Measure a thousand audiences: time, requests, memory; then a restart with all of them.
	cargo build --release --locked
	mkdir -p target/dev
	go -C dev build -o "$$PWD/target/dev/" ./cluster ./simulator ./bench
	target/dev/bench --operator "$${CARGO_TARGET_DIR:-target}/release/propensity-operator"

.PHONY: models
models: ## Explore the ledger's models in wide bounds; prints what was explored.
	MODELS=large cargo test --release --locked --test models -- --nocapture --test-threads 1

.PHONY: torture
torture: ## Try to break the promise for three quarters of an hour: wide models, every crash and fault, fuzzing. Ends with a table.
	@started=$$SECONDS
	$(CLUSTER) build
	$(STEP) 'Models of the ledger, in wide bounds'
	$(MAKE) --no-print-directory models
	$(STEP) 'Fuzz targets, two minutes each'
	BOLERO_RANDOM_TEST_TIME_MS=120000 cargo test --locked --lib -- --nocapture _fuzz::
	$(STEP) 'The real binary: every crash, every fault'
	TORTURE=whole cargo test --locked --test torture -- --nocapture
	printf '\nThe promise held for %d s.\n' $$((SECONDS - started))

.PHONY: fmt
fmt: ## Format Rust and Go.
	cargo fmt
	gofmt -w dev

.PHONY: clean
clean: ## Remove what was built here; the cached control plane stays.
	cargo clean
	rm -rf .demo

# The parts of `make test`.

.PHONY: check-tools
check-tools:
	@$(STEP) 'Tools: etcd, kube-apiserver, kubectl, Helm, Prometheus and promtool (some 13 to 15 minutes the first time)'
	command -v go >/dev/null || { echo 'Go is missing: install it from https://go.dev/dl/' >&2; exit 1; }
	command -v cargo >/dev/null || { echo 'Rust is missing: install it from https://rustup.rs/' >&2; exit 1; }
	$(CLUSTER) build

.PHONY: check-format
check-format:
	@$(STEP) 'Format'
	cargo fmt --check
	unformatted=$$(gofmt -l dev)
	if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted; run make fmt" >&2; exit 1; fi

.PHONY: check-lints
check-lints:
	@$(STEP) 'Lints'
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items
	if command -v cargo-deny >/dev/null; then
		cargo deny --locked --log-level error check bans licenses sources
	else
		echo 'Not checked: licences and sources of dependencies, since cargo-deny is not installed (make tools installs it)'
	fi

.PHONY: check-generated
check-generated:
	@$(STEP) 'Generated files'
	before=$$(mktemp -d)
	trap 'rm -rf "$$before"' EXIT
	tar -cf - $(GENERATED) | tar -xf - -C "$$before"
	$(MAKE) --no-print-directory generate >/dev/null
	for path in $(GENERATED); do
		if ! diff -r "$$before/$$path" "$$path"; then
			echo "$$path wasn't current; it is now: commit it" >&2
			exit 1
		fi
	done
	echo 'current'

.PHONY: check-dev
check-dev:
	@$(STEP) 'Development programs: dev/cluster, dev/simulator'
	go -C dev vet ./...
	go -C dev test ./...

.PHONY: check-operator
check-operator:
	@$(STEP) 'The operator: unit, property and integration tests, and the chart'
	RUST_TEST_THREADS=$(TEST_THREADS) cargo test --locked
