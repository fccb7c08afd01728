# flowherd: `make` lists what can be done.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PIP := PIP_CONSTRAINT=constraints.txt $(BIN)/pip --quiet --disable-pip-version-check --no-input
WHEELS := --only-binary :all:
DEBIAN := tshark:tshark tcpreplay:tcpreplay nfdump:nfdump nfpcapd:nfdump softflowd:softflowd ra:argus-client \
	argus:argus-server ip:iproute2 tcpdump:tcpdump tmux:tmux curl:curl
PEERS := pmacctd:pmacct ndpiReader:libndpi-bin strace:strace
ARGS ?=
TESTS ?=

# Where `make install` puts things; DESTDIR stands before each of them, for those who make packages.
PREFIX ?= /opt/flowherd
BINDIR ?= /usr/local/bin
SYSCONFDIR ?= /etc
UNITDIR ?= $(SYSCONFDIR)/systemd/system
DESTDIR ?=
ROOT = $(DESTDIR)$(PREFIX)
UNIT = $(DESTDIR)$(UNITDIR)/flowherd.service
SYSUSERS = $(DESTDIR)$(SYSCONFDIR)/sysusers.d/flowherd.conf
TMPFILES = $(DESTDIR)$(SYSCONFDIR)/tmpfiles.d/flowherd.conf
CONFIG = $(DESTDIR)$(SYSCONFDIR)/flowherd
LINK = $(DESTDIR)$(BINDIR)/flowherd
DOCS = $(ROOT)/docs
MARK = $(ROOT)/.installed-by-make
# What install makes goes with uninstall: MARK lists the folders that were not there, without DESTDIR.
FOLDERS = "$(ROOT)" "$(dir $(UNIT))" "$(dir $(SYSUSERS))" "$(dir $(TMPFILES))" "$(dir $(LINK))" "$(CONFIG)"
ABSENT = for at in $(FOLDERS); do at=$${at%/}; while [ ! -e "$$at" ] && [ "$$at" != "$(DESTDIR)" ]; do \
	echo "$${at\#"$(DESTDIR)"}"; at=$$(dirname "$$at"); done; done

# A .venv that was moved, or whose Python went away, is built anew.
FRESH := $(shell [ "$$(cat .venv/.home 2>/dev/null)" = "$(CURDIR)" ] && $(BIN)/python -c '' 2>/dev/null && echo yes)
STALE := $(if $(FRESH),,stale)

define EVERYBODY
import pathlib, sys
home = pathlib.Path(sys.base_prefix).resolve()
sys.exit(not all(folder.stat().st_mode & 1 for folder in (home, *home.parents)))
endef
export EVERYBODY

.PHONY: help setup dev run test fmt lint type pytest bench soak fuzz clean install install-named install-files uninstall user tools peers stale

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r name what; do \
		printf '  make %-9s %s\n' "$$name" "$$what"; done

setup: .venv/.setup ## build .venv: wheels only, no compiler
	@:

dev: .venv/.dev ## .venv with what the tests need
	@:

run: setup user ## capture every NIC, show flows live (ARGS="--sample 10 …")
	@exec $(BIN)/flowherd $(ARGS)

test: dev tools ## lint, types, import contracts, all tests (TESTS="tests/worker -k vlan")
	@$(MAKE) -j1 lint type pytest

lint: dev ## ruff and the import contracts
	@$(BIN)/ruff check --quiet --output-format concise
	@$(BIN)/ruff format --check --quiet || { echo 'lint: not formatted as ruff would: make fmt' >&2; exit 1; }
	@out=$$($(BIN)/lint-imports --no-cache 2>&1) || { echo "$$out" >&2; exit 1; }

type: dev ## mypy, strict
	@$(BIN)/mypy

pytest: dev
	@$(BIN)/python -m pytest $(or $(TESTS),--numprocesses 2 --dist loadfile --ignore tests/system)
	@$(if $(TESTS),:,$(BIN)/python -m pytest tests/system)

fmt: dev ## format, and fix what ruff can fix
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

fuzz: dev ## fuzz one target for a while (TARGET=http MINUTES=20); packets, dns, dhcp, radius, http, postgres, tls, quic
	@$(PIP) install $(WHEELS) --editable '.[fuzz]'
	@NUMBA_DISABLE_JIT=1 exec $(BIN)/python -W ignore -m tests.fuzz.run $(or $(TARGET),packets) --minutes $(or $(MINUTES),20)

