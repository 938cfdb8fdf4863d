# `make demo` and `make test` do all their set-up: they need Python 3.11 or newer, and make.
#
# Without a GPU, `make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu` gets torch's smaller CPU build.
# Another Python: `make test PYTHON=python3.12`. Arguments for pytest: `make test ARGS="-k plots -x"`.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
EXTRAS := atari bench box2d doom hf search tensorboard
comma := ,
empty :=
space := $(empty) $(empty)
ARGS ?=
WORKERS ?= -n auto --maxprocesses 4

NEW_ENOUGH := -c 'import sys; raise SystemExit(sys.version_info < (3, 11))'
PYTHON ?= $(firstword $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python $(NEW_ENOUGH) 2>/dev/null && echo $$python; done))

.PHONY: help install demo test lint format benchmark benchmark-quick clean

help:
	@echo "make demo             set up, train an agent on CartPole, show the run, watch it play"
	@echo "make test             set up with all extras, then run the tests"
	@echo "make lint             style, types and the floors of the house"
	@echo "make format           mend what can be mended of the style"
	@echo "make benchmark        measure everything that is not in benchmarks/results yet (ARGS=--list says what)"
	@echo "make benchmark-quick  minutes that fail where learning or speed is worse than benchmarks/quick.json"
	@echo "make install          set up for development, with all extras"
	@echo "make clean            remove the virtual environment and caches; runs stay"

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed: install it, or name it by PYTHON=..." >&2; exit 7; fi
	@echo "Making a virtual environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 7; }
	@$(if $(TORCH_INDEX),echo "Installing torch from $(TORCH_INDEX)" && $(PIP) install -c constraints.txt torch --index-url $(TORCH_INDEX))

$(VENV)/.ready: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the package and what it needs (once; a few minutes where nothing is cached)"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

# Extras that have no wheel for this machine are left out, and their tests skip; [dev] has to be there.
$(VENV)/.ready-all: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the package with all extras (once; a few minutes where nothing is cached)"
	@$(PIP) install -c constraints.txt -e ".[dev,$(subst $(space),$(comma),$(EXTRAS))]" || { \
		$(PIP) install -c constraints.txt -e ".[dev]" && for extra in $(EXTRAS); do \
			$(PIP) install -c constraints.txt -e ".[$$extra]" || echo "Left out: the extra [$$extra]" >&2; done; }
	@touch $(VENV)/.ready $@

install: $(VENV)/.ready-all

demo: $(VENV)/.ready
	$(BIN)/python -m sandbox train-agent CartPole
	$(BIN)/python -m sandbox runs show latest
	@echo "The learning curve: $$(ls -t "$${SANDBOX_RUNS:-runs}"/*/plots/learning_curve.png | head -n 1)"
	@run="$$(ls -td "$${SANDBOX_RUNS:-runs}"/*/ | head -n 1)" && mkdir -p "$${run}videos" && \
		$(BIN)/python -m sandbox watch "$$run" --record "$${run}videos/cartpole.mp4" --episodes 1
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
		$(BIN)/python -m sandbox watch --window --episodes 2 || true; fi
	@echo "To go on: source $(BIN)/activate, then python -m sandbox --help"

test: $(VENV)/.ready-all
	$(BIN)/python -m pytest $(WORKERS) $(ARGS)

lint: $(VENV)/.ready-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

format: $(VENV)/.ready-all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(VENV)/.ready-all
	$(BIN)/python -m benchmarks.run $(ARGS)

benchmark-quick: $(VENV)/.ready-all
	$(BIN)/python -m benchmarks.quick $(ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
