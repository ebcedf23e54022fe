# Everything a developer does, each in one word. `make demo` and `make test` do all the set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The uv on the PATH, or one of our own in .uv.
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
UV_VERSION := 0.13.9
LOCK := pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11
# What the compiled kernels are built from.
KERNELS := CMakeLists.txt $(wildcard src/tinygauge/exact/c/*.[ch] src/tinygauge/exact/c/*/*.[ch])
INSTALL := VIRTUAL_ENV=$(VENV) UV_PYTHON_DOWNLOADS=never $(UV) pip install --quiet --compile-bytecode

# An editable package beside its compiled kernels; without a C compiler NumPy does their work.
define INSTALL_EDITABLE
$(INSTALL) --no-deps --no-build-isolation --editable .
purelib=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
rm -rf "$$purelib/_tinygauge_kernels"; \
{ $(BIN)/cmake -S . -B build/kernels -DCMAKE_INSTALL_PREFIX="$$purelib" && \
  $(BIN)/cmake --build build/kernels --config Release && \
  $(BIN)/cmake --install build/kernels --config Release; } >build/kernels.log 2>&1 || \
  echo "make: no compiled kernels (see build/kernels.log); NumPy does their work, slower"
endef

.PHONY: help demo test unit lint fmt types docs check bench validate-memory validate-latency validate-accuracy aarch64 lock train clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## evaluate the packaged models and say which to ship
	@$(BIN)/tinygauge demo; code=$$?; [ $$code -le 1 ]

test: $(VENV)/.dev ## run all tests, on all cores
	$(BIN)/python -m pytest -n auto

unit: $(VENV)/.dev ## run the unit tests alone, without those marked slow
	$(BIN)/python -m pytest -n auto -m "not slow" tests/unit src

lint: $(VENV)/.dev ## check style, docstrings and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m numpydoc lint $$(git ls-files 'src/*.py')
	$(BIN)/lint-imports --no-cache

fmt: $(VENV)/.dev ## put the source in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev ## check types
	$(BIN)/mypy

docs: $(VENV)/.docs ## check links and examples of the documentation, and build its site
	$(BIN)/python -m pytest -q tests/meta
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build

check: test lint types docs validate-memory ## what CI runs

bench: $(VENV)/.dev ## time start-up, parsing and prediction, as ratios
	$(BIN)/python tools/bench.py

validate-memory: $(VENV)/.dev ## compare predicted arenas and flash with measured ones
	$(BIN)/python tools/validate_memory.py

validate-latency: $(VENV)/.dev ## compare predicted times with measured ones that the fit left out
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tools/fit_latency.py --validate

validate-accuracy: $(VENV)/.dev ## compare the exact evaluator with the interpreters, output by output
	$(BIN)/python tools/validate_accuracy.py

aarch64: build/aarch64/.ready ## fetch a Python for 64-bit Arm, which QEMU runs in the tests

build/aarch64/.ready: tools/aarch64.sh requirements/demo.txt | $(UV)
	rm -rf $(@D)
	tools/aarch64.sh $(@D) $(UV)
	@touch $@

lock: $(UV) ## write requirements/*.txt anew
	$(UV) $(LOCK) pyproject.toml --group build -o requirements/demo.txt
	$(UV) $(LOCK) pyproject.toml --all-extras --no-emit-package ziglang --group dev -o requirements/dev.txt
	$(UV) $(LOCK) --group docs --constraint requirements/dev.txt -o requirements/docs.txt
	$(UV) $(LOCK) --group training -o requirements/training.txt

train: $(UV) ## train the packaged models anew (TensorFlow, about half an hour)
	$(UV) venv --quiet --clear build/training
	VIRTUAL_ENV=build/training $(UV) pip install --quiet --require-hashes -r requirements/training.txt
	build/training/bin/python training/train_fashion_mnist.py

clean: ## remove what make made
	rm -rf $(VENV) .uv build dist .pytest_cache .mypy_cache .ruff_cache

.uv/bin/uv:
	$(PYTHON) -m venv .uv || { echo "make: Debian keeps venv apart: apt-get install python3-venv" >&2; exit 1; }
	.uv/bin/python -m pip install --quiet uv==$(UV_VERSION)

$(VENV)/bin/python: | $(UV)
	UV_PYTHON_DOWNLOADS=never $(UV) venv --quiet --python $(PYTHON) $(VENV)

$(VENV)/.demo: requirements/demo.txt pyproject.toml $(KERNELS) | $(VENV)/bin/python
	$(INSTALL) --require-hashes -r requirements/demo.txt
	@mkdir -p build
	@$(INSTALL_EDITABLE)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(KERNELS) | $(VENV)/bin/python
	$(INSTALL) --require-hashes -r requirements/dev.txt
	@mkdir -p build
	@$(INSTALL_EDITABLE)
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: requirements/docs.txt $(VENV)/.dev
	$(INSTALL) --require-hashes -r requirements/docs.txt
	@touch $@
