# Everything here does its own set-up in $(VENV). Needs Python 3.11 or newer and nothing else.
# Without make:  python3 -m venv .venv && .venv/bin/pip install -e '.[dev]'
#                .venv/bin/speculate demo        .venv/bin/python -m pytest

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test lint types format check benchmarks clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## a real agent loop on this machine, speculation off and on; then a replay of its runs
	@$(BIN)/speculate demo $(ARGS)

test: $(VENV)/.dev ## the test suite
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev ## ruff: lint and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

format: $(VENV)/.dev ## rewrite the code in the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

check: lint types test ## lint, types, test

benchmarks: $(VENV)/.dev ## every figure of the README and the docs, anew
	@$(BIN)/python -m benchmarks.run_all $(ARGS)

clean: ## remove the environment and every cache
	rm -rf $(VENV) .venvs .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage demo-output

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is not. Name another: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || \
	  { echo "$(PYTHON) comes without venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV) ..." >&2
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml
	@$(PIP) install --quiet --editable '.[cli]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	@$(PIP) install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.demo
