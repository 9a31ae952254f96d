# make demo   set up and evaluate a patient example
# make test   set up and run what proves the project works; what takes longer is in `make thorough`
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# durable-rules calls a function that Python 3.13 no longer has; its successor takes the same arguments.
export CPPFLAGS := -DPyEval_CallObject=PyObject_CallObject
STAMP := $(VENV)/.installed
LOCK := requirements/dev.txt
# `pdf` too where the machine has Pango.
EXTRAS ?= dev,cohort,dask,author,service

.PHONY: demo test unit lint provenance wheel-check test-tools site golden pythons bench mutate thorough soak lock audit clean

$(STAMP): pyproject.toml $(LOCK)
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or later is needed"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c $(LOCK) -e '.[$(EXTRAS)]'
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/her2cds evaluate patient_examples/second-line-her2-positive.json

test: lint unit provenance wheel-check

unit: $(STAMP)
	$(BIN)/python -m pytest -n auto
	$(BIN)/her2cds kb lint
	$(BIN)/her2cds kb fmt --check
	$(BIN)/her2cds kb selfcheck --patients 200
	$(BIN)/her2cds kb coverage --scenarios tests/scenarios --examples patient_examples
	$(BIN)/her2cds kb check --overlay docs/examples/hospital-overlay

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The reviews' texts are not part of the project: the check runs where they lie beside it.
TEXTS ?= ../shared/sources
provenance: $(STAMP)
	@if [ -d "$(TEXTS)" ]; then $(BIN)/her2cds kb verify --texts "$(TEXTS)"; \
	else echo "provenance check not run: no review texts at $(TEXTS) (set TEXTS=DIR)"; fi

wheel-check: $(STAMP)
	$(BIN)/python scripts/check_wheel.py

# What only tests need and no Python package carries: axe-core for the accessibility audit, a rules engine to compare
# with, the official FHIR R4 schema. Chromium and PostgreSQL are the machine's own. Without them the tests concerned are
# skipped; with HER2CDS_REQUIRE_ALL=1, as in CI, they fail.
test-tools:
	npm install --silent --no-audit --no-fund --prefix build axe-core@4
	npm install --silent --no-audit --no-fund --prefix build/node json-rules-engine@7
	scripts/fetch_fhir_schema.sh

# The documentation as a site (in site/), knowledge base included; a broken link or a warning fails it.
site: $(STAMP)
	$(BIN)/python -m pip install --quiet -c $(LOCK) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet

# Writes the kept reports anew; read the difference before it is committed.
golden: $(STAMP)
	UPDATE_GOLDEN=1 $(BIN)/python -m pytest tests/test_golden.py
	git --no-pager diff --stat tests/golden

# The test suite on every other declared interpreter that this machine has.
pythons:
	scripts/test_pythons.sh

bench: $(STAMP)
	$(BIN)/python -m pip install --quiet -c $(LOCK) -e ".[bench]"
	$(BIN)/python -m benchmarks
	$(BIN)/python benchmarks/cohort_cost.py

# Would the scenarios notice a wrong rule? Changes each rule in every small way; what nothing notices has to be explained.
mutate: $(STAMP)
	$(BIN)/her2cds kb mutate --scenarios tests/scenarios --examples patient_examples --at-least 95 \
		--explained tests/mutation-survivors.yaml -q

# What takes longer, and CI does too: servers and workers that are killed, browsers, clusters, large samples, and the
# bundled rules in every combination of the facts that they read.
thorough: $(STAMP)
	$(BIN)/python -m pytest -n auto -m "slow or exhaustive"

soak: $(STAMP)
	$(BIN)/python -m pytest -m soak -p no:xdist

# The versions that development and CI use, chosen anew from what pyproject.toml allows; read the difference, run the tests.
lock: $(STAMP)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade --quiet \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header -o $(LOCK).new
	{ head -1 $(LOCK); cat $(LOCK).new; } > $(LOCK).all && mv $(LOCK).all $(LOCK) && rm $(LOCK).new

# Known vulnerabilities of these versions, from the advisory database that the package index serves (needs the network).
audit: $(STAMP)
	$(BIN)/python -m pip check
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --strict --no-deps --disable-pip -r $(LOCK)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