bench: .venv/.bench peers ## measure speed and memory beside other probes (ARGS="--only replay --quick")
	@exec $(BIN)/python bench/run.py $(ARGS)

soak: dev ## an hour of load and faults, root (ARGS="--minutes 5 --pps 20000 --write docs/soak.md")
	@exec $(BIN)/python -m bench.soak $(ARGS)

install: .venv/.home ## install into PREFIX=/opt/flowherd, with a unit for systemd (DESTDIR=… for packages)
	@if [ -e "$(ROOT)" ] && [ ! -e "$(MARK)" ]; then \
		echo 'install: $(ROOT) is there and not from here; move it away, or choose another PREFIX' >&2; exit 1; fi
	@echo 'install: flowherd and what it needs into $(ROOT)'
	@made=$$(cat "$(MARK)" 2>/dev/null || :; $(ABSENT)); mkdir -p "$(ROOT)"; echo "$$made" >"$(MARK)"; \
	python=$$($(BIN)/python -c 'import sys; print(sys._base_executable)'); \
	$$python -m venv --clear --without-pip "$(ROOT)" || { \
		echo 'install: $(ROOT) could not be made; the lines above say why' >&2; exit 1; }; \
	echo "$$made" | sort -u >"$(MARK)"
	@$(PIP) --python "$(ROOT)/bin/python" install $(WHEELS) --no-compile '.[compressed,kentik,proxy,quic]' || { \
		echo 'install: pip could not install it; the lines above say why. Is there a way to a package index?' >&2; exit 1; }
	@$(MAKE) install-named install-files

# No file tells where it was put together: scripts by their first line, compiled modules, pip's note of the sources.
install-named:
	@rm -f "$(ROOT)"/lib/python*/site-packages/flowherd-*.dist-info/direct_url.json
	@grep -rlIF "$(ROOT)" "$(ROOT)/bin" "$(ROOT)/pyvenv.cfg" | xargs sed -i 's|$(ROOT)|$(PREFIX)|g'
	@"$(ROOT)/bin/python" -m compileall -qq -j 0 -s "$(ROOT)" -p "$(PREFIX)" "$(ROOT)/lib" || :

