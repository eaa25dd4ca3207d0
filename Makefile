# make demo    set up, then train ERM, FairDropout and its control on handwritten digits
# make test    set up, then run the tests
# make slow    the tests that take minutes; make bench the speed measurements; make style and make quality the formatting and its check

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test slow style quality bench

.venv/.ready: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@

demo: .venv/.ready
	$(BIN)/python scripts/demo.py

test: .venv/.ready
	$(BIN)/python -m pytest

slow: .venv/.ready
	$(BIN)/python -m pytest -m slow

bench: .venv/.ready
	$(BIN)/python benchmarks/mask_and_layer.py
	$(BIN)/python benchmarks/training_step.py

style: .venv/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

quality: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest --doctest-modules hf_fairdropout tests/test_imports.py
