# `make help` lists what there is. Everything installs what it needs into .venv first.
# PYTHON=python3.13 make: makes .venv anew with that one, if it has another.
export PYTHON
BIN := .venv/bin
# All targets but `run` and `dev`, which choose by themselves, use the demo's shops until there is a shops.toml.
ifeq ($(SHOPS)$(filter run dev,$(or $(MAKECMDGOALS),run)),)
export SHOPS_FILE ?= $(if $(wildcard shops.toml),shops.toml,shops.demo.toml)
endif

# Two makes that start at the same time install one after the other, the second finding that nothing is missing.
SETUP := $(if $(shell command -v flock),flock Makefile) ./setup.sh
PYTEST := $(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder
# Measuring takes a third longer, so CI does it: COVERAGE=yes make test
ifdef COVERAGE
PYTEST := $(BIN)/python -m coverage run -m pytest -n logical --dist loadfile --no-loadscope-reorder
endif

# In this order: each is compiled to the versions of those before it.
LOCKED := requirements requirements-extras requirements-dev requirements-audit bench/requirements

.DEFAULT_GOAL := run
.PHONY: help run dev test test-fast lint format chaos bench shopware-app requirements sbom release installed test-installed

help: ## Lists the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

run: installed ## Runs everything on this machine: web, worker, and a sandbox in place of Tweakwise.
	@exec $(BIN)/python -m webhook_app run --sandbox

dev: installed ## Runs everything and shows each webhook as it arrives (ARGS="--tunnel cloudflared" for an address outside).
	@exec $(BIN)/python -m webhook_app dev $(ARGS)

test: test-installed tests/browser/shopify/node_modules/.stamp ## Runs all tests, as CI does, or those of one path (T=tests/unit/schemas).
ifdef COVERAGE
	@mkdir -p var/coverage && $(BIN)/python -m coverage erase
endif
	$(PYTEST) $(T)
ifdef COVERAGE
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report
endif

test-fast: test-installed ## Runs the tests that need no process, browser or PostgreSQL.
	$(PYTEST) -m "not process and not browser and not postgres" $(T)

lint: test-installed ## Checks style, types, and which package imports which.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: test-installed ## Formats the code and corrects what can be corrected.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: test-installed ## Breaks things on purpose, at length, and writes docs/faults.md.
	$(BIN)/python -m chaos --keep

bench: bench/.venv/bench.stamp ## Measures throughput and latency (FULL=1: at length, and draws docs/benchmarks.md).
	bench/.venv/bin/python -m bench $(if $(FULL),--full)

shopware-app: installed ## Makes the Shopware app of a shop (URL=https://events.example.com SHOP=acme).
	$(BIN)/python -m webhook_app make-app --url "$(URL)" --shop "$(SHOP)"

requirements: test-installed ## Compiles requirements*.txt from requirements*.in (ARGS=--upgrade also updates what only packages need).
	@for name in $(LOCKED); do $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	  --custom-compile-command "make requirements" $(ARGS) $$name.in --output-file $$name.txt || exit 1; done

sbom: test-installed ## Lists what the receiver installs, with licences, as CycloneDX in var/sbom.json.
	@mkdir -p var && rm -rf var/sbom-venv && $(BIN)/python -m venv --without-pip var/sbom-venv # pip is no part of it
	@$(BIN)/python -m pip --python var/sbom-venv/bin/python install --quiet --disable-pip-version-check --require-hashes \
	  --requirement requirements.txt
	@{ sed -n '/^\[project\]/,/^$$/p' pyproject.toml | grep '[^ ]' | grep -v ^dynamic; \
	  $(BIN)/python -c 'import webhook_app; print(f"version = \"{webhook_app.__version__}\"")'; \
	  echo 'dependencies = ['; sed -n 's/^\([A-Za-z][^ #]*\).*/"\1",/p' requirements.in; echo ']'; } > var/sbom-project.toml
	$(BIN)/cyclonedx-py environment --pyproject var/sbom-project.toml --output-reproducible --validate \
	  --output-file var/sbom.json var/sbom-venv

release: sbom ## Checks that this commit can be released, and packs it with plugin, apps, SBOM and digests into var/release.
	@./release.sh "$$($(BIN)/python -c 'import webhook_app; print(webhook_app.__version__)')"

bench/.venv/bench.stamp: bench/requirements.txt bench/rivals/node/package.json bench/setup.sh setup.sh
	bench/setup.sh
	@touch $@

installed: # Creates .venv where there is none that can be used, and installs what the receiver needs.
	@$(SETUP) .venv requirements.txt

test-installed: installed
	@$(SETUP) .venv requirements-dev.txt

# Checks the scripts that a Shopify shop installs; without npm, or npm's registry, those tests are skipped.
tests/browser/shopify/node_modules/.stamp: tests/browser/shopify/package-lock.json
	@if command -v npm > /dev/null; then \
	  (cd tests/browser/shopify && npm ci --silent --no-audit --no-fund && touch node_modules/.stamp) || echo "npm ci failed"; fi
