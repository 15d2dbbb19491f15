# The two commands of a newcomer are `make seed` and `make test`; everything they need is set up by themselves.
.DEFAULT_GOAL := help
SHELL := bash
BIN := .venv/bin
export SEEDING_STATE ?= $(CURDIR)/data/state
export DAGSTER_HOME ?= $(CURDIR)
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE
export GX_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
PYTEST := $(BIN)/python -m pytest

.PHONY: help setup seed ui serve mlflow-ui test test-n8n test-long test-deep check bench samples lock clean

help: ## what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/' | expand -t 20

setup: .venv/.done ## make .venv with the exact versions of requirements.lock

# The lock names every package with its hash, so nothing is left to resolve: --no-deps.
.venv/.done: requirements.lock pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@test -x $(BIN)/python || python3 -m venv .venv
	@if command -v uv >/dev/null; then \
	  VIRTUAL_ENV=.venv uv pip install --quiet --require-hashes --no-deps -r requirements.lock && VIRTUAL_ENV=.venv uv pip install --quiet --no-deps --no-build-isolation -e .; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; fi
	@touch $@

seed: setup ## run the main job once: tables, report, model, bundles, KPIs
	@$(BIN)/seeding seed

ui: setup ## Dagster's web UI, sensors and schedules on 127.0.0.1:3000; asks for a key once there is one
	@$(BIN)/seeding ui

serve: setup ## API and pages on 127.0.0.1:8000; the first admin key is shown once
	@$(BIN)/seeding serve

mlflow-ui: setup ## MLflow's own pages over the registry, on 127.0.0.1:5000; what serves is changed by our API and pages
	@$(BIN)/mlflow ui --host 127.0.0.1 --port 5000 --backend-store-uri "$${SEEDING_MLFLOW_URI:-sqlite:///$(SEEDING_STATE)/mlflow/mlflow.db}"

test: setup ## the tests (minutes)
	@$(PYTEST) -n 2 -q -m "not long"

test-n8n: setup ## the retraining workflow in a real n8n (1.123.0), where one is on the PATH
	@if command -v n8n >/dev/null; then $(PYTEST) -q -n 0 -m long seeding_platform_tests/service/test_retraining_workflow.py; \
	else echo "skipped: there is no n8n on the PATH (npm install -g n8n@1.123.0)"; fi

test-long: setup ## load, crashes, browsers, everything that takes long
	@$(PYTEST) -n 2 --dist loadfile -q -m long

test-deep: setup ## the long tests as deep as is promised: more runs, more kills, more records (hours)
	@TEST_DEPTH=full $(PYTEST) -n 2 --dist loadfile -q -m long

check: setup ## format, lint, types
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

bench: setup ## benchmarks; prints figures, judges nothing
	@$(BIN)/python -m seeding_platform_tests.benchmarks.pipeline
	@$(BIN)/python -m seeding_platform_tests.benchmarks.exports

samples: setup ## write data/samples again from its generator
	@$(BIN)/python data/samples/generate.py

lock: ## resolve requirements.lock again (needs uv)
	@uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --extra test --extra dev -o requirements.lock

clean: ## remove everything that runs have made (tables, state); keeps landing and sources
	@rm -rf data/state data/lake
