# Everything happens in .venv, which is made when missing and brought up to date when the
# requirements change. PYTHON picks the interpreter, PORT the app's port.
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin

.PHONY: setup app test lint format bench clean

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

app: .venv/app.stamp
	@echo "The app is at http://localhost:$(PORT)"
	$(BIN)/python -m streamlit run streamlit_app.py --server.port $(PORT)

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

test: .venv/app.stamp lint
	$(BIN)/python -m pytest

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/app.stamp
	$(BIN)/python -m stylecore bench

clean:
	rm -rf .venv .pytest_cache .ruff_cache
