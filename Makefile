# make demo, make check and make test do all the set-up they need; make help lists the rest.
.PHONY: help setup build check msrv demo test bench fuzz memcheck clean-demo
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),$(CURDIR)/target)
BIN := $(TARGET)/release
# Every folder of plugins/ is a package: those with the feature torch, and the others. cargo gives all packages of one call
# the same features, so what must not need libtorch is never built in one call with what does.
packages = $(foreach toml,$(1),-p $(shell sed -n '/^name = /{s/name = "\(.*\)"/\1/p;q}' $(toml)))
TORCH := $(call packages,$(shell grep -l '"torch"' plugins/*/Cargo.toml))
LIGHT := $(call packages,$(shell grep -L '"torch"' plugins/*/Cargo.toml))
# The oldest compiler that is supported.
OLDEST := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# Shell code that tells cargo and the linker where the engines are. scripts/setup.sh, which every target begins with, has
# verified them.
ENGINES = if [ -z "$${LIBTORCH:-}" ] && [ -z "$${LIBTORCH_USE_PYTORCH:-}" ]; then \
	  export LIBTORCH="$$(python3 scripts/fetch_engines.py torch verified)"; fi; \
	export ORT_DYLIB_PATH="$${ORT_DYLIB_PATH:-$$(python3 scripts/fetch_engines.py onnx verified)}"; \
	if [ -n "$${LIBTORCH:-}" ]; then export LD_LIBRARY_PATH="$$LIBTORCH/lib$${LD_LIBRARY_PATH:+:$$LD_LIBRARY_PATH}"; fi

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "make %-12s %s\n", $$1, $$2}'

setup: ## Debian packages (as root; else a list of what lacks), the two engines, igv-reports for the tests
	@scripts/setup.sh test

build: ## all commands, the plugin, man pages and completions, into target/release
	@scripts/setup.sh build
	@$(ENGINES); set -x; \
	cargo build --release --locked $(LIGHT); \
	cargo build --release --locked $(TORCH); \
	ln -sfn "$$ORT_DYLIB_PATH" "$(BIN)/libonnxruntime.so"; \
	install -D "$(BIN)/libdeepallele_bcftools.so" "$(BIN)/bcftools/deepallele.so"; \
	{ set +x; } 2>/dev/null; for command in "$(BIN)"/deepallele "$(BIN)"/deepallele-*; do \
	  if [ -f "$$command" ] && [ -x "$$command" ]; then "$$command" --generate-pages "$(BIN)"; fi; done

# In the release profile, which shares the C and C++ libraries of dependencies with `build` and `test`. Nothing is linked
# from a check, so that the packages may be named together; a second and third run see them without the engines.
check: ## formatting, lints, API documentation, doc tests, licences, oldest compiler
	@scripts/setup.sh check
	@$(ENGINES); set -x; \
	cargo fmt --all --check; \
	cargo lint --workspace --all-features -- -D warnings; \
	cargo lint $(LIGHT) -- -D warnings; \
	cargo lint -p deepallele-core -- -D warnings; \
	RUSTDOCFLAGS="-D warnings" cargo docs; \
	cargo test --release --locked -p deepallele-core --features torch,onnx --doc; \
	deny="$$(python3 scripts/fetch_cargo_deny.py)"; \
	"$$deny" check -A no-license-field licenses bans sources; \
	python3 scripts/check_rust_version.py; \
	{ set +x; } 2>/dev/null; \
	if "$$deny" fetch db >/dev/null 2>&1; then "$$deny" check --disable-fetch advisories; \
	else echo "make check: advisories are not checked: their database cannot be fetched"; fi
	@echo "make check: every check passed"

msrv: ## compile everything with the oldest supported compiler, which rustup installs
	@scripts/setup.sh build
	@$(ENGINES); set -x; \
	cargo +$(OLDEST) --version || rustup toolchain install $(OLDEST) --profile minimal; \
	cargo +$(OLDEST) check --locked --workspace --all-targets --all-features --target-dir "$(TARGET)/msrv"

demo: build ## count -> train -> annotate -> predict -> tracks on real data, into demo-out
	@python3 scripts/demo.py "$(BIN)" demo-out

test: setup build ## build and run every test
	@$(ENGINES); set -x; \
	cargo test --release --locked -p deepallele-core --features torch,onnx; \
	cargo test --release --locked $(LIGHT); \
	cargo test --release --locked $(TORCH); \
	DEEPALLELE_BIN="$(BIN)" cargo test --release --locked -p deepallele-tests
	@echo "make test: every test passed"

bench: build ## speed and memory against samtools, the peers of counting and PyTorch, a table
	@scripts/setup.sh bench
	@$(ENGINES); set -x; \
	cargo build --release --locked -p deepallele-core --features onnx --example forward_speed --example variant_speed; \
	cargo build --release --locked -p deepallele-core --example cluster_seqlets --example motif_speed; \
	cargo build --release --locked -p deepallele-core --features torch --example time_network; \
	cargo build --release --locked -p deepallele-tests --example simulate_cross; \
	{ set +x; } 2>/dev/null; python3 bench/bench.py "$(BIN)"

# RUNS and SECONDS (0: no limit) end it, SEED chooses other damage, ONLY names targets of scripts/fuzz.py.
RUNS ?= 20000
SECONDS_LIMIT := $(if $(filter command line,$(origin SECONDS)),$(SECONDS),0)
SEED ?= 1
ONLY ?=
fuzz: build ## run the commands on damaged files: make fuzz RUNS=20000 SECONDS=3600
	@$(ENGINES); python3 scripts/fuzz.py "$(BIN)" --runs $(RUNS) --seconds $(SECONDS_LIMIT) --seed $(SEED) --only "$(ONLY)"

memcheck: build ## run them under valgrind, on sound and on a few damaged files
	@$(ENGINES); python3 scripts/memcheck.py "$(BIN)"

clean-demo: ## remove what make demo made
	rm -rf demo-out
