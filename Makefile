# `make` lists what there is to do. All set-up happens by itself, inside .venv/ and build/.
#
#   make build PRESET=dev              another preset of CMakePresets.json: release (default), dev, asan, tsan
#   make test-cpp FOLDER=kernels       the C++ tests of one folder of src/, building no more than they need
#   make test-python ARGS="-k gemm"    ARGS go to pytest, ctest, the demo or the benchmarks
#   make env PYTHON=python3.13         which Python to build the environment with

PRESET ?= release
FOLDER ?=
ARGS   ?=

VENV   := .venv
BUILD  := build/$(PRESET)
CMAKE  := $(VENV)/bin/cmake
CTEST  := $(VENV)/bin/ctest
PY     := $(VENV)/bin/python
export PYTHON

CPP_FILES = $(shell find include src bench examples tests -name '*.h' -o -name '*.hpp' -o -name '*.c' -o -name '*.cpp')

.DEFAULT_GOAL := help
.PHONY: help env build test test-cpp test-python test-long fuzz soak coverage docs demo example bench format lint asan tsan pins clean distclean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: $(VENV)/READY ## set up Python, its packages and the C++ test libraries in .venv/

build: $(BUILD)/build.ninja ## build the C++ core and its Python module
	@$(CMAKE) --build $(BUILD)

test: test-cpp test-python ## run all tests

test-cpp: $(BUILD)/build.ninja ## run the C++ tests
	@$(CMAKE) --build $(BUILD) --target $(if $(FOLDER),$(FOLDER)_test,gemmule_tests)
	@$(CTEST) --test-dir $(BUILD) --output-on-failure $(if $(FOLDER),-R '^$(FOLDER)$$') $(ARGS)

test-python: build ## run the Python tests
	@$(PY) -m pytest -n auto --dist worksteal $(ARGS)

test-long: build ## run the Python tests that take minutes: posteriors of whole models
	@$(PY) -m pytest -n auto --dist worksteal -m long $(ARGS)

fuzz: build ## run random graphs, and compare with PyTensor (ARGS="--graphs 10000 --seed 1")
	@cd tests && ../$(PY) -m fuzz $(ARGS)

soak: build ## watch memory under load for 5 minutes (ARGS="--minutes 60")
	@cd tests && ../$(PY) -m soak $(ARGS)

coverage: build ## write docs/coverage.md again
	@$(PY) tools/coverage.py

docs: env ## build the site of the documents in build/site (ARGS=serve: and serve it)
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs $(or $(ARGS),build --strict)

demo: build ## see what Gemmule does, in a minute
	@$(PY) examples/demo.py $(ARGS)

example: build ## build the C++ sampler in examples/cpp, and let it sample a PyMC model
	@$(CMAKE) --install $(BUILD) --component gemmule_cpp --prefix $(BUILD)/installed >/dev/null
	@$(CMAKE) -S examples/cpp -B $(BUILD)/example -DCMAKE_PREFIX_PATH=$(CURDIR)/$(BUILD)/installed -DCMAKE_BUILD_TYPE=Release >/dev/null
	@$(CMAKE) --build $(BUILD)/example
	@$(PY) examples/cpp/export_model.py $(BUILD)/example/eight_schools.gemmule
	@$(BUILD)/example/sample $(BUILD)/example/eight_schools.gemmule $(ARGS)

bench: build ## run the benchmarks
	@$(PY) -m bench $(ARGS)

format: env ## format C++ and Python
	@$(VENV)/bin/clang-format -i $(CPP_FILES)
	@$(VENV)/bin/ruff format --quiet
	@$(VENV)/bin/ruff check --quiet --fix-only

lint: env ## check format and style
	@$(VENV)/bin/clang-format --dry-run -Werror $(CPP_FILES)
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/ruff check

asan: ## run the C++ tests under the address and undefined behaviour sanitizers
	@$(MAKE) test-cpp PRESET=asan

tsan: ## run the C++ tests under the thread sanitizer
	@$(MAKE) test-cpp PRESET=tsan

pins: env ## resolve requirements-dev.txt again, from pyproject.toml
	@$(VENV)/bin/uv pip compile --quiet --universal --upgrade --no-annotate --extra dev \
	  --custom-compile-command "make pins" pyproject.toml -o requirements-dev.txt

clean: ## remove what was built
	rm -rf build dist python/gemmule/_core*.so .pytest_cache .ruff_cache .hypothesis

distclean: clean ## remove the environment too
	rm -rf $(VENV)

# Written last, so that a set-up that was interrupted starts again.
$(VENV)/READY: requirements-dev.txt
	@tools/check-compiler.sh
	@tools/python-env.sh $(VENV)
	@tools/cpp-test-libraries.sh $(VENV)/cpp
	@touch $@

# CMake's own files need no mention: Ninja calls CMake again when they change.
$(BUILD)/build.ninja: $(VENV)/READY CMakePresets.json
	@$(CMAKE) --preset $(PRESET)
	@touch $@
