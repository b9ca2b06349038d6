# make demo | test | lint | format | bench | clean. Everything happens in .venv, made by $(PYTHON);
# every path is relative, so that the clone may lie in a folder with spaces in its name.

PYTHON ?= python3
JOBS ?= 2

PY := .venv/bin/python
PIP := $(PY) -m pip install -qq --disable-pip-version-check
# Not empty when nobody said which Python.
DEFAULT := $(filter file default undefined,$(origin PYTHON))
CODE := src tests examples benchmarks

.PHONY: help demo test lint format bench bench-peers clean FORCE

help:
	@echo 'make demo     run the percolation example'
	@echo 'make test     lint, type check, architecture, spelling, and the tests under coverage; installs ngspice'
	@echo '              for them as root on Debian, and else says what it leaves out'
	@echo 'make lint     all of that but the tests'
	@echo 'make format   let ruff rewrite the code'
	@echo 'make bench    measure multirun against a floor written in C'
	@echo 'make bench-peers  measure multirun against other tools, which this installs'
	@echo 'make clean    remove .venv and everything that tools left'
	@echo 'Variables:    PYTHON=$(PYTHON) (makes .venv)  JOBS=$(JOBS) (tests at once)'

demo: .venv/.demo
	@$(PY) examples/percolation/demo.py

test: lint
	@$(PY) -m coverage erase
	WITHOUT_NGSPICE="$$(sh examples/ngspice/install.sh)" $(PY) -m coverage run -m pytest -q -n $(JOBS) --dist loadgroup
	@$(PY) -m coverage combine -q
	$(PY) -m coverage report

lint: .venv/.test
	$(PY) -m ruff check -q $(CODE)
	$(PY) -m ruff format -q --check $(CODE)
	$(PY) -m mypy
	.venv/bin/lint-imports --no-logo
	$(PY) -m codespell_lib

format: .venv/.test
	$(PY) -m ruff check -q --fix-only $(CODE)
	$(PY) -m ruff format -q $(CODE)

bench: .venv/.demo
	@$(PY) benchmarks/run.py

bench-peers: .venv/.demo
	@$(PY) -m benchmarks.peers

clean:
	rm -rf .venv build dist htmlcov .coverage .coverage.* .hypothesis .*_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.demo: pyproject.toml .venv/.made
	@echo 'Installing multirun and what the examples need into .venv ...'
	@$(PIP) -e '.[demo]'
	@touch $@

.venv/.test: pyproject.toml .venv/.made
	@echo 'Installing multirun and the tools of its tests into .venv ...'
	@$(PIP) -e '.[test,demo]'
	@touch .venv/.demo $@

# Looked at every time, written only with a new .venv: that is made again when its Python is gone, too old
# or not the one asked for by PYTHON=..., and when the clone was moved (.made says where it was).
.venv/.made: FORCE
	@here=$$(pwd -P); \
	describe='import sys; print("%d.%d.%d" % sys.version_info[:3])'; \
	recent='import sys; sys.exit(sys.version_info < (3, 11))'; \
	found=$$($(PY) -c "import pip; $$describe; $$recent" 2>/dev/null) || found=; \
	asked=$(if $(DEFAULT),$$found,$$('$(PYTHON)' -c "$$describe" 2>/dev/null || echo none)); \
	if [ -n "$$found" ] && [ "$$asked" = "$$found" ] && [ "$$(cat $@ 2>/dev/null || echo "$$here")" = "$$here" ]; then \
	    [ -e $@ ] || echo "$$here" >$@; \
	    exit 0; \
	fi; \
	set -- '$(PYTHON)' $(if $(DEFAULT),python3.13 python3.12 python3.11); \
	tried=; \
	for python; do \
	    if ! version=$$("$$python" -c "$$describe" 2>/dev/null); then tried="$$tried, $$python does not run"; continue; fi; \
	    if ! "$$python" -c "$$recent"; then tried="$$tried, $$python is $$version"; continue; fi; \
	    if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	        tried="$$tried, $$python $$version lacks venv (Debian, Ubuntu: apt install python3-venv)"; \
	        continue; \
	    fi; \
	    echo "Making .venv with Python $$version ..."; \
	    "$$python" -m venv --clear .venv && echo "$$here" >$@; \
	    exit; \
	done; \
	echo "multirun needs Python 3.11 or newer with its venv module;$${tried#,}." >&2; \
	echo "Install one, or say where it is: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
	exit 1
