# Everything that is done with this project. `make` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# Bytecode is kept: without it each process compiles the whole program, which takes a second.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-annotate --custom-compile-command 'make lock'
PACKAGES := common data_layer data_fetcher movies_service
IMAGE ?= movies-api

.PHONY: help setup setup-dev run seed migrate worker test test-units test-system test-all coverage lint check \
        format lock audit docs bench bench-quick bench-seeding bench-database bench-fetching bench-ingesting bench-importing fuzz soak soak-ingest soak-connections soak-restarts mutants openapi movies build clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Installers in the order in which they are tried.
INSTALLER ?= uv pip
INSTALL = @PYTHON="$(PYTHON)" INSTALLER="$(INSTALLER)" scripts/install.sh

# The stamps record which requirements are installed, so that a second run installs nothing.
.venv/.installed: requirements.txt
	$(INSTALL) $<
	@touch $@

# Tests start many processes: their imports are compiled once.
.venv/.installed-dev: dev-requirements.txt requirements.txt
	$(INSTALL) $< --compile-bytecode
	@touch .venv/.installed $@

setup: .venv/.installed ## Create .venv and install what the service needs

setup-dev: .venv/.installed-dev ## Create .venv and install what development needs

run: setup ## Set up, migrate, seed 100 movies and serve them on http://127.0.0.1:8080
	@exec $(BIN)/python -m movies_service serve

seed: setup ## Seed the catalogue without serving it
	@$(BIN)/python -m data_fetcher

worker: setup ## Run a worker that fetches requested movies
	@$(BIN)/python -m data_fetcher worker

migrate: setup ## Bring the schema of the database up to date
	@$(BIN)/python -m movies_service migrate

PYTEST = $(BIN)/python -m pytest -n 2 --dist worksteal

test: setup-dev ## Set up and run the tests (COVERAGE=on measures the branches, too)
	@rm -f .coverage .coverage.*
	$(PYTEST) $(if $(COVERAGE),--cov --cov-report=term-missing:skip-covered)

test-units: setup-dev ## Run the tests that start no server and no process
	$(PYTEST) -m "not integration"

test-system: setup-dev ## Run the tests that need a browser
	$(PYTEST) -m system

test-all: setup-dev ## Run all tests, including those in a browser and the kill tests on each database
	$(PYTEST) -m ""

coverage: ## Run the tests and write their coverage as pages to htmlcov/
	@$(MAKE) --no-print-directory test COVERAGE=on
	@$(BIN)/python -m coverage html

lint: setup-dev ## Check format, lint, types, layers and the Dockerfile
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES) migrations docs/site
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

check: lint audit ## Run all checks of a change: lint, audit, tests with coverage, documentation
	@$(MAKE) --no-print-directory test COVERAGE=on
	$(BIN)/python -m coverage report --skip-covered --fail-under=100
	@$(MAKE) --no-print-directory test-system
	@$(MAKE) --no-print-directory docs

lock: setup-dev ## Update requirements.txt and dev-requirements.txt, with a hash of every file
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) dev-requirements.in --constraint requirements.txt --output-file dev-requirements.txt

audit: setup-dev ## Look for secrets, risky code and known vulnerabilities of the installed packages
	@git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --disable-plugin KeywordDetector \
	    --exclude-secrets '^(password|hunter2.*)$$' \
	    --exclude-files '(requirements\.txt|movies\.json|docs/benchmark/.*)$$'
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml $(PACKAGES) migrations scripts
	@scripts/audit.sh

format: setup-dev ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup-dev ## Write the generated reference and build the documentation site in docs/html/
	@$(BIN)/python -W error::UserWarning -m docs.site

bench: setup-dev ## Benchmark the service against other servers, with up to a million movies
	@$(BIN)/python -m common.benchmark

bench-quick: setup-dev ## Run the same benchmark with 100 and 10,000 movies, in some minutes
	@$(BIN)/python -m common.benchmark --movies 100,10000 --rounds 3

bench-seeding: setup-dev ## Measure seeding, in parallel and one by one, against the latency of OMDb
	@$(BIN)/python -m common.benchmark seeding

bench-database: setup-dev ## Benchmark on the empty database of URL=…, against a textbook app and two processes
	@$(BIN)/python -m common.benchmark database --url "$(URL)"

bench-fetching: setup-dev ## Measure a worker against the latency of OMDb, and reads at the same time (URL=… of an empty database)
	@$(BIN)/python -m common.benchmark fetching $(if $(URL),--url "$(URL)")

bench-ingesting: setup-dev ## Measure the ingestion of a folder (URL=… of an empty database)
	@$(BIN)/python -m common.benchmark ingesting $(if $(URL),--url "$(URL)")

bench-importing: setup-dev ## Measure the import of a million IMDb titles, against imdb-sqlite, in some minutes
	@$(BIN)/python -m common.benchmark importing

# Cases of each operation and phase.
FUZZ_CASES ?= 250

fuzz: setup-dev ## Fuzz the service with over 10,000 cases on each database, in some minutes (FUZZ_CASES=… of each operation)
	@FUZZ_CASES=$(FUZZ_CASES) $(BIN)/python -m pytest -q -s -m "" movies_service/tests/test_fuzz.py

soak: setup-dev ## Kill workers again and again while they fetch 1,000 movies (SOAK="--database URL")
	@$(BIN)/python -m movies_service.tests.kill_soak $(SOAK)

soak-ingest: setup-dev ## Kill workers while they ingest 390 objects (SOAK="--database URL")
	@$(BIN)/python -m data_fetcher.tests.ingest_soak $(SOAK)

soak-connections: setup-dev ## Hold more connections than file descriptors for a minute, while other clients read
	@$(BIN)/python -m movies_service.tests.connection_soak

soak-restarts: setup-dev ## Restart two services behind nginx 20 times, while clients read
	@$(BIN)/python -m movies_service.tests.restart_soak

MUTANTS ?= $(basename $(notdir $(wildcard movies_service/tests/mutants/*.toml)))

mutants: setup-dev ## Change code of security, transactions and OMDb's responses, and report changes that no test detects (MUTANTS=…)
	@$(MAKE) --no-print-directory --keep-going --jobs 2 --output-sync=target $(MUTANTS:%=mutants-%)

# The code is changed in a copy. 8 % of all mutants are a tenth of those that run: cr-rate takes the filtered ones for detected.
mutants-%: movies_service/tests/mutants/%.toml
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && git ls-files -z | tar -c --null -T - | tar -x -C "$$copy" && \
	    PATH="$(CURDIR)/$(BIN):$$PATH" && cd "$$copy" && cosmic-ray init $< session && cr-filter-operators session $< && \
	    cosmic-ray exec $< session && cr-report --surviving-only --show-diff session && cr-rate --fail-over 8 session

openapi: setup-dev ## Generate movies_service/oas.yaml and docs/update.schema.json
	@$(BIN)/python -m movies_service openapi --format yaml > movies_service/oas.yaml
	@$(BIN)/python -m data_fetcher update-schema > docs/update.schema.json

movies: setup-dev ## Generate the emulator's movies from their source
	@$(BIN)/python -m scripts.build_movies

build: ## Build the container image
	docker build --tag $(IMAGE) .

clean: ## Remove what was installed and built; the database stays
	rm -rf .venv docs/html htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache
