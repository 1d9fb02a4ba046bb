# make demo | test | test-all | check | sanitize | bench
#
# Each target first makes .venv and installs the package there, and again when the files named in INSTALLED_FROM change or files come and go.
#   PYTHON=...       the Python (3.11 or newer) that .venv is made with
#   RUN_BENCHMARK=.. the benchmark that `make bench` runs, with its options; without it they are listed
#   TORCH_INDEX=...  the package index of PyTorch's CPU build, as PyTorch's install selector prints it (see README)

CANDIDATES := python3.11 python3.12 python3.13 python3 python
PYTHON ?= $(shell for p in $(CANDIDATES); do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

VENV := .venv
RUN := $(VENV)/bin
# An editable install knows the files that were there when it was made: the stamp is named after the list of them.
FILES := $(shell find src/unrolled -name '*.py' -o -name '*.css' -o -name '*.js' -o -name '*.csv' -o -name '*.html' -o -name '*.json' | LC_ALL=C sort | cksum | cut -d' ' -f1)
INSTALLED := $(VENV)/.installed-$(FILES)
INSTALLED_FROM := pyproject.toml CMakeLists.txt constraints.txt $(wildcard csrc/*)

# pip builds the package in an environment of its own; older versions of pip hand it PIP_CONSTRAINT, newer ones
# PIP_BUILD_CONSTRAINT.
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	$(RUN)/python -m pip

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check format sanitize bench

help:
	@sed -n '1,6s/^# \{0,1\}//p' Makefile

$(RUN)/python:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(INSTALLED_FROM) | $(RUN)/python
	@echo "installing into $(VENV); the first time it takes a few minutes" >&2
	@$(if $(TORCH_INDEX),$(PIP) install --quiet --index-url $(TORCH_INDEX) torch,true)
	@$(PIP) install --quiet --editable '.[dev]'
	@$(RUN)/python -c 'from unrolled.kernels.extension import extension_status as s; print(s())'
	@rm -f $(VENV)/.installed-*
	@touch $@

demo: $(INSTALLED)
	$(RUN)/unrolled demo

test: $(INSTALLED)
	$(RUN)/python -m pytest -m "not slow"

test-all: $(INSTALLED)
	$(RUN)/python -m pytest --hypothesis-profile=wide

check: $(INSTALLED)
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy

format: $(INSTALLED)
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

sanitize: $(INSTALLED)
	PYTHON=$(RUN)/python tests/sanitize.sh

bench: $(INSTALLED)
	$(RUN)/python -m benchmarks $(RUN_BENCHMARK)
