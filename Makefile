# make run: everything, locally, with one command; make dev: the same, and it tells what happens.  make test: the same checks as CI.
# make bench: how fast it is.  make chaos: what it is put through.
PYTHON ?= python3
BIN := .venv/bin
ifndef SHOPS
export SHOPS_FILE ?= $(if $(wildcard shops.toml),shops.toml,shops.demo.toml)
endif

.PHONY: run dev test lint format bench chaos

run: .venv/run.stamp
	@exec $(BIN)/python -m webhook_app run --sandbox

dev: .venv/run.stamp
	@exec $(BIN)/python -m webhook_app dev $(ARGS)

test: .venv/test.stamp storefront/shopify/node_modules/.stamp
	$(BIN)/python -m pytest -n logical --dist loadfile

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

chaos: .venv/test.stamp
	$(BIN)/python -m chaos --keep

format: .venv/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: bench/.venv/bench.stamp
	bench/.venv/bin/python -m bench

bench/.venv/bench.stamp: requirements.txt bench/requirements.txt bench/rivals/node/package.json bench/setup.sh
	PYTHON=$(PYTHON) bench/setup.sh
	@touch $@

.venv/run.stamp: requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# Checks the scripts that a Shopify shop installs; without npm, or npm's registry, those tests are skipped, and say so.
storefront/shopify/node_modules/.stamp: storefront/shopify/package-lock.json
	@if command -v npm > /dev/null; then \
	  (cd storefront/shopify && npm ci --silent --no-audit --no-fund && touch node_modules/.stamp) || echo "npm ci failed"; fi

.venv/test.stamp: .venv/run.stamp requirements-dev.txt requirements-extras.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
