# The one entry for people and CI alike: `make help`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SECONDS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench versions probes asan soak browser database pictures bench-detection leaks clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml setup.py $(wildcard agent/heaptide/*/_native/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Heaptide's collector needs Python 3.11 or newer; say which: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[server,demo]' --group dev
	@touch $@

demo: $(READY) ## Find a leak while you watch (make demo SECONDS=150 ends by itself)
	@exec $(BIN)/heaptide demo $(if $(SECONDS),--seconds $(SECONDS))

test: $(READY) lint browser database ## Lint, type-check and run all tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(READY) ## ruff, mypy --strict, the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

browser: ## Install Debian's chromium for the browser tests, where this user may
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null; } \
	  || echo "No chromium here and no right to install it: the browser tests will skip."

database: ## Install Debian's PostgreSQL for the tests of database pools, where this user may
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql >/dev/null; } \
	  || echo "No PostgreSQL here and no right to install it: the tests on a real database will skip."

bench: $(READY) ## Measure what Heaptide costs, as ratios in one run
	$(BIN)/python -m pip install --quiet --group bench || echo "Some other profilers can't be installed: they are left out."
	$(BIN)/python -m tests.bench

versions: $(READY) ## Build and test the C extensions on every CPython that is here, with their own regression tests
	$(BIN)/python -m tests.agent.native.versions

probes: $(READY) database ## Test the probes, and the pools' hooks on a real PostgreSQL, on every CPython that is here
	$(BIN)/python -m tests.agent.probes.versions

asan: $(READY) ## Test the C extensions under AddressSanitizer on every CPython that is here
	$(BIN)/python -m tests.agent.native.versions --asan

soak: $(READY) ## 20 minutes at a high sampling rate: the tracer's own memory stays flat
	$(BIN)/python -m tests.soak.shop --minutes 20
	$(BIN)/python -m tests.soak.tracer --minutes 20

pictures: $(READY) browser ## Take the README's pictures of the real demo
	$(BIN)/python tests/browser/pictures.py

bench-detection: $(READY) ## Measure precision and recall of the verdicts on a simulated fleet
	$(BIN)/python -m tests.bench.detection

leaks: $(READY) ## Leaks that happened, leaky and fixed, and programs that only look like leaks, under the agent
	$(BIN)/python -m tests.corpus

clean: ## Remove the virtual environment and what was built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
