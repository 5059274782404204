# `make` lists what there is. Everything that fetches does so once: the second time is quick.

SHELL := /bin/bash
.DEFAULT_GOAL := help

DENY_VERSION := 0.20.2
FUZZ_VERSION := 0.13.2
UV_VERSION := 0.13.8

# `make package ARCH=x86_64 PROFILE=deploy`
ARCH ?= arm64
PROFILE ?= release
# Only for the linter: which resources a region offers.
REGION ?= eu-central-1

# Named by binary and not by package, so that every crate is built once, with the workspace's features.
SWITCHBOARD := infra/tools/with_tools.sh cargo run --quiet --bin switchboard --
OPS := infra/tools/with_tools.sh cargo run --quiet --bin ops --

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## The local stack

# A database that somebody names needs no programs here.
.PHONY: run
run: $(if $(DATABASE_URL),,postgres) ## Start everything on this machine, on http://127.0.0.1:9000 (PORT=…)
	@infra/tools/with_tools.sh cargo run --bin switchboard -- run

.PHONY: ring
ring: ## Ring a line as a caller would (OUTCOME=no-answer, …), while `make run` runs
	@$(SWITCHBOARD) ring $(if $(OUTCOME),--outcome $(OUTCOME)) $(ARGS)

.PHONY: text
text: ## Text a line as somebody would (WORDS="STOP", FROM=+14035550001), while `make run` runs
	@$(SWITCHBOARD) text $(if $(FROM),--sender $(FROM)) $(if $(WORDS),"$(WORDS)") $(ARGS)

.PHONY: write
write: ## Write on WhatsApp as a customer would (WORDS="Where are you?", FROM=+14035550001), and see the thread
	@$(SWITCHBOARD) write $(if $(FROM),--sender $(FROM)) $(if $(WORDS),"$(WORDS)") $(ARGS)

.PHONY: measure
measure: ## Measure how soon a missed call is answered with a text, on both paths
	@$(SWITCHBOARD) measure $(ARGS)

.PHONY: week
week: ## Have three people pay, and see a week of their calls (ARGS="--vapi loses-answers"), while `make run` runs
	@$(SWITCHBOARD) week $(ARGS)

.PHONY: pay
pay: ## Pay as a customer (CUSTOMER=…, ZONE=…, HOUR=…), or take it back (EVENT=refund, dispute, unsubscribe, …)
	@$(SWITCHBOARD) pay $(if $(CUSTOMER),--customer $(CUSTOMER)) $(if $(ZONE),--zone $(ZONE)) \
		$(if $(HOUR),--hour $(HOUR)) $(if $(EVENT),--event $(EVENT)) $(ARGS)

.PHONY: travel
travel: ## Move the running stack's clock forward (ARGS="2d", ARGS=2027-03-12)
	@$(SWITCHBOARD) travel $(ARGS)

.PHONY: forget
forget: ## Forget the local stack's data
	@$(SWITCHBOARD) forget $(ARGS)

## The database

.PHONY: migrate
migrate: ## Bring the database up to date (DIRECT_URL or DATABASE_URL)
	@$(OPS) migrate $(ARGS)

.PHONY: verify
verify: ## Compare the database with what the code expects; change nothing
	@$(OPS) verify $(ARGS)

.PHONY: ops
ops: ## Ask or switch what an operator may (ARGS="why cust_42 2026-06-09", ARGS=preflight, ARGS=--help)
	@$(OPS) $(or $(ARGS),--help)

## Checks

.PHONY: test
test: tools postgres pgbouncer ## Run all tests, against real servers (ARGS=… goes to cargo test)
	cargo build --workspace
	infra/tools/with_tools.sh cargo test --workspace --no-fail-fast $(ARGS)

## The proof: by the hour, and not with every change

# With optimisation, so that a night's worth of schedules fits an evening.
PROOF := infra/tools/with_tools.sh target/release/proof

.PHONY: proof
proof: postgres
	cargo build --release --workspace

.PHONY: prove
prove: proof fuzz ## Do all of the below at full length, and write tests/PROOF.md (about four hours on two cores)
	$(PROOF) explore --runs 10000 --singles 3 --pairs 2000 --twice 100
	$(PROOF) mutants
	$(PROOF) kill
	$(PROOF) crash
	$(PROOF) bench
	$(PROOF) report

