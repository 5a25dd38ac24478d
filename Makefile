# Every command of the project; `make help` lists them. Each sets up what it needs.

# Set in some shells; every start of the engine would then compile Rasa again.
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV

PYTHON := .venv/bin/python
ENGINE := engine/.venv/bin/python
# Touched when an environment is complete, so that the next run looks and goes on.
BOT_READY := .venv/.complete
ENGINE_READY := engine/.venv/.complete
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run demo setup train test test-bot test-engine journeys desk fuzz promises prove-clean evaluate check format \
	strings screenshots bench bench-desk doctor audit secrets compose-check clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup train ## start the whole service here; Ctrl-C stops all of it
	@$(PYTHON) -m bot up

demo: setup train ## the same, with the practice desk open: pretended people wait there
	@$(PYTHON) -m bot up --practice

setup: $(BOT_READY) $(ENGINE_READY) ## make both Python environments (bot 3.11+, engine 3.10)

$(BOT_READY): pyproject.toml uv.lock
	@scripts/setup bot
	@touch $@

$(ENGINE_READY): engine/pyproject.toml engine/uv.lock
	@scripts/setup engine
	@touch $@

train: $(ENGINE_READY) ## train the engine's model, unless nothing has changed
	@PYTHONPATH=engine PYTHONWARNINGS=ignore $(ENGINE) -m northlight_engine train

test: test-bot test-engine ## the tests: bot, console, doors, browser, engine (make desk, fuzz, promises: more)

test-bot: setup train ## everything but the engine's own tests
	@chromium=$$(scripts/chromium) && CHROMIUM=$$chromium \
		$(PYTHON) -m pytest -n 2 --dist loadfile --ignore tests/journeys \
		--ignore tests/promises --ignore tests/desk --ignore tests/fuzz $(ARGS)
	@$(MAKE) --no-print-directory journeys

# A process of their own: the browser's event loop and those of the other tests do not mix.
journeys: setup train ## whole journeys: both doors, the real engine, a counsellor in a browser
	@chromium=$$(scripts/chromium) && CHROMIUM=$$chromium \
		$(PYTHON) -m pytest -n 2 --dist loadfile tests/journeys $(ARGS)

desk: setup train ## the desk: accessibility of every page, keyboard only, a whole shift of twenty people
	@chromium=$$(scripts/chromium) && CHROMIUM=$$chromium \
		$(PYTHON) -m pytest -n 2 --dist loadfile tests/desk $(ARGS)

test-engine: train ## the engine's own tests; ARGS="-k word" picks some
	@cd engine && .venv/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

fuzz: setup ## bad input by hand and 20,000 generated messages through the core
	@$(PYTHON) -m pytest -n 2 tests/fuzz --timeout 1800 $(ARGS)

# full: the sizes of the design (hours); its soak alone runs for two.
promises: setup train ## what must hold under kills and faults; NORTHLIGHT_PROMISES=full for hours of it
	@chromium=$$(scripts/chromium) && CHROMIUM=$$chromium \
		$(PYTHON) -m pytest tests/promises \
		--timeout $(if $(filter full,$(NORTHLIGHT_PROMISES)),14400,900) $(ARGS)

prove-clean: setup train ## shows that after Leave nothing of a person is left; ARGS="--languages en,fr"
	@$(PYTHON) -m bot prove-clean $(ARGS)

evaluate: setup train ## how well it understands: writes docs/understanding.md; ARGS="--wrong pa"
	@$(PYTHON) -m evaluation $(ARGS)

check: setup ## style, formatting, types, lock files
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@scripts/uv lock --check --quiet
	@scripts/uv lock --check --quiet --project engine --python $(ENGINE)

format: $(BOT_READY) ## put the code into its standard form
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

strings: $(BOT_READY) ## what each language still lacks, for translators
	@$(PYTHON) scripts/strings.py $(ARGS)

bench: setup train ## measure speed, memory and load beside a stock Rasa (bench/)
	@$(PYTHON) -m bench $(ARGS)

bench-desk: setup ## measure the desk with 10,000 people waiting and 200 counsellors
	@CHROMIUM=$$(scripts/chromium) $(PYTHON) -m bench.desk $(ARGS)

screenshots: setup train ## take the pictures of the guides anew: docs/screenshots/
	@CHROMIUM=$$(scripts/chromium) $(PYTHON) scripts/screenshots.py

doctor: ## what this machine has and lacks for Northlight
	@scripts/doctor

audit: setup ## known vulnerabilities in what is locked (asks a public database)
	@scripts/uv audit --frozen
	@scripts/uv audit --frozen --project engine --python $(ENGINE)

secrets: $(BOT_READY) ## make the secrets of the containers (docker/secrets/), once
	@$(PYTHON) scripts/make_secrets.py

compose-check: $(BOT_READY) ## build the images, boot docker-compose.yml, go one journey through it
	@$(PYTHON) scripts/compose_check.py $(ARGS)

clean: ## remove what was built and cached; keeps environments and .state/
	@rm -rf models/northlight* .rasa .mypy_cache .ruff_cache .pytest_cache .hypothesis build
	@find . -path ./.venv -prune -o -path ./engine/.venv -prune -o \
		-name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## also remove the environments and fetched tools; keeps .state/
	@rm -rf .venv engine/.venv .tools
