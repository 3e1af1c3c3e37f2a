# make demo: set up everything and run a small week; make test: set up everything and run all tests;
# make docs: write the settings reference and the outputs in docs/ anew
PYTHON ?= python3
BIN := .venv/bin
.PHONY: setup demo pictures test cluster chaos outages unit lint bench docs lock clean

setup: .venv/.ready
	@deployments/install-programs.sh

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pyECOD needs Python 3.11 or later (make PYTHON=python3.12 …)")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	$(BIN)/uv pip install --system-certs -q --compile-bytecode --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install --system-certs -q --python $(BIN)/python --no-deps -e .
	touch $@

lint: .venv/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# the unit tests that take less than a second each; what is left out is counted as deselected
unit: .venv/.ready
	$(BIN)/pytest tests/unit -m "not slow"

test: setup lint
	@deployments/install-test-programs.sh
	$(BIN)/pytest -rs tests/unit tests/integration tests/e2e tests/cluster

# every fault of a cluster, on a real SLURM that the tests start themselves (root; skipped, and counted, elsewhere)
cluster: setup
	@deployments/install-test-programs.sh
	$(BIN)/pytest -rs tests/cluster

# one week on a real SLURM (root), things of it killed at random moments; CHAOS_SEED=2 for other moments
chaos: setup
	@deployments/install-test-programs.sh
	CHAOS_ENTRIES=$${CHAOS_ENTRIES:-300} CHAOS_KILLS=$${CHAOS_KILLS:-20} $(BIN)/pytest -s tests/cluster/test_chaos.py

# a weekly run of a deployment whose Prefect server, or its database, is away for 1, 4 and 8 minutes (an hour)
outages: setup
	@deployments/install-test-programs.sh
	OUTAGE_MINUTES=$${OUTAGE_MINUTES:-1,4,8} $(BIN)/pytest -s tests/e2e/test_outages.py

# the pictures of docs/operations.md: a month on a real server, looked at in a real browser (4 minutes)
pictures: setup
	$(BIN)/pytest tests/e2e/test_month.py --pictures docs/images

demo: setup
	$(BIN)/pyecod demo

docs: setup
	$(BIN)/python docs/write.py

# every figure of docs/performance.md and docs/accuracy.md; an hour, and let the machine do nothing else
bench: setup
	$(BIN)/uv pip install --system-certs -q --python $(BIN)/python -e '.[bench]'
	$(BIN)/python benchmarks/all.py

lock: .venv/.ready
	$(BIN)/uv pip compile -q pyproject.toml --extra dev --python-version 3.11 --no-header --no-annotate -o requirements.lock
	sed -i '1i # Exact versions of everything, for Python 3.11 and later; made by: make lock' requirements.lock

clean:
	rm -rf .venv demo
