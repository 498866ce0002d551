# Everything that is done with this project. `make` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'make lock'
ADVISORIES := https://pypi.org/pypi/pip/24.0/json
PACKAGES := common data_layer data_fetcher movies_service
IMAGE ?= movies-api

.PHONY: help setup setup-dev run seed migrate worker test test-units test-integration coverage check \
        format lock audit docs bench bench-quick bench-seeding bench-database bench-fetching bench-ingesting bench-importing fuzz soak soak-ingest mutants openapi films build clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A pip of its own takes .venv seconds to make; the one of most Pythons installs into it as well.
HAS_PIP = $(shell $(PYTHON) -c 'import pip, sys; sys.exit([*map(int, pip.__version__.split(".")[:2])] < [22, 3])' 2>/dev/null && echo yes)
PIP = $(if $(HAS_PIP),$(PYTHON) -m pip --python $(BIN)/python,$(BIN)/python -m pip)

# The stamps say which requirements are installed, so that a second run needs no installation.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 run")'
	$(PYTHON) -m venv $(if $(HAS_PIP),--without-pip) .venv

.venv/.installed: requirements.txt | .venv/bin/python
	$(PIP) install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements.txt dev-requirements.txt | .venv/bin/python
	$(PIP) install --quiet --disable-pip-version-check -r dev-requirements.txt
	@touch .venv/.installed $@

setup: .venv/.installed ## Make .venv and install what the service needs

setup-dev: .venv/.installed-dev ## Make .venv and install what developing needs

run: setup ## Set up, migrate, seed 100 films and serve them on http://127.0.0.1:8080
	@exec $(BIN)/python -m movies_service serve

seed: setup ## Seed the catalogue without serving it
	@$(BIN)/python -m data_fetcher

worker: setup ## Fetch what was wished for, beside the service
	@$(BIN)/python -m data_fetcher worker

migrate: setup ## Bring the schema of the database up to date
	@$(BIN)/python -m movies_service migrate

test: setup-dev ## Set up and run all tests, with coverage
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term-missing:skip-covered

test-units: setup-dev ## Run the tests that start nothing
	$(BIN)/python -m pytest -m "not integration"

test-integration: setup-dev ## Run the tests that start servers and processes
	$(BIN)/python -m pytest -m integration

coverage: test ## Run all tests and write the coverage as pages to htmlcov/
	@$(BIN)/python -m coverage html

check: setup-dev ## Check format, lint, types, layers, Dockerfile, secrets, known holes, tests and docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES) migrations
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	@$(MAKE) --no-print-directory audit
	@$(MAKE) --no-print-directory test
	$(BIN)/python -m coverage report --skip-covered --fail-under=100
	@$(MAKE) --no-print-directory docs

lock: setup-dev ## Write requirements.txt and dev-requirements.txt anew, with a hash of every file
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) dev-requirements.in --constraint requirements.txt --output-file dev-requirements.txt

audit: setup-dev ## Look for secrets and risky code, and for known holes in what is installed
	@git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --disable-plugin KeywordDetector \
	    --exclude-secrets '^(password|hunter2.*)$$' \
	    --exclude-files '(requirements\.txt|films\.json|docs/benchmark/.*)$$'
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml $(PACKAGES) migrations
	@if $(BIN)/python -c 'import urllib.request as r; r.urlopen("$(ADVISORIES)", timeout=10)' 2>/dev/null; \
	    then $(BIN)/pip-audit --strict --disable-pip --requirement requirements.txt; \
	    else echo "pip-audit: SKIPPED, since $(ADVISORIES) can't be reached."; fi

format: setup-dev ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup-dev ## Write the documentation of the code as pages to docs/html/
	@rm -rf docs/html
	$(BIN)/python -W error::UserWarning -m pdoc --html --output-dir docs/html $(PACKAGES)

bench: setup-dev ## Compare the service with limits and others, up to a million films
	@$(BIN)/python -m common.benchmark

bench-quick: setup-dev ## The same with 100 and 10,000 films, in some minutes
	@$(BIN)/python -m common.benchmark --films 100,10000 --rounds 3

bench-seeding: setup-dev ## Time seeding, in parallel and one by one, against its limit
	@$(BIN)/python -m common.benchmark seeding

bench-database: setup-dev ## Compare on the empty database of URL=…, with the textbook app and two processes
	@$(BIN)/python -m common.benchmark database --url "$(URL)"

bench-fetching: setup-dev ## Time a worker against the latency of OMDb, and reads meanwhile (URL=… of an empty database)
	@$(BIN)/python -m common.benchmark fetching $(if $(URL),--url "$(URL)")

bench-ingesting: setup-dev ## Time what is dropped in a folder (URL=… of an empty database)
	@$(BIN)/python -m common.benchmark ingesting $(if $(URL),--url "$(URL)")

bench-importing: setup-dev ## Time a million of IMDb's titles, beside imdb-sqlite, in some minutes
	@$(BIN)/python -m common.benchmark importing

FUZZ_CASES ?= 10000

fuzz: setup-dev ## Fuzz the service with 10,000 cases, in some minutes (FUZZ_CASES=…)
	@$(BIN)/python -m movies_service.tests.fuzz --cases $(FUZZ_CASES)

soak: setup-dev ## Kill workers again and again while they fetch 1,000 films (SOAK="--database URL")
	@$(BIN)/python -m movies_service.tests.kill_soak $(SOAK)

soak-ingest: setup-dev ## Kill workers while they ingest 390 objects (SOAK="--database URL")
	@$(BIN)/python -m data_fetcher.tests.ingest_soak $(SOAK)

mutants: setup-dev ## Change the code of security, transactions and OMDb's answers, and see what tests notice
	@$(BIN)/python -m movies_service.tests.mutation_testing

openapi: setup-dev ## Write movies_service/oas.yaml and docs/update.schema.json anew
	@$(BIN)/python -m movies_service openapi --format yaml > movies_service/oas.yaml
	@$(BIN)/python -m data_fetcher update-schema > docs/update.schema.json

films: setup-dev ## Write the emulator's films anew from their source
	@$(BIN)/python -m data_fetcher.emulator.build_movies

build: ## Build the container image
	docker build --tag $(IMAGE) .

clean: ## Remove what was installed and built; the database stays
	rm -rf .venv docs/html htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache
