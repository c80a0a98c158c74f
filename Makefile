# make demo   set up, then recipe -> scored, zipped submission on the built-in demo challenge
# make test   set up, then every check and test
# make engine   a Docker engine and algokit's image, without a registry of images (root, Debian): for the container tests
# make faults KILLS=200   every trouble at every write point, power cuts, and random kills of the demo pipeline (two to three hours)
# make sbom   what algokit is made of, as CycloneDX: sbom.json (docs/supply_chain.md)
# make audit  which pinned versions have known vulnerabilities; asks a service in the network
# make browser  Chromium, from Debian's packages (root): the tests that open the report in a browser are skipped without one
#
# Another interpreter: make test PYTHON=python3.12      Without uv: make test INSTALL='.venv/bin/pip install'

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL ?= $(BIN)/pip install --quiet --disable-pip-version-check uv && $(BIN)/uv pip install --python $(BIN)/python
REQUIREMENTS := pyproject.toml constraints.txt
ALGOKIT := $(BIN)/algokit

.DEFAULT_GOAL := help
.PHONY: help demo test check faults sbom audit browser engine docs clean

KILLS ?= 200
SEED ?= 0
TOOLS := .tools
TOOL_VERSIONS := cyclonedx-bom==7.5.0 pip-audit==2.10.1

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make check  ruff and mypy alone"
	@echo "make docs   write docs/recipe_reference.md and docs/container_failures.md anew"
	@echo "make clean  remove the demo and the caches of the tools; .venv stays"

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "algokit needs Python 3.11 or newer; '$(PYTHON)' is not. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(REQUIREMENTS) | $(BIN)/pip
	$(INSTALL) -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(REQUIREMENTS) | $(BIN)/pip
	$(INSTALL) -c constraints.txt -e '.[dev]'
	@touch $(VENV)/.installed $@

demo: $(VENV)/.installed
	$(ALGOKIT) data demo demo/data
	$(ALGOKIT) data check demo/data
	$(ALGOKIT) run recipes/demo.yaml --data demo/data --store demo/store --out demo/submission
	$(ALGOKIT) validate demo/submission --data demo/data
	$(ALGOKIT) score demo/submission --data demo/data --intervals
	$(ALGOKIT) report demo/submission --data demo/data
	$(ALGOKIT) pack demo/submission --data demo/data --out demo/submission.zip
	@echo
	@echo "The demo challenge is in demo/data, the submission in demo/submission (open report.html in a browser),"
	@echo "the zip is demo/submission.zip. Next, with the real data (README.md, 'The real challenge'):"
	@echo "  $(ALGOKIT) data check DIR"
	@echo "  $(ALGOKIT) plan recipes/demo.yaml --data DIR"
	@echo "  $(ALGOKIT) run recipes/demo.yaml --data DIR"

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

faults: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python tests/faults/sweeping.py
	OMP_NUM_THREADS=1 $(BIN)/python tests/faults/power_cut.py
	OMP_NUM_THREADS=1 $(BIN)/python tests/faults/killing.py --kills $(KILLS) --seed $(SEED)

$(TOOLS)/.installed: Makefile
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check $(TOOL_VERSIONS)
	@touch $@

sbom: $(TOOLS)/.installed
	$(TOOLS)/bin/cyclonedx-py requirements constraints.txt --pyproject pyproject.toml --output-reproducible -o sbom.json

audit: $(TOOLS)/.installed
	@$(TOOLS)/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r constraints.txt || \
	  { echo "make audit: not clean. Above are the vulnerabilities, or the package that the service could not be asked about:"; \
	    echo "'not found' or a connection error means that no vulnerability service is reached from here, and nothing was audited."; \
	    exit 1; }

browser:
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
	  apt-get install -y --no-install-recommends chromium || \
	  { apt-get update && apt-get install -y --no-install-recommends chromium; }

engine:
	bash tests/containers/start_engine.sh

docs: $(VENV)/.installed
	$(BIN)/python -c 'from pathlib import Path; from algokit.recipe.reference import recipe_reference; \
	  Path("docs/recipe_reference.md").write_text(recipe_reference(), encoding="utf-8")'
	PYTHONPATH=tests/containers $(BIN)/python -c 'from pathlib import Path; from scenarios import table; \
	  Path("docs/container_failures.md").write_text(table(), encoding="utf-8")'

clean:
	rm -rf demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
