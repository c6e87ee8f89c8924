# Everything needs only python3.11 (or later), pip, make and git; each target does its own set-up.
#   make setup   the environment in .venv            make run    serve the store in instance/
#   make demo    a whole round, then its pages       make lint   style, types, import rules, security
#   make test    all tests (PostgreSQL, Chromium)    make bench  the figures in docs/
PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV := .tools/bin/uv
PY := .venv/bin/python
SERVE ?= yes
PORT ?= 8000

export UV_PYTHON_DOWNLOADS = never
export UV_NATIVE_TLS = 1
export PYTHONUTF8 = 1

.PHONY: setup demo test run lint format bench messages lock clean
setup: .venv/.synced .venv/.messages

$(UV): tools/uv.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
	  --root-user-action=ignore --require-hashes --upgrade --target .tools -r tools/uv.txt
	touch $(UV)

.venv/.synced: $(UV) requirements.lock
	test -x $(PY) || $(UV) venv --quiet --python $(PYTHON) .venv
	$(UV) pip sync --quiet --compile-bytecode --python $(PY) --require-hashes requirements.lock
	touch $@

.venv/.messages: .venv/.synced $(wildcard review_service/translations/*/LC_MESSAGES/messages.po)
	$(PY) tools/messages.py compile
	touch $@

demo: setup
	$(PY) -m review_service demo --serve $(SERVE) --port $(PORT)

run: setup
	$(PY) -m review_service serve --port $(PORT)

test: setup
	CHROMIUM="$$(sh tools/chromium.sh)" $(PY) -m pytest --numprocesses auto --dist loadfile $(ARGS)

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/bandit --quiet --recursive --configfile pyproject.toml allocation scoring review_service
	$(PY) tools/messages.py check

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: setup
	for f in bench/*.py; do echo "== $$f"; $(PY) "$$f" || exit 1; done

messages: setup
	$(PY) tools/messages.py update

# Rewrites the locks from pyproject.toml; addresses of registries stay out of them. The server's has
# no tools of development in it, and the versions of the whole; build.txt is what builds from source.
COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-annotate
lock: $(UV)
	$(UV) $(COMPILE) pyproject.toml --group dev --extra cluster --output-file requirements.lock
	$(UV) $(COMPILE) pyproject.toml --extra cluster --constraint requirements.lock \
	  --output-file deploy/requirements.lock
	printf 'hatchling\nsetuptools\n' | $(UV) $(COMPILE) - --output-file tools/build.txt

clean:
	rm -rf .venv .tools build
