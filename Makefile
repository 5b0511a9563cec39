# Every target sets up what it needs. All that is asked for is make, Python 3.11 or newer, and the package registries.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
STACK ?= dev
BIN := .venv/bin
RUN := $(BIN)/python -m localcloud
export NO_MKDOCS_2_WARNING := 1
# Bytecode is kept out of the tree, and kept even where the user's own setting says not to: imports are most of a preview.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/pycache
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup engine tools promtool dev down shell test soak check docs bench lock format verify-aws

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## make .venv with all that development needs
	@$(PYTHON) localcloud/bootstrap.py

engine: setup
	@$(RUN) engine

tools: setup ## build the programs that tests judge by: promtool, sloth, ... (once, some minutes; one: ARGS=sloth)
	@$(RUN) tools $(ARGS)

promtool: setup ## of these only Prometheus' promtool, with which tests try the alert rules
	@$(RUN) tools promtool

dev: setup ## bring the dev environment up on the local cloud (STACK=prod for the other one)
	@$(RUN) dev --stack $(STACK)

down: setup ## delete the environment, stop the local cloud, remove its files
	@$(RUN) down --stack $(STACK)

shell: setup ## a shell in which pulumi preview, up, refresh, destroy run against the local cloud
	@$(RUN) shell --stack $(STACK)

test: setup engine ## all tests but the soak and cluster tiers
	@$(BIN)/python -m pytest -n 3 --dist loadgroup -m "not soak" $(ARGS)

soak: setup engine ## the long loads
	@$(BIN)/python -m pytest -m soak --timeout 1800 $(ARGS)

check: setup ## formatting, lint, types, import rules, docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/pyright
	@$(BIN)/python tools/generate_docs.py --check
	@$(BIN)/mkdocs build --strict --quiet --site-dir .local/site

docs: setup ## write the pages that follow from the code, serve the manual on this machine
	@$(BIN)/python tools/generate_docs.py
	@$(BIN)/mkdocs serve

bench: setup engine ## comparisons with peers, side by side
	@for bench in bench/[!_]*.py; do $(BIN)/python $$bench || exit 1; done

verify-aws: setup ## once, for money, in the empty account SEAWALL_SANDBOX_ACCOUNT: up, promote, destroy (it asks first)
	@$(BIN)/python -m localcloud.verify_aws $(ARGS)

format: setup
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: ## resolve every dependency anew
	@$(PYTHON) localcloud/bootstrap.py --lock