.PHONY: proof-report
proof-report: proof ## Write tests/PROOF.md anew from what was run since
	@$(PROOF) report

.PHONY: explore
explore: proof ## Explore schedules (ARGS="--runs 500 --workflow calls", ARGS="--workflow texts --seed 7 --replay")
	@$(PROOF) explore $(ARGS)

.PHONY: mutants
mutants: proof ## See that known-bad variants of the product are caught
	@$(PROOF) mutants $(ARGS)

.PHONY: kill
kill: proof ## Kill, freeze and outlast the functions' real binaries (ARGS="--kills 1000 --freezes 200")
	@$(PROOF) kill $(ARGS)

.PHONY: crash
crash: proof ## Crash the database and cut connections to it (ARGS="--crashes 200")
	@$(PROOF) crash $(ARGS)

.PHONY: fuzz
fuzz: .tools/.cargo-fuzz-$(FUZZ_VERSION) ## Try every claim on a million inputs (TARGET=…, RUNS=…)
	@cargo run --quiet --bin proof -- fuzz $(if $(TARGET),--target $(TARGET)) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

.PHONY: bench
bench: proof ## Measure what calls and texts cost, beside floors of the same run
	@$(PROOF) bench $(ARGS)

.PHONY: lint
lint: format clippy docs deny template secrets-check ## Check everything that needs no test to see

.PHONY: format
format: ## Check the formatting
	cargo fmt --all --check

.PHONY: clippy
clippy: ## Check the code, warnings being errors
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: docs
docs: ## Check that the documentation's links lead somewhere
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps

.PHONY: deny
deny: .tools/.cargo-deny-$(DENY_VERSION) ## Check the dependencies' licences, versions and sources
	.tools/bin/cargo-deny --log-level error --config .deny.toml check --hide-inclusion-graph bans licenses sources
	infra/tools/check_deny.sh .tools/bin/cargo-deny

.PHONY: audit
audit: .tools/.cargo-deny-$(DENY_VERSION) ## Check the dependencies for known vulnerabilities (needs the internet)
	.tools/bin/cargo-deny --config .deny.toml check advisories

.PHONY: template
template: tools ## Check template.yaml
	SAM_CLI_TELEMETRY=0 .venv/bin/sam validate --lint --region $(REGION) --template-file template.yaml
	.venv/bin/python infra/tools/check_sam_model.py template.yaml

.PHONY: secrets-check
secrets-check: ## Refuse files that hold what looks like a secret
	python3 infra/tools/check_secrets.py

## What is deployed

.PHONY: package
package: tools ## Build each function's Lambda package (ARCH=arm64|x86_64, PROFILE=release|deploy)
	infra/tools/package.sh $(ARCH) $(PROFILE)

## What they all need

.PHONY: tools
tools: .venv/.stamp ## Install the pinned tools into .venv: cargo-lambda, zig, SAM, moto, twilio, stripe, pywa

.venv/.stamp: infra/tools/requirements.txt
	@infra/tools/install.sh venv .venv $<

.PHONY: postgres
postgres: ## Find PostgreSQL's server programs, or fetch them
	@infra/tools/install.sh postgres

.PHONY: pgbouncer
pgbouncer: ## Find PgBouncer, or install it
	@infra/tools/install.sh pgbouncer

.tools/.cargo-deny-$(DENY_VERSION):
	cargo install --quiet --locked cargo-deny --version $(DENY_VERSION) --root .tools
	@touch $@

.tools/.cargo-fuzz-$(FUZZ_VERSION):
	cargo install --quiet --locked cargo-fuzz --version $(FUZZ_VERSION) --root .tools
	@touch $@

.PHONY: lock
lock: ## Pin the tools anew, after a change to infra/tools/*requirements.in
	python3 -m venv .tools/uv
	.tools/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	cd infra/tools && for name in requirements postgres-requirements; do \
		../../.tools/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-annotate --custom-compile-command "make lock" $$name.in --output-file $$name.txt || exit 1; \
	done
