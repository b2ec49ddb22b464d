# Squaredeal. Presumes make and a Python from 3.11 on; everything else is set up by the first command you give.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := audits checks dags notebooks reports squaredeal.py tests
.DEFAULT_GOAL := help
.PHONY: help demo serve test lint bench truth messages notebooks pictures lock schemas clean
# a set PYTHONDONTWRITEBYTECODE makes every process compile every package again
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## audit real mortgage decisions through Airflow; prints the findings and where the report is
	@$(BIN)/squaredeal demo --out demo

serve: $(READY) ## Airflow, MLflow and the report site on this machine, for named users, until Ctrl-C
	@$(BIN)/squaredeal serve --home serve --programs dags/programs --out runs

test: $(READY) lint ## everything that proves the project
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder tests

lint: $(READY) ## style, types, and which layer may import which
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: $(READY) ## speed, as ratios within one run (100 million rows: 5 GB of disk, some minutes)
	@$(BIN)/python -m tests.benchmarks

truth: $(READY) ## error rates of customary practice, of the audits' questions and of the judge (some 15 minutes)
	@$(BIN)/python -m tests.truth.scoreboard
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.truth.board

schemas: $(READY) ## write the published JSON Schemas anew
	@$(BIN)/squaredeal schema run > docs/schemas/run.schema.json
	@$(BIN)/squaredeal schema judgement > docs/schemas/judgement.schema.json
	@$(BIN)/squaredeal schema release > docs/schemas/release.schema.json
	@$(BIN)/squaredeal schema comparison > docs/schemas/comparison.schema.json
	@$(BIN)/squaredeal schema remedies > docs/schemas/remedies.schema.json

messages: $(READY) ## collect every sentence for translation into reports/locale; says what is not translated yet
	@$(BIN)/python .ci/collect-messages

notebooks: $(READY) ## run every notebook on the results of make demo, and write it as a page into demo/notebooks
	@$(BIN)/python -m tests.notebooks.rendering demo/notebooks

pictures: $(READY) ## take the documents' screenshots anew (needs Chromium)
	@$(BIN)/python -m tests.browser.pictures

lock: $(READY) ## resolve the dependencies again: hashes, every platform, no addresses
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-header --no-annotate --no-emit-index-url --quiet --output-file requirements.lock

clean: ## remove the environment and everything that was made
	@rm -rf $(VENV) demo runs dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements.lock pyproject.toml
	@sh .ci/setup-environment $(VENV)
	@touch $@