install-files:
	@made=$$(cat "$(MARK)" 2>/dev/null || :; $(ABSENT)); \
	mkdir -p $(FOLDERS) "$(DOCS)/adr" "$(ROOT)/etc"; echo "$$made" | sort -u >"$(MARK)"
	@install -m 644 README.md LICENSE "$(ROOT)"
	@install -m 644 $(wildcard docs/*.*) "$(DOCS)"; install -m 644 $(wildcard docs/adr/*) "$(DOCS)/adr"
	@install -m 644 etc/flowherd.toml "$(ROOT)/etc"
	@sed 's|/opt/flowherd|$(PREFIX)|g' etc/flowherd.service >"$(UNIT)"; chmod 644 "$(UNIT)"
	@install -m 644 etc/flowherd.sysusers "$(SYSUSERS)"
	@install -m 644 etc/flowherd.tmpfiles "$(TMPFILES)"
	@ln -sfn "$(PREFIX)/bin/flowherd" "$(LINK)"
	@[ -e "$(CONFIG)/flowherd.toml" ] || install -m 644 etc/flowherd.toml "$(CONFIG)/flowherd.toml"
	@[ -e "$(CONFIG)/flowherd.env" ] || install -m 600 etc/flowherd.env "$(CONFIG)/flowherd.env"
	@echo 'install: done; settings are in $(CONFIG). $(if $(DESTDIR),Where it is unpacked,Next): systemd-sysusers;'
	@echo '         systemd-tmpfiles --create flowherd.conf; systemctl daemon-reload; flowherd check;'
	@echo '         systemctl enable --now flowherd'

uninstall: ## remove what `make install` installed, and nothing else
	@if [ -e "$(ROOT)" ] && [ ! -e "$(MARK)" ]; then \
		echo 'uninstall: $(ROOT) is not from `make install`; it stays' >&2; exit 1; fi
	@made=$$(cat "$(MARK)" 2>/dev/null || :); \
	rm -rf "$(ROOT)"; rm -f "$(UNIT)" "$(SYSUSERS)" "$(TMPFILES)"; \
	if [ "$$(readlink "$(LINK)")" = "$(PREFIX)/bin/flowherd" ]; then rm -f "$(LINK)"; fi; \
	for file in flowherd.toml flowherd.env; do \
		if cmp -s "etc/$$file" "$(CONFIG)/$$file"; then rm -f "$(CONFIG)/$$file"; fi; done; \
	sort -r <<<"$$made" | while read -r folder; do \
		if [ -n "$$folder" ]; then rmdir "$(DESTDIR)$$folder" 2>/dev/null || :; fi; done
	@echo 'uninstall: gone. Settings that were edited, records, compiled kernels and the user stay:'
	@echo '           $(CONFIG), $(DESTDIR)/var/lib/flowherd, $(DESTDIR)/var/cache/flowherd; userdel flowherd'

clean: ## remove .venv and every cache
	@rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

stale:

# Everybody must be able to run the Python taken: workers are not root, and a Python in root's home is closed to them.
.venv/.home: $(STALE)
	@python=; closed=; lame=; \
	for name in $${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3 /usr/bin/python3}; do \
		$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		$$name -c 'import venv, ensurepip' 2>/dev/null || { lame=$${lame:-$$name}; continue; }; \
		$$name -c "$$EVERYBODY" && { python=$$name; break; } || closed=$${closed:-$$name}; \
	done; \
	python=$${python:-$$closed}; \
	if [ -z "$$python" ] && [ -n "$$lame" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		package=$$($$lame -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		echo "setup: installing the Debian package $$package, which $$lame needs to build .venv"; \
		apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$package >/dev/null; \
		python=$$lame; \
	fi; \
	if [ -z "$$python" ] && [ -n "$$lame" ]; then \
		echo "setup: $$lame has no venv module; install it (Debian: apt-get install python3-venv)" >&2; exit 1; \
	elif [ -z "$$python" ]; then \
		echo 'setup: no Python 3.11 or newer found; install one, or name it: make setup PYTHON=/path/to/python3' >&2; exit 1; \
	fi; \
	rm -rf .venv; $$python -m venv .venv; echo "$(CURDIR)" >$@

.venv/.setup: .venv/.home pyproject.toml constraints.txt
	@echo "setup: installing flowherd and what it needs into .venv ($$($(BIN)/python -V))"
	@$(PIP) install $(WHEELS) --editable '.[compressed,kentik,proxy,quic]' || { \
		echo 'setup: pip could not install it; the lines above say why. Is there a way to a package index?' >&2; exit 1; }
	@touch $@

.venv/.dev: .venv/.setup
	@echo 'setup: adding what the tests need to .venv'
	@$(PIP) install $(WHEELS) --editable '.[compressed,dev,kentik,proxy,quic]'
	@touch $@

.venv/.bench: .venv/.dev
	@echo 'setup: adding what the pictures of the benchmarks need to .venv'
	@$(PIP) install $(WHEELS) --editable '.[bench,compressed,dev,kentik,proxy,quic]'
	@touch $@

# Root opens the sockets; everything that reads a packet runs as this user.
user:
	@if [ "$$(id -u)" = 0 ] && ! id -u flowherd >/dev/null 2>&1; then \
		echo 'run: adding the system user flowherd, as whom workers and exporter run'; \
		useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin flowherd; \
	fi

tools: PACKAGES := $(DEBIAN)
tools: WHAT := test
tools: WITHOUT := tests that need them are skipped
peers: PACKAGES := $(DEBIAN) $(PEERS)
peers: WHAT := bench
peers: WITHOUT := what they would be measured for is left out
tools peers:
	@missing=; for pair in $(PACKAGES); do \
		PATH="$$PATH:/usr/sbin:/sbin" command -v $${pair%%:*} >/dev/null || missing+=" $${pair##*:}"; done; \
	missing=$$(tr ' ' '\n' <<<"$$missing" | sort -u | xargs); \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "$(WHAT): installing Debian packages: $$missing"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$missing; } \
			>/dev/null || echo "$(WHAT): they could not be installed; $(WITHOUT)" >&2; \
	else \
		echo "$(WHAT): not installed: $$missing; $(WITHOUT)" >&2; \
	fi
