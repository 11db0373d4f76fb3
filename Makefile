# Two commands: `make demo` optimises an example, `make test` proves that everything works here.
# Both set up what they need in .venv; Debian packages are installed where that is allowed.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
AGENTS := .npm/.installed
LOCAL_MODEL := .local-model/.installed

.PHONY: help install demo test quick exploits exhaustive bench lint tools clean

help:
	@echo "make demo     set up, then optimise examples/heat2d"
	@echo "make test     set up, then lint, types, import rule and all tests"
	@echo "make exploits all cheating and honest candidates through the gates (make test runs ten of them)"
	@echo "make exhaustive   the long series of which make test runs a part"
	@echo "make quick    the tests without the slow ones"
	@echo "make bench    compilers, OpenBLAS and the built-in optimiser on suite loops: about three hours"
	@echo "make install  only set up: .venv with loopwright, and the tools it can use"

install: $(STAMP)

$(STAMP): pyproject.toml scripts/install-tools.sh scripts/install-python.sh
	sh scripts/install-tools.sh
	sh scripts/install-python.sh $(VENV)
	@touch $@

demo: $(STAMP)
	$(BIN)/loopwright optimize examples/heat2d --budget 3m

# Command-line agents for the tests that drive them; where npm is missing those tests are skipped.
$(AGENTS): scripts/install-agents.sh
	sh scripts/install-agents.sh .npm
	@touch $@

# A tiny model and its server for one test; when they cannot be downloaded it is skipped.
$(LOCAL_MODEL): $(STAMP) scripts/install-local-model.sh
	sh scripts/install-local-model.sh .local-model $(BIN)/python

lint: $(STAMP)
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests that compare times run alone, after the rest: nothing else may use the processors then.
test: $(STAMP) $(AGENTS) $(LOCAL_MODEL) lint
	$(BIN)/python -m pytest -n 2 -m "not timing and not exhaustive"
	$(BIN)/python -m pytest -m timing

quick: $(STAMP)
	$(BIN)/python -m pytest -n 2 -m "not timing and not slow and not exhaustive"

# Every exploit and every honest candidate, alone: some of them are about the clock.
exploits: $(STAMP)
	$(BIN)/python -m pytest -m exhaustive tests/workbench/test_exploits.py

# Everything that is too long for `make test`: all exploits, more random loop nests, audits of more examples.
exhaustive: $(STAMP)
	$(BIN)/python -m pytest -m exhaustive

# Resumable: what is in $(BENCH).json stays. make bench KERNELS=show14 BENCH=show14 runs a part.
BENCH := bench
KERNELS :=
bench: $(STAMP)
	sh scripts/install-tools.sh bench
	$(BIN)/loopwright bench --kernels "$(KERNELS)" --json $(BENCH).json --plot $(BENCH).svg --resume $(ARGS)

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
