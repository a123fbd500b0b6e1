# Two commands matter: `make run` tries the product, `make test` proves it. Both set up whatever is missing first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

help: ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: ## Start the app beside a demo server; without a display, the same journey in the terminal
	@scripts/setup.sh rust
	@scripts/run.sh

test: ## Everything: the gate, every scenario, interop
	@scripts/setup.sh rust desktop nextest node python browser keychain e2e
	@$(MAKE) --no-print-directory check
	@scripts/test.sh

check: ## The gate: format, lints, docs, spelling, licences
	@scripts/check.sh

check-macos: ## The lints of the macOS target, on a Mac or on Debian (docs/macos.md)
	@scripts/macos/check.sh

bench: ## Figures and ratios, measured in one run (docs/performance.md)
	@scripts/setup.sh rust node python desktop e2e
	@scripts/bench.sh --peers

bundle: ## The app as packages for this system, in target/release/bundle
	@scripts/setup.sh rust node desktop
	@scripts/bundle.sh

mutants: ## Seed each known wrong behaviour once and see the tests catch it (docs/mutants.md)
	@scripts/setup.sh rust nextest
	@scripts/mutants.sh

bindings: ## Write the panel's bindings and the shell's words anew, after a command, a type or a word changed
	@OMLX_WRITE_BINDINGS=1 npm --prefix ui test -- src/test/shell-words.test.ts
	@OMLX_WRITE_BINDINGS=1 cargo nextest run --cargo-quiet -p omlx-connect bindings

fmt: ## Format the Rust code
	@cargo fmt

.PHONY: help run test check bindings check-macos bench bundle mutants fmt
