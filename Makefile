# The README's commands. Everything runs in .venv, which `make setup` fills from requirements.lock.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
UV := VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet $(if $(PIP_FIND_LINKS),$(addprefix --find-links ,$(PIP_FIND_LINKS)))
SEED ?= 0

export ZENML_ANALYTICS_OPT_IN := false
export ZENML_AUTO_OPEN_DASHBOARD := false
export OMP_WAIT_POLICY := PASSIVE
export GOMP_SPINCOUNT := 5000

.PHONY: setup demo test test-slow lint bench sample lock

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)) and "Timbre needs Python 3.11 or 3.12: set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	$(UV) --requirement requirements.lock
	$(UV) --no-deps --editable .
	test -d .zen || $(BIN)/zenml init >/dev/null
	touch $@

demo: setup
	@began=$$(date +%s); \
	$(BIN)/dvc fetch --quiet && $(BIN)/dvc checkout --quiet data.dvc && \
	$(BIN)/timbre train --config configs/sample.yaml --seed $(SEED) && \
	echo "make demo: $$(( $$(date +%s) - began )) s since setup ended"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint data/sample/README.md
	$(BIN)/pytest -m "not slow"

test-slow: setup data/sample/README.md
	$(BIN)/pytest -m slow

data/sample/README.md: | setup
	$(BIN)/dvc pull --quiet data.dvc

bench: setup data/sample/README.md
	@missed=; for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || missed="$$missed $$bench"; done; \
	test -z "$$missed" || { echo "under its bar:$$missed"; exit 1; }

# For maintainers: the sample data anew (needs Debian's fluid-soundfont-gm, musescore-general-soundfont and libfluidsynth3).
sample: setup
	$(BIN)/timbre data render data/sample
	$(BIN)/dvc commit --force data.dvc && $(BIN)/dvc push data.dvc

# For maintainers: new pins. A torch of another build carries a local version, which no registry knows.
lock:
	$(BIN)/uv pip compile pyproject.toml --all-extras --python-version 3.11 --no-header --no-annotate --quiet \
		$(if $(PIP_FIND_LINKS),$(addprefix --find-links ,$(PIP_FIND_LINKS))) --constraints requirements.lock | sed 's/+cpu$$//' > requirements.new
	mv requirements.new requirements.lock
