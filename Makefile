PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS := $(VENV)/.docs-ready
BENCH := $(VENV)/.bench-ready

.PHONY: verify test check docs picture coverage notebooks notebooks-test proofs mutants border wide-networks bench env clean

verify: env
	$(BIN)/collapse verify

test: env
	$(BIN)/pytest -n 2 -q -m "not notebooks"

notebooks-test: env
	$(BIN)/pytest -n 2 -q -m notebooks tests/test_notebooks.py

check: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(DOCS)
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/build/html

picture: env
	$(BIN)/python docs/picture.py

coverage: env
	mkdir -p docs/build
	$(BIN)/collapse verify --json docs/build/run.json
	$(BIN)/python docs/coverage.py docs/build/run.json

mutants: env
	$(BIN)/python tests/mutants.py $(LINES)

border: env
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/border.py

wide-networks: env
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/wide_networks.py

bench: $(BENCH)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/comparison.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/refuter.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/duals.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/spectra.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/courses.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/rfm.py

notebooks: env
	$(BIN)/python notebooks/execute.py $(NAMES)

proofs: env
	$(BIN)/python -m proofs

env: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m verify.compiled
	touch $(READY)

$(DOCS): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $(DOCS)

$(BENCH): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $(BENCH)

clean:
	rm -rf $(VENV) .collapse docs/build docs/generated
