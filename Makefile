# A fresh machine needs python3 (3.11 or later, with venv) and make; everything else is installed into .venv.
# PYTHON=/path/to/python3.12 names another; then .venv is made anew where it has another one.
VENV := .venv
BIN := $(VENV)/bin
SOURCES := ivr flows gateways tests docs/examples

# Every process of the tests starts twice as fast where Python may keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE
# Tests of real processes wait as much as they work: one worker more than there are cores, four at most.
CORES = $$($(BIN)/python -c "import os; print(min(os.cpu_count() or 1, 4))")
WORKERS = $$($(BIN)/python -c "import os; print(min((os.cpu_count() or 1) + 1, 4))")

.DEFAULT_GOAL := help
.PHONY: force help install call demo check test audit lint format types contracts bench simulate mutants figures lock clean

help: ## what there is
	@echo "Pay-by-Call: callers pay by keypad, through your own gateway."
	@echo
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo
	@echo "Start with: make call"

INSTALL = @PYTHON='$(PYTHON)' sh requirements/install.sh
LOCKS := requirements/run.txt requirements/uv.txt requirements/install.sh pyproject.toml

$(VENV)/.runs: $(LOCKS) $(if $(PYTHON),force)
	$(INSTALL) run

$(VENV)/.installed: $(LOCKS) requirements/dev.txt $(if $(PYTHON),force)
	$(INSTALL) dev

install: $(VENV)/.installed ## install everything, with what the tests need, into .venv

call: $(VENV)/.runs ## ring the demo, or a server for one call: you key the card (AUTO=1: a scripted caller pays; FROM=+34... CALLER_LANGUAGE=es TO=+34...)
	@$(BIN)/paybycall call $(if $(FROM),--from '$(FROM)') $(if $(TO),--to '$(TO)') $(if $(CALLER_LANGUAGE),--language '$(CALLER_LANGUAGE)')

demo: $(VENV)/.runs ## keep the server running with a sandbox bank, until Ctrl-C
	@$(BIN)/paybycall demo

check: lint ## lint, types, import contracts and the quick tests, on SQLite: under two minutes
	@$(BIN)/python -m pytest -m 'not slow' --databases sqlite --numprocesses=$(CORES) --dist=loadscope --no-loadscope-reorder

test: lint ## lint, types, import contracts and all tests
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadscope --no-loadscope-reorder

lint: install ## ruff, mypy and import-linter
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

audit: install ## dependencies that are imported and not declared, or the other way round; secrets in files
	@$(BIN)/deptry ivr flows gateways
	@$(BIN)/python -m tests.secret_scan

format: install ## let ruff mend what it can
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

bench: install ## measure speed and memory, as ratios in one run
	@$(BIN)/python -m tests.bench

simulate: install ## play worlds in which everything goes wrong, and check the books (WORLDS=1000 SEED=any HURRIED=1)
	@$(BIN)/python -m tests.simulation --worlds $(or $(WORLDS),1000) $(if $(SEED),--seed $(SEED)) $(if $(HURRIED),--hurried)

figures: install ## count what a reader of the code has to hold in mind: files a webhook, names, lines (VERBOSE=1: which)
	@$(BIN)/python -m tests.figures $(if $(VERBOSE),--verbose)

mutants: install ## put small faults into the code, one at a time, and print which no test notices (ONLY=payments)
	@$(BIN)/python -m tests.mutants $(if $(ONLY),--only '$(ONLY)')

lock: install ## resolve the locked versions anew
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements/run.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	@echo 'setuptools>=77' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -c requirements/dev.txt - -o requirements/build.txt

clean: ## remove the virtual environment and the demo's data
	rm -rf $(VENV) $(VENV)-installer var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
