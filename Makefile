# The two commands: `make demo` runs the main job end to end, `make test` checks everything.
# Both need Python 3.11+, make and the package index; each prints how long its steps took.

PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/sh
# The tests of a file stay together, as they share what is dear to make; the longest begin first (tests/conftest.py).
# One process more than there are cores, at most 4: some tests wait, for a lease to run out or a process to come up.
PROCESSES := $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores > 3 ? 4 : cores + 1)))
CORES = -n $(PROCESSES) --dist loadfile --no-loadscope-reorder
ONE_THREAD = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
# Where this is set, each of the portal's processes translates all of its code anew at every start.
export PYTHONDONTWRITEBYTECODE :=
# Runs $(2), and says how long it took and what it was.
timed = @start=$$(date +%s); $(2); code=$$?; echo "[$$(( $$(date +%s) - start )) s] $(1)"; exit $$code

.PHONY: demo test lint photographs browser lock clean help

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/installed photographs ## everything it needs, then the main job on real photographs
	$(call timed,the main job,$(BIN)/efface demo $(DEMO))

test: .venv/installed-test photographs browser lint ## everything it needs, then all checks and tests
	$(call timed,the tests,$(ONE_THREAD) $(BIN)/python -m pytest $(CORES))

lint: .venv/installed-test
	$(call timed,ruff,$(BIN)/ruff check . && $(BIN)/ruff format --check .)
	$(call timed,mypy,$(BIN)/mypy)

photographs: .venv/installed ## the public-domain photographs of the demo, checked by their digests
	$(call timed,the photographs,$(BIN)/efface demo --fetch-only)

browser: .venv/installed-test
	@$(BIN)/python -m tests.browser.finding

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Efface needs Python 3.11 or newer.'; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo 'This Python cannot make environments. On Debian: apt install python3-venv'; exit 1; }

.venv/installed: requirements.lock pyproject.toml | .venv/bin/python
	$(call timed,installing what the portal needs,$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.lock && $(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .)
	@touch $@

.venv/installed-test: requirements-test.lock .venv/installed
	$(call timed,installing what the tests need,$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-test.lock)
	@touch $@

lock: ## pin what pyproject.toml asks for, with hashes and without an index address (needs uv)
	uv pip compile pyproject.toml --universal --generate-hashes --no-header --no-annotate -q -o requirements.lock
	uv pip compile pyproject.toml --extra test --universal --generate-hashes --no-header --no-annotate -q -o requirements-test.lock

clean: ## remove what was made, except data folders
	rm -rf .venv build demo .pytest_cache .mypy_cache .ruff_cache
