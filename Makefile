# `make help` lists what there is. Everything installs what it needs into .venv first.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ifndef SHOPS
export SHOPS_FILE ?= $(if $(wildcard shops.toml),shops.toml,shops.demo.toml)
endif

# Two makes that start at the same time install one after the other, the second finding the first's stamp.
LOCK := $(if $(shell command -v flock),flock Makefile)
PYTEST := $(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder
# Measuring takes a third longer, so CI does it: COVERAGE=yes make test
ifdef COVERAGE
PYTEST := $(BIN)/python -m coverage run -m pytest -n logical --dist loadfile --no-loadscope-reorder
endif

.DEFAULT_GOAL := run
.PHONY: help run dev test test-fast lint format chaos bench

help: ## Lists the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

run: .venv/run.stamp ## Runs everything on this machine: web, worker, and a sandbox in place of Tweakwise.
	@exec $(BIN)/python -m webhook_app run --sandbox

dev: .venv/run.stamp ## Runs everything and shows each webhook as it arrives (ARGS="--tunnel cloudflared" for an address outside).
	@exec $(BIN)/python -m webhook_app dev $(ARGS)

test: .venv/test.stamp storefront/shopify/node_modules/.stamp ## Runs all tests, as CI does, or those of one path (T=tests/unit/schemas).
ifdef COVERAGE
	@mkdir -p var/coverage && $(BIN)/python -m coverage erase
endif
	$(PYTEST) $(T)
ifdef COVERAGE
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report
endif

test-fast: .venv/test.stamp ## Runs the tests that need no process, browser or PostgreSQL.
	$(PYTEST) -m "not process and not browser and not postgres" $(T)

lint: .venv/test.stamp ## Checks style, types, and which package imports which.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/test.stamp ## Formats the code and corrects what can be corrected.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: .venv/test.stamp ## Breaks things on purpose, at length, and writes docs/faults.md.
	$(BIN)/python -m chaos --keep

bench: bench/.venv/bench.stamp ## Measures throughput and latency.
	bench/.venv/bin/python -m bench

bench/.venv/bench.stamp: requirements.txt bench/requirements.txt bench/rivals/node/package.json bench/setup.sh
	PYTHON=$(PYTHON) bench/setup.sh
	@touch $@

.venv/run.stamp: requirements.txt
	@$(LOCK) sh -c 'test $@ -nt requirements.txt || { \
	  { test -x $(BIN)/pip || $(PYTHON) -m venv .venv; } && $(PIP) -r requirements.txt && touch $@; }'

.venv/test.stamp: .venv/run.stamp requirements-dev.txt requirements-extras.txt
	@$(LOCK) sh -c 'test $@ -nt requirements-dev.txt -a $@ -nt requirements-extras.txt -a $@ -nt .venv/run.stamp || { \
	  $(PIP) -r requirements-dev.txt && touch $@; }'

# Checks the scripts that a Shopify shop installs; without npm, or npm's registry, those tests are skipped.
storefront/shopify/node_modules/.stamp: storefront/shopify/package-lock.json
	@if command -v npm > /dev/null; then \
	  (cd storefront/shopify && npm ci --silent --no-audit --no-fund && touch node_modules/.stamp) || echo "npm ci failed"; fi
