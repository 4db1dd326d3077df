# Thin names for the commands of deploy/ and tests/. Each sets up .venv first, which is free when it is done already.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
LOCKED := --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

.PHONY: help setup up down status clean demo watch test lint mutants bench soak compose-test contracts lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv from requirements-dev.lock
	@sh deploy/local/bootstrap.sh

up: setup ## start broker, database and services in the background (SCALE="intake=2 routing=3")
	@$(PYTHON) -m deploy.local up --scale "$(SCALE)"

down: setup ## stop them, services first, and keep the data
	@$(PYTHON) -m deploy.local down

status: setup ## show what is running, and where its logs are
	@$(PYTHON) -m deploy.local status

clean: setup ## stop everything and delete its data
	@$(PYTHON) -m deploy.local clean

demo: setup ## start a desk from nothing and keep it busy (FROM=file.csv feeds a file, WITH='--map subject=Summary' maps its columns)
	@$(PYTHON) -m deploy.demo $(if $(FROM),--from "$(FROM)") $(WITH)

watch: setup ## show messages as they flow
	@.venv/bin/casebus watch

test: setup ## run all tests on a real broker and database of their own
	@$(PYTHON) -m pytest --numprocesses 2 --dist loadfile

lint: setup ## check formatting, style, types, and who may import whom
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

mutants: setup ## break the code in small ways and count what no test notices (PART=sla COUNT=100 SEED=1)
	@$(PYTHON) -m tests.mutants $(if $(PART),--part $(PART)) --count $(or $(COUNT),100) --seed $(or $(SEED),1)

soak: setup ## play the desk against a model (STEPS=10000), then long storms of faults (SEEDS="3 7", or COUNT=10 of them; SUBMISSIONS=10000)
	@$(PYTHON) -m tests.model --steps $(or $(STEPS),10000) $(if $(SEED),--seed $(SEED))
	@$(PYTHON) -m tests.system.soak --seeds "$(SEEDS)" --count $(or $(COUNT),10) --submissions $(or $(SUBMISSIONS),10000)

compose-test: setup ## test docker-compose.yml on a real Docker engine (RABBITMQ=3.10)
	@$(PYTHON) -m tests.compose $(if $(RABBITMQ),--rabbitmq $(RABBITMQ))

bench: setup ## measure how fast it is, against the limit and against one message at a time (ONLY="backlog" measures only that)
	@$(PYTHON) -m tests.bench $(if $(ONLY),--only $(ONLY))

contracts: setup ## generate the AsyncAPI document, the JSON Schemas and the table of a ticket's life
	@$(PYTHON) -m deploy.documents

lock: setup ## pin the packages of requirements*.in to their newest versions, with hashes
	@$(PYTHON) -m pip install -qq --disable-pip-version-check uv
	@.venv/bin/uv pip compile $(LOCKED) --output-file requirements.lock requirements.in requirements-knowledge.in
	@.venv/bin/uv pip compile $(LOCKED) --output-file requirements-dev.lock requirements-dev.in
