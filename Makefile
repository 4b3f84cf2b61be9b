# The README's commands. Everything runs in .venv, which `make setup` fills from requirements.lock.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
UV := VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet $(if $(PIP_FIND_LINKS),$(addprefix --find-links ,$(PIP_FIND_LINKS)))
SEED ?= 0
# Test files that run at a time.
JOBS ?= 2
PYTEST := $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations 25

export ZENML_ANALYTICS_OPT_IN := false
export ZENML_AUTO_OPEN_DASHBOARD := false
export OMP_WAIT_POLICY := PASSIVE
export GOMP_SPINCOUNT := 5000
ifdef PIP_CERT # uv does not read it
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

.PHONY: setup demo drift-demo kubeflow test test-slow lint bench sample lock image image-worker image-base sbom audit lock-images

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)) and "Timbre needs Python 3.11 or 3.12: set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	$(UV) --requirement requirements.lock
	$(UV) --no-deps --editable .
	test -d .zen || $(BIN)/zenml init >/dev/null
	touch $@

# A line a program: a signal to make then reaches the program itself, where a shell that runs several would leave it behind.
demo: setup
	$(eval BEGAN := $(shell date +%s))
	@$(BIN)/dvc fetch --quiet
	@$(BIN)/dvc checkout --quiet data.dvc
	@$(BIN)/timbre train --config configs/sample.yaml --seed $(SEED)
	@echo "make demo: $$(( $$(date +%s) - $(BEGAN) )) s since setup ended"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint data/sample/README.md
	$(PYTEST) -m "not slow"

# The tests of all operations have one name, by which xdist would run the first alone (tests/conftest.py refuses that): they go without it.
OPERATIONS := tests/bentos/test_openapi.py
test-slow: setup data/sample/README.md
	$(PYTEST) -m slow --ignore $(OPERATIONS)
	$(BIN)/pytest -m slow $(OPERATIONS)

data/sample/README.md: | setup
	$(BIN)/dvc pull --quiet data.dvc

drift-demo: setup data/sample/README.md
	$(BIN)/timbre drift demo

# The pipelines as Kubeflow gets them, to read; `timbre stack compile kubeflow` writes one to submit.
kubeflow: setup
	$(BIN)/timbre stack compile kubeflow --to-read
	$(BIN)/timbre stack compile kubeflow --to-read --pipeline prediction

bench: setup data/sample/README.md
	@missed=; for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || missed="$$missed $$bench"; done; \
	test -z "$$missed" || { echo "under its bar:$$missed"; exit 1; }

# For maintainers: the sample data anew (needs Debian's fluid-soundfont-gm, musescore-general-soundfont and libfluidsynth3).
sample: setup
	$(BIN)/timbre data render data/sample
	$(BIN)/dvc commit --force data.dvc && $(BIN)/dvc push data.dvc

# The service as a container image: VARIANT=cpu or cuda, MODEL=name@digest8 or a tagger folder, BASE= another Debian with Python 3.11, TAG=, BACKEND=.
VARIANT ?= cpu
image_options = $(if $(BASE),--base $(BASE)) $(if $(BACKEND),--backend $(BACKEND)) $(if $(TAG),--tag $(TAG))

image: setup
	$(BIN)/python -m bentos.image.build --variant $(VARIANT) $(if $(MODEL),--model $(MODEL)) $(image_options)

image-worker: setup
	$(BIN)/python -m bentos.image.worker --variant $(VARIANT) $(image_options)

# A base from Debian's packages, for where no container registry is reached (needs podman and mmdebstrap): make image BASE=localhost/timbre-debian:bookworm
image-base:
	bentos/image/debian_base.sh

# What is in the images (CycloneDX), and whether flaws of it are known.
sbom: setup
	mkdir -p sbom
	for lock in $(LOCKS); do $(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements $$lock \
		--pyproject pyproject.toml --mc-type application --output-reproducible --output-file sbom/$${lock%.lock}.cdx.json || exit 1; done

KNOWS_A_FLAW := import json, sys; from urllib.request import urlopen; \
	sys.exit(not json.load(urlopen("https://pypi.org/pypi/jinja2/3.1.2/json", timeout=20))["vulnerabilities"])

audit: setup
	@if $(BIN)/python -c '$(KNOWS_A_FLAW)' 2>/dev/null; then \
		for lock in requirements.lock $(LOCKS); do $(BIN)/uv tool run --quiet --from pip-audit==2.10.1 pip-audit --strict --no-deps --disable-pip \
			--progress-spinner off --requirement $$lock || exit 1; done; \
	else echo "PyPI's advisories cannot be asked from here: only deploy/advisories.toml is compared"; fi
	$(BIN)/pytest tests/bentos/test_advisories.py

# For maintainers: new pins. A torch of another build carries a local version, which no registry knows. What an image needs is pinned as all is.
LOCKS := requirements-serve.lock requirements-serve-cuda.lock requirements-worker.lock requirements-worker-cuda.lock
SERVE := --extra serve --extra s3 --extra postgres --extra pretrained
WORKER := --extra train --extra watch --extra kubeflow --extra s3 --extra postgres --extra pretrained --extra scale
COMPILE := $(BIN)/uv pip compile pyproject.toml --python-version 3.11 --no-header --no-annotate --quiet
CPU_WHEELS := $(if $(PIP_FIND_LINKS),$(addprefix --find-links ,$(PIP_FIND_LINKS)),--torch-backend cpu)

lock:
	$(COMPILE) --all-extras $(if $(PIP_FIND_LINKS),$(addprefix --find-links ,$(PIP_FIND_LINKS))) --constraints requirements.lock | sed 's/+cpu$$//' > requirements.new
	mv requirements.new requirements.lock
	$(MAKE) --no-print-directory lock-images

lock-images:
	$(COMPILE) $(SERVE) $(CPU_WHEELS) --constraints requirements.lock | sed 's/+cpu$$//' > requirements-serve.lock
	$(COMPILE) $(WORKER) $(CPU_WHEELS) --constraints requirements.lock | sed 's/+cpu$$//' > requirements-worker.lock
	$(COMPILE) $(SERVE) --python-platform x86_64-manylinux_2_28 --constraints requirements.lock > requirements-serve-cuda.lock
	$(COMPILE) $(WORKER) --python-platform x86_64-manylinux_2_28 --constraints requirements.lock > requirements-worker-cuda.lock
