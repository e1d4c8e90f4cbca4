# Everything a person needs; `make help` lists it. Set-up happens by itself, into .venv.
# PYTHON=python3.12 chooses the interpreter, PROJECT=/path what `make demo` works on.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
BIN := .venv/bin
PYTEST := $(BIN)/pytest -n auto --dist worksteal --durations=25 --durations-min=5
# many tests wait for another program: one more at a time than there are processors
MANY = -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
LAST := browser or crash or slow or system
# what is large and few need is tried in CI, and when asked for
IN-CI := $(if $(filter true,$(CI)),ansible)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## try it: one link, a chat page on this machine, a sample project (or PROJECT=/path)
	@$(call set-up,runtime)
	@trap : INT; $(BIN)/python -m appliance.app.demo $${PROJECT:+"$$PROJECT"} || [ $$? -eq 130 ]

.PHONY: test
test: ## all tests, the real claude program included
	@$(call set-up,runtime dev $(IN-CI))
	@$(with-claude) $(PYTEST) $(MANY) -m 'not ($(LAST))' && $(PYTEST) -m '$(LAST)'

.PHONY: test-system
test-system: ## with the Debian package in virtual machines, as CI does (root, Debian)
	@$(call set-up,runtime dev $(IN-CI))
	@$(with-claude) $(PYTEST) -m system

.PHONY: test-ansible
test-ansible: ## the role and playbooks of ansible/, with Ansible's own checkers and on a virtual machine
	@$(call set-up,runtime dev ansible)
	@$(PYTEST) tests/ansible tests/system/ansible_from_bare.py tests/system/ansible_at_length.py

.PHONY: test-releases
test-releases: ## the Debian package built and installed on the other systems it is for (root, network)
	@$(call set-up,runtime dev)
	@$(PYTEST) tests/packaging/other_releases.py

.PHONY: lint
lint: ## style, types and the layers of the architecture
	@$(call set-up,runtime dev)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/mypy --no-error-summary packaging
	@$(BIN)/lint-imports --no-logo
	@bash -n .ci/run && sh -n tests/bench/claude_stub.sh

.PHONY: bench
bench: ## how fast, compared with the plain script most people start from: build/bench.md
	@$(call set-up,runtime dev bench)
	@$(BIN)/python -m tests.bench

.PHONY: man
man: ## the man pages: build/man
	@$(call set-up,runtime)
	@$(BIN)/python packaging/man/pages.py

.PHONY: deb
deb: ## the Debian package, for Debian 12, 13 and Ubuntu 24.04 (ARCH=arm64: for another machine)
	@$(call set-up,runtime dev)
	@$(BIN)/python packaging/deb.py $(ARCH)

.PHONY: image
image: ## a disk that starts an appliance (SIGNING_KEY=key.pem, PACKAGES="gcc …"; root, Debian 12)
	@$(call set-up,runtime dev)
	@$(BIN)/python packaging/image/make_image.py $(if $(SIGNING_KEY),--key "$(SIGNING_KEY)") \
		$(foreach package,$(PACKAGES),--package $(package))

.PHONY: oci
oci: ## the same for containers: an OCI archive (root, Debian 12)
	@$(call set-up,runtime dev)
	@$(BIN)/python packaging/oci/make_oci.py

.PHONY: test-image
test-image: ## both built and lived with, in a virtual machine and in runc (root, half an hour)
	@$(call set-up,runtime dev)
	@$(PYTEST) -n 0 tests/packaging/image/whole_image.py tests/packaging/oci/whole_container.py

.PHONY: formula
formula: ## the Homebrew formula, after a change of the lock: packaging/homebrew
	@$(call set-up,runtime dev)
	@$(BIN)/python packaging/formula.py

.PHONY: release
release: ## all packages, signed: dist (RELEASE_KEY=FILE RELEASE_URL=… SIGNING_KEY=FILE, PARTS="deb python"; or UNSIGNED=1)
	@$(call set-up,runtime dev)
	@$(BIN)/python packaging/release.py $(if $(PARTS),--parts '$(PARTS)') \
		$(if $(RELEASE_URL),--url '$(RELEASE_URL)') $(if $(SIGNING_KEY),--image-key '$(SIGNING_KEY)') \
		$(if $(UNSIGNED),--unsigned) $(if $(RELEASE_KEY),--key '$(RELEASE_KEY)') \
		$(if $(UNSIGNED)$(RELEASE_KEY),,$(error name the key: make release RELEASE_KEY=FILE; or UNSIGNED=1 for a trial))

.PHONY: format
format: ## let ruff lay out the code
	@$(call set-up,runtime dev)
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet

.PHONY: lock
lock: ## write packaging/lock anew after a change of pyproject.toml (UPGRADE=1: newest versions)
	@$(call set-up,runtime)
	@$(BIN)/python packaging/lock.py $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## remove what was made here: .venv, caches, build, dist
	rm -rf .venv .cache .demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

with-claude = claude=$$($(BIN)/python packaging/claude.py) || exit 1; \
	[ -z "$$claude" ] || export DISPATCH_TEST_CLAUDE="$$claude";

# The first Python that is new enough: the one asked for, that of .venv (which makes the check
# quick), then the newest by name. A name may exist and not run (a broken link, pyenv's shims).
set-up = for python in $(or $(PYTHON),$(BIN)/python python3.14 python3.13 python3.12 python3.11 python3); do \
	"$$python" -ISc 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	exec "$$python" -IS packaging/bootstrap.py $(1); done; \
	echo 'error: no Python 3.11 or newer was found; install one (Debian, Ubuntu: apt install python3; macOS: brew install python) or name it: make PYTHON=/path/to/python3' >&2; exit 1
