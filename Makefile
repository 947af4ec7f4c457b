# Everything happens in .venv, which is made when missing and brought up to date when the
# requirements change. PYTHON picks the interpreter, PORT the app's port.
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin

.PHONY: setup app test slow soak audit lint format bench wheel space image clean

setup: .venv/app.stamp

.venv/bin/python:
	@echo "Making .venv with $(PYTHON)"
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv .venv

.venv/app.stamp: requirements.txt | .venv/bin/python
	@echo "Installing the app's packages (several GB with CUDA, minutes the first time)"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar off -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements.txt requirements-dev.txt | .venv/app.stamp
	@echo "Installing the tools for tests"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar off -r requirements-dev.txt
	@touch $@

.venv/soak.stamp: requirements-soak.txt | .venv/dev.stamp
	@echo "Installing the tools for long tests"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar off -r requirements-soak.txt
	@touch $@

app: .venv/app.stamp
	@echo "The app is at http://localhost:$(PORT)"
	$(BIN)/python -m streamlit run streamlit_app.py --server.port $(PORT)

.venv/scale.stamp: requirements-scale.txt | .venv/dev.stamp
	@echo "Installing Ray"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar off -r requirements-scale.txt
	@touch $@

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: .venv/app.stamp lint
	$(BIN)/python -m pytest -m "not slow and not soak"

slow: .venv/scale.stamp
	$(BIN)/python -m pytest -m slow

# Crowds of visitors, 10,000 mutated files, thousands of paintings in one process: an hour.
soak: .venv/soak.stamp
	$(BIN)/python -m pytest -m soak

# Known flaws of the pinned packages; asks a server on the internet.
audit: .venv/soak.stamp
	$(BIN)/pip-audit --requirement requirements.txt --requirement requirements-lite.txt --no-deps --disable-pip --strict

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/app.stamp
	$(BIN)/python -m stylecore bench

wheel: .venv/app.stamp
	rm -rf dist/*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

# A folder that can be pushed as a Docker Space as it is; `image` builds from it, too.
space: wheel
	rm -rf dist/space && mkdir -p dist/space
	cp Dockerfile requirements.txt requirements-lite.txt dist/*.whl dist/space
	cp docs/space_readme.md dist/space/README.md
	echo '*.whl filter=lfs diff=lfs merge=lfs -text' > dist/space/.gitattributes
	@echo "dist/space is ready: push it with git and git-lfs"

# BASE is the image to build on, REQUIREMENTS the file with the packages to install: see docs/hosting.md.
BASE ?= python:3.11-slim
REQUIREMENTS ?= requirements-lite.txt
image: space
	@for tool in docker podman buildah; do \
		if $$tool info > /dev/null 2>&1; then \
			format=$$([ $$tool = docker ] || echo "--format docker"); \
			set -x; exec $$tool build $$format --build-arg BASE=$(BASE) \
				--build-arg REQUIREMENTS=$(REQUIREMENTS) -t impasto dist/space; \
		fi; \
	done; \
	echo "docker, podman or buildah is needed, and none of them runs here" >&2; exit 1

clean:
	rm -rf dist .venv .pytest_cache .ruff_cache .mypy_cache
