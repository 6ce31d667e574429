# Entry points for people and for CI; `make help` lists them. Needs Python 3.11 or newer, and nothing else.
# Settings of the services are variables of the environment or of the command line: make run PORT=5100

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
TYPED := $(wildcard libs/*/src services/*/src) tools

##@ Run

.PHONY: run
run: ## Run all of h on this machine, without Docker; Ctrl-C stops it
	@tools/bootstrap.sh run
	@exec $(BIN)/h-standalone

.PHONY: cli
cli: ## Run a command of `h` on what `make run` runs: make cli ARGS="user list"
	@tools/bootstrap.sh run
	@exec $(BIN)/h-standalone exec h $(ARGS)

##@ Containers

.PHONY: images
images: ## Build the image of each service, and Elasticsearch with ICU
	@for service in web worker websocket indexer; do \
	    echo "h-$$service"; \
	    docker build --quiet --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
	        --file services/$$service/Dockerfile --tag h-$$service . || exit; \
	done
	@echo h-elasticsearch && docker build --quiet --tag h-elasticsearch compose/elasticsearch

.PHONY: up
up: ## Start all of h in containers: make up ARGS="--scale worker=2" MONITORING=1
	@compose/up.sh $(ARGS)

.PHONY: down
down: ## Stop the containers; their data stays
	@compose/configure.sh && docker compose --file compose/compose.yaml down --remove-orphans

.PHONY: logs
logs: ## Follow the logs of the containers: make logs ARGS="web relay"
	@docker compose --file compose/compose.yaml logs --follow --tail 100 $(ARGS)

.PHONY: e2e
e2e: venv images ## Test the images from outside, with containers of their own: make e2e ARGS="-k restart"
	@tools/install_chromium.sh
	@$(BIN)/pytest tests/e2e $(ARGS)

.PHONY: chaos
chaos: venv images ## Break everything in turn during a storm of writes, about half an hour: make chaos ARGS="-k postgres"
	@$(BIN)/pytest tests/chaos $(ARGS)

# The ordinary run is for every change; the big one takes about ten times as long.
search-tests search-tests-big: export TEST_SEARCH_CORPUS ?= $(if $(findstring big,$@),20000,600)
search-tests search-tests-big: export TEST_SEARCH_QUERIES ?= $(if $(findstring big,$@),5000,400)

.PHONY: search-tests search-tests-big
search-tests: venv ## Compare Elasticsearch, in a container, with PostgreSQL: make search-tests TEST_SEARCH_SEED=7
search-tests-big: venv ## The same with 20 000 annotations in twelve languages and 5 000 searches
search-tests search-tests-big:
	@docker image inspect h-elasticsearch >/dev/null 2>&1 || docker build --quiet --tag h-elasticsearch compose/elasticsearch
	@tools/with_elasticsearch.sh $(BIN)/pytest -q libs/hcommon/tests/search/elasticsearch \
	    services/web/tests/cli/test_elasticsearch.py $(ARGS)

##@ Develop

.PHONY: venv
venv: ## Make or refresh .venv with everything for development
	@tools/bootstrap.sh dev

# HYPOTHESIS_PROFILE=thorough tries properties with four times as many examples, as CI does.
.PHONY: test
test: venv ## Run all unit and integration tests, on PostgreSQL and Valkey from wheels: make test ARGS="-k search"
	@$(BIN)/python tools/run_tests.py $(ARGS)

.PHONY: browser
browser: venv ## Let a real browser with the unmodified client use all of it: make browser ARGS="-k reply"
	@tools/install_chromium.sh
	@$(BIN)/pytest tests/browser $(ARGS)

.PHONY: clients
clients: venv ## Let other people's clients, and one generated from our document, use the API: make clients ARGS="-k npm"
	@$(BIN)/python -m pytest tests/clients $(ARGS)

.PHONY: faults
faults: venv ## Kill every process during writes and compare afterwards: make faults ARGS="-k indexer"
	@$(BIN)/python -m pytest tests/faults $(ARGS)

.PHONY: lint
lint: venv ## Check style, types and who imports what
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(TYPED)
	@$(BIN)/lint-imports

.PHONY: format
format: venv ## Format the code and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: docs
docs: venv ## Write the generated pages (settings, events, metrics)
	@$(BIN)/python tools/gen_docs.py

.PHONY: docs-check
docs-check: venv ## Fail when a generated page is out of date, or a page names what is not there
	@$(BIN)/python tools/gen_docs.py --check

.PHONY: bench
bench: venv ## Measure rates, latencies and memory; needs wrk: make bench ARGS="--only search"
	@$(BIN)/python tools/bench/run.py $(ARGS)

.PHONY: migration
migration: venv ## Write the next migration from the models: make migration MESSAGE="flags have a reason"
	@$(BIN)/python tools/new_migration.py "$(MESSAGE)"

.PHONY: lock
lock: venv ## Resolve the locked dependencies again: make lock ARGS=--upgrade
	@tools/lock.sh $(BIN)/uv $(ARGS)

##@ Help

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-zA-Z0-9_.-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
