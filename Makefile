# make demo   scan the examples, with the scanning dependencies alone (no torch)
# make test   install the extras and run the whole test suite
# make review the moderation service with demo items, their heat maps, and the page to review them
# make lint   ruff and mypy
# make bench  the figures of docs/benchmarks.md, as ratios
# make docs   the parts of the docs that are made from the code
# make dist   sdist, and the wheel made from it

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo review test test-setup lint bench docs dist clean

demo: $(VENV)/.scan
	$(BIN)/verascope scan examples --exit-zero

test: $(VENV)/.dev
	$(BIN)/python -m pytest

test-setup: $(VENV)/.dev

review: $(VENV)/.serve
	$(BIN)/verascope models install clip-vit-b16
	$(BIN)/verascope serve --demo

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/scanning.py

docs: $(VENV)/.dev
	$(BIN)/python -m docs.make

dist: $(VENV)/.dev
	$(BIN)/python -m build --sdist --outdir dist .
	$(BIN)/python -m pip wheel --quiet --no-deps -w dist dist/*.tar.gz

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Verascope needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.scan: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	touch $@

$(VENV)/.serve: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[models,serve]'
	touch $@ $(VENV)/.scan

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[all,dev]'
	touch $@ $(VENV)/.scan
