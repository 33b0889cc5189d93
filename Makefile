# Two commands set everything up: `make quickstart` (a lab that really runs) and `make test`.

PREFIX ?= /usr/local
DESTDIR ?=
PROGRAMS = vmlab vmlab-machine vmlab-network vmlab-carrier-init vmlab-leash
RELEASE = .build/release
SHELL = /bin/bash

# Debian's names. They are installed only where they are missing; as an ordinary user, missing ones are named.
BUILD_PACKAGES = libarchive-dev libssl-dev libyaml-dev pkg-config zlib1g-dev
RUN_PACKAGES = mmdebstrap passt python3-pip
TEST_PACKAGES = acpica-tools bind9-dnsutils busybox-static bzip2 chromium cpio dhcpcd-base dmidecode dnsmasq-base dosfstools \
  e2fsprogs fonts-dejavu-core gdisk graphviz iproute2 iputils-ping isc-dhcp-client kea-admin libarchive-tools lz4 mtools ndisc6 procps qemu-utils \
  strace tcpdump tmux tshark xz-utils zstd
BENCH_PACKAGES = ethtool iperf3 iproute2 openssl procps socat vde2

.PHONY: build test menagerie bench fuzz poke quickstart install clean build-packages run-packages test-packages bench-packages qemu

build: build-packages
	swift build -c release
	$(MAKE) -C Images/pulse
	$(MAKE) -C Images/mach-task

test: build-packages run-packages test-packages qemu
	swift build -c release --build-tests
	swift build -c release
	$(MAKE) -C Images/pulse
	$(MAKE) -C Images/mach-task
	@mkdir -p .build
	@set -o pipefail; swift test -c release --skip-build 2>&1 | tee .build/test.log; status=$$?; \
	  [ $$status = 0 ] || { echo; echo "what failed (all of it is in .build/test.log):"; grep '^✘' .build/test.log; }; exit $$status

# Labs/menagerie as a whole: nineteen systems at once, each judged by what it says. A quarter of an hour, images included. Then Labs/install
# and Labs/netboot.
# VMLAB_REWRITE_GOLDENS=1 writes what was seen to the table of guests in the README; without it, the two are compared.
menagerie: build-packages run-packages test-packages qemu
	swift build -c release --build-tests
	swift build -c release
	$(MAKE) -C Images/pulse
	$(MAKE) -C Images/mach-task
	VMLAB_MENAGERIE=1 swift test -c release --skip-build --filter 'of many systems|of systems that'

# libFuzzer against everything that guests send to the bridge's services: some minutes for each target.
fuzz:
	Tests/Fuzz/run

# A guest that pokes at all of its machine, for ten minutes: VMLAB_POKER_SECONDS=60 make poke for less.
poke: build-packages
	swift build -c release --build-tests
	VMLAB_POKER_SECONDS=$${VMLAB_POKER_SECONDS:-600} swift test -c release --skip-build --filter 'H44 survives'

bench: build run-packages test-packages bench-packages qemu
	$(RELEASE)/vmlab-bench

quickstart: build-packages run-packages qemu build
	Labs/quickstart/run $(RELEASE)/vmlab

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/vmlab $(DESTDIR)$(PREFIX)/share/vmlab/images
	install $(RELEASE)/vmlab $(DESTDIR)$(PREFIX)/bin/
	install $(addprefix $(RELEASE)/,$(filter-out vmlab,$(PROGRAMS))) $(DESTDIR)$(PREFIX)/libexec/vmlab/
	for folder in Images/*; do \
	  target=$(DESTDIR)$(PREFIX)/share/vmlab/images/$$(basename $$folder); \
	  (cd $$folder && find . -name '.build' -prune -o -name Sources -prune -o -name Entry -prune -o -type f \
	    ! -name Makefile ! -name '*.ld' ! -name '*.S' -print) | while read -r file; do \
	    if [ -x $$folder/$$file ]; then mode=755; else mode=644; fi; install -D -m $$mode $$folder/$$file $$target/$$file; \
	  done; \
	done

clean:
	rm -rf .build Package.resolved
	$(MAKE) -C Images/pulse clean
	$(MAKE) -C Images/mach-task clean

# $(call need,PACKAGES): installs what is missing. apt's lists are fetched only when something is.
define need
	@missing=$$(for package in $(1); do \
	    dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed || echo $$package; done); \
	  if [ -n "$$missing" ]; then \
	    if [ "$$(id -u)" != 0 ]; then echo "missing packages, to be installed as root: apt-get install" $$missing >&2; exit 77; fi; \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	  fi
endef

build-packages:
	$(call need,$(BUILD_PACKAGES))

run-packages:
	$(call need,$(RUN_PACKAGES))

test-packages:
	$(call need,$(TEST_PACKAGES))

bench-packages:
	$(call need,$(BENCH_PACKAGES))

# The carrier wants QEMU >= 10. Debian 12 has it in bookworm-backports, at the archive that apt already uses.
qemu:
	@version=$$(qemu-system-x86_64 --version 2>/dev/null | sed -n '1s/.*version \([0-9]*\).*/\1/p'); \
	if [ "$${version:-0}" -ge 10 ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then \
	  echo "QEMU >= 10 is missing, to be installed as root: apt-get install qemu-system-x86 (Debian 12: from bookworm-backports)" >&2; \
	  [ "$${version:-0}" -gt 0 ]; exit; \
	fi; \
	. /etc/os-release; release=; \
	if [ "$$VERSION_CODENAME" = bookworm ]; then \
	  apt-get update -q; \
	  archive=$$(apt-get indextargets --format '$$(REPO_URI)' 'Codename: bookworm' | head -n 1); \
	  printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
	    "$$archive" >/etc/apt/sources.list.d/vmlab-backports.sources; \
	  release="-t bookworm-backports"; \
	fi; \
	apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$release qemu-system-x86
