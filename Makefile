# make demo    a recording is synthesized, ingested, summarised into a noise log, drawn and reported, in ./demo
# make test    every test, with a software GPU
# make test-swiftshader   the GPU tests on a second software GPU (on Debian, from its package of Chromium)
# make lint    formatting, clippy and `make deny`
# make deny    licences, sources, bans and known vulnerabilities of dependencies
# make reproducible   builds the commit in two folders and compares the programs; most of an hour
# make image   the container image, by docker, podman or buildah; make image-mesa adds the drivers for AMD and Intel
# make test-container   builds both without a registry, and runs their tests with podman (on Debian, as root)
# make bench   benchmarks of kernels, commands and whole flows; make peer compares with distpy and scipy
# make gpu-bundle   the programs with which benches/gpu.sh tests and measures a GPU on a machine without cargo
# make trust   every operation on files fails or is a process's last, in every module, and 10,000 random recordings; hours
# make fuzz    each reader of files on damaged ones, ten minutes each (needs rustup's nightly toolchain and cargo-fuzz)
# make miri    unit tests under Miri, which finds undefined behaviour in unsafe code (needs rustup's nightly toolchain)
# make bench-commands   compares single commands with distpy; make bench-pictures its thumbnails
#
# All of them build in the release profile, so that dependencies (HDF5 among them, from source) are compiled once.

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET_DIR)/release/distpy-gpu
TEST_TOOLS := $(abspath $(TARGET_DIR)/test-tools)
PEER_VENV := $(TARGET_DIR)/peer-venv
CONTAINER_VENV := $(TARGET_DIR)/container/venv
TEST_VENV := $(abspath $(TARGET_DIR))/test-venv
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY_ROOT := $(abspath $(TARGET_DIR))/cargo-tools/cargo-deny-$(CARGO_DENY_VERSION)
CARGO_DENY := $(CARGO_DENY_ROOT)/bin/cargo-deny
DISTPY_GPU := $(BINARY) -c docs/examples/system.json

ENGINE ?= $(notdir $(firstword $(foreach engine,docker podman buildah,$(shell command -v $(engine)))))
VERSION := $(shell sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)

# How `make test-container` builds: `full` compiles in the image's build stage, `quick` ships the program that cargo made here.
CONTAINER_BUILD ?= full
# Optimisation level of `full`; empty for that of the release profile.
CONTAINER_OPT_LEVEL ?=

# Software Vulkan complains on stderr where there is none, as for root.
export XDG_RUNTIME_DIR ?= /tmp

# A second implementation of Vulkan, whose limits, sines and roundings are other than Mesa's.
SWIFTSHADER := $(abspath $(TARGET_DIR)/swiftshader)
SWIFTSHADER_DRIVER := $(SWIFTSHADER)/usr/lib/chromium/vk_swiftshader_icd.json

.PHONY: help demo build test trust test-swiftshader lint deny reproducible bench peer gpu-bundle bench-commands bench-pictures fuzz miri image image-mesa test-container setup-build setup-test setup-container

help:
	@sed -n '/^# make/s/^# //p' Makefile

demo: build
	@mkdir -p demo
	$(DISTPY_GPU) -m synthesize -o demo/recording.sgy
	$(DISTPY_GPU) -m segy_ingest -f demo/recording.sgy -o demo/chunks
	$(DISTPY_GPU) -m strainrate2summary
	$(DISTPY_GPU) -m ingest_witsml -f demo/results -o demo/curves
	$(BINARY) -c docs/examples/plots_system.json -m plotgenerator
	$(BINARY) -c docs/examples/more_plots_system.json -m plotgenerator
	$(DISTPY_GPU) -m report -f demo/pictures
	@echo
	@echo "The recording is demo/recording.sgy, its one-second chunks are in demo/chunks,"
	@echo "and a noise log for each chunk is in demo/results/NoiseLog. What they say:"
	@echo
	@awk -f docs/examples/loudest.awk demo/results/NoiseLog/*.fbe
	@echo
	@echo "The flow past 1400 m is loud below 400 Hz; above, it is noise of the instrument, everywhere alike."
	@echo "demo/pictures/ALL_BANDS.png shows it; demo/results/report.html is the whole run as one page."
	@echo "The recipe is in docs/examples/system.json, the commands are in docs/examples/noiselog.json."

build: setup-build
	$(CARGO) build --release

# GPU tests need a Vulkan adapter, tests of manifests kustomize, those of the report's page a browser, and those of what other programs read Python;
# without them they are skipped, or fail with DISTPY_GPU_TESTS=require.
test: setup-build setup-test
	-sh tests/kubernetes/tools.sh $(TEST_TOOLS)
	@test -x $(TEST_VENV)/bin/python || python3 -m venv $(TEST_VENV)
	@$(TEST_VENV)/bin/pip install --quiet -r tests/requirements.txt || echo "Found no Python packages to read results with" >&2
	DISTPY_GPU_TEST_TOOLS=$(TEST_TOOLS) DISTPY_GPU_TEST_PYTHON=$(TEST_VENV)/bin/python $(CARGO) test --release --no-fail-fast

trust: setup-build setup-test
	DISTPY_GPU_TESTS=require DISTPY_GPU_FAULTS=all $(CARGO) test --release --test it --no-fail-fast -- faults:: --nocapture
	DISTPY_GPU_LAWS=10000 $(CARGO) test --release --test it --no-fail-fast -- laws:: --nocapture
	DISTPY_GPU_GRAPHS=100000 $(CARGO) test --release --test it --no-fail-fast -- graphs:: --nocapture

test-swiftshader: setup-build setup-test $(SWIFTSHADER_DRIVER)
	VK_DRIVER_FILES=$(SWIFTSHADER_DRIVER) VK_ICD_FILENAMES=$(SWIFTSHADER_DRIVER) \
		$(CARGO) test --release --test it -- golden:: commands:: gpu_kernels gpu_fft gpu_flows gpu_accuracy

$(SWIFTSHADER_DRIVER):
	mkdir -p $(SWIFTSHADER)
	@[ "$$(id -u)" = 0 ] || sudo=sudo; cd $(SWIFTSHADER) && \
		{ apt-get download -qq chromium-common 2>/dev/null || { $$sudo apt-get update -qq && apt-get download -qq chromium-common; }; } && \
		dpkg -x chromium-common_*.deb . && rm chromium-common_*.deb

lint: setup-build deny
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets -- -D warnings
	$(CARGO) clippy --release --test container -- -D warnings

# The advisory database is a repository of its own, which some networks do not reach; all other checks need no network.
deny: $(CARGO_DENY)
	@online=advisories; \
	$(CARGO_DENY) --log-level off fetch db || { online=; echo "Skipped advisories: the advisory database cannot be reached" >&2; }; \
	for manifest in Cargo.toml tests/fuzz/Cargo.toml benches/wgsl_fft/Cargo.toml; do \
		echo "$$manifest:"; \
		$(CARGO_DENY) --config deny.toml --manifest-path $$manifest --locked check \
			--allow license-exception-not-encountered bans licenses sources $$online || exit 1; \
	done

# Without optimisation and debug information, it is compiled in less than two minutes.
$(CARGO_DENY): | setup-build
	CARGO_PROFILE_DEV_DEBUG=0 $(CARGO) install --quiet --locked --debug --root $(CARGO_DENY_ROOT) cargo-deny@$(CARGO_DENY_VERSION)

# Programs are compared as they are shipped. LLVM puts hashes of code before optimisation into names of local symbols, and there the
# order of a few operands depends on addresses in memory; the linker's build ID is a hash of these names. Code and data are equal.
STRIP := strip --remove-section=.note.gnu.build-id

# The second build has other folders for the checkout, for what cargo downloads and for results, and a longer name for each.
REPRODUCIBLE := $(abspath $(TARGET_DIR))/reproducible
REPRODUCIBLE_SECOND := $(REPRODUCIBLE)/a/longer/folder
CARGO_DOWNLOADS := $(or $(CARGO_HOME),$(HOME)/.cargo)/registry

reproducible: setup-build
	rm -rf $(REPRODUCIBLE)
	mkdir -p $(REPRODUCIBLE)/one $(REPRODUCIBLE_SECOND) $(REPRODUCIBLE)/another-cargo-home/registry
	for folder in $(REPRODUCIBLE)/one $(REPRODUCIBLE_SECOND); do git archive HEAD | tar -x -C $$folder || exit 1; done
	$(CARGO) fetch --quiet --locked
	ln -s $(CARGO_DOWNLOADS)/cache $(CARGO_DOWNLOADS)/index $(REPRODUCIBLE)/another-cargo-home/registry/
	cd $(REPRODUCIBLE)/one && env -u CARGO_TARGET_DIR $(CARGO) build --release --locked
	cd $(REPRODUCIBLE_SECOND) && CARGO_HOME=$(REPRODUCIBLE)/another-cargo-home CARGO_TARGET_DIR=$(REPRODUCIBLE)/results \
		$(CARGO) build --release --locked
	$(STRIP) -o $(REPRODUCIBLE)/one/distpy-gpu $(REPRODUCIBLE)/one/target/release/distpy-gpu
	$(STRIP) -o $(REPRODUCIBLE_SECOND)/distpy-gpu $(REPRODUCIBLE)/results/release/distpy-gpu
	sha256sum $(REPRODUCIBLE)/one/distpy-gpu $(REPRODUCIBLE_SECOND)/distpy-gpu
	cmp $(REPRODUCIBLE)/one/distpy-gpu $(REPRODUCIBLE_SECOND)/distpy-gpu

bench: setup-build
	$(CARGO) bench

peer: build
	test -x $(PEER_VENV)/bin/python || python3.11 -m venv $(PEER_VENV)
	$(PEER_VENV)/bin/pip install --quiet -r benches/requirements.txt
	$(PEER_VENV)/bin/python benches/peer.py --binary $(BINARY)

# The last line of `cargo test --no-run` names the program.
gpu-bundle: build
	mkdir -p $(TARGET_DIR)/gpu-bundle
	cp $(BINARY) $(TARGET_DIR)/gpu-bundle/
	cp "$$($(CARGO) test --release --test it --no-run 2>&1 | sed -n 's/.*(\(.*\)).*/\1/p' | tail -1)" $(TARGET_DIR)/gpu-bundle/tests
	CARGO_TARGET_DIR=$(abspath $(TARGET_DIR)) $(CARGO) build --release --manifest-path benches/wgsl_fft/Cargo.toml
	cp $(TARGET_DIR)/release/compare-wgsl-fft $(TARGET_DIR)/gpu-bundle/
	for program in $(TARGET_DIR)/gpu-bundle/*; do $(STRIP) $$program || exit 1; done
	tar -czf $(TARGET_DIR)/gpu-bundle.tar.gz -C $(TARGET_DIR) gpu-bundle

# The last line of `cargo bench --no-run` names the program.
bench-commands: setup-build
	test -x $(PEER_VENV)/bin/python || python3.11 -m venv $(PEER_VENV)
	$(PEER_VENV)/bin/pip install --quiet -r benches/requirements.txt
	$(PEER_VENV)/bin/python benches/commands.py --bench "$$($(CARGO) bench --bench commands --no-run 2>&1 | \
		sed -n 's/.*(\(.*\)).*/\1/p' | tail -1)"

bench-pictures: setup-build
	test -x $(PEER_VENV)/bin/python || python3.11 -m venv $(PEER_VENV)
	$(PEER_VENV)/bin/pip install --quiet -r benches/requirements.txt
	$(PEER_VENV)/bin/python benches/pictures.py --bench "$$($(CARGO) bench --bench pictures --no-run 2>&1 | \
		sed -n 's/.*(\(.*\)).*/\1/p' | tail -1)"

image:
	$(call build-image,runtime,distpy-gpu:$(VERSION))

image-mesa:
	$(call build-image,runtime-mesa,distpy-gpu:$(VERSION)-mesa)

define build-image
@test -n "$(ENGINE)" || { echo "Install docker, podman or buildah first" >&2; exit 1; }
$(ENGINE) build --file docker/Dockerfile --target $(1) --tag $(2) --build-arg VERSION=$(VERSION) \
	--build-arg REVISION="$$(git rev-parse HEAD)" --build-arg CREATED="$$(git log -1 --format=%cI)" .
endef

test-container: setup-build setup-container
	sh tests/kubernetes/tools.sh $(TEST_TOOLS)
	CONTAINER_OPT_LEVEL=$(CONTAINER_OPT_LEVEL) docker/registry-free.sh $(CONTAINER_BUILD)
	CONTAINERS_CONF="$(abspath $(TARGET_DIR))/container/containers.conf" DISTPY_GPU_TEST_TOOLS=$(TEST_TOOLS) \
		$(CARGO) test --release --test container -- --show-output

# What is found lies in tests/fuzz/artifacts; inputs that reach new code are added to tests/fuzz/corpus. The target hdf5 changes sound files.
# That of any bytes, hdf5_bytes, is not among them: HDF5's own library does not come to an end with some damaged heaps of texts.
FUZZ_TARGETS ?= segy tdms hdf5 npy csv las witsml zarr json arguments onnx numbers graphs
FUZZ_SECONDS ?= 600
FUZZ_SEEDS := $(TARGET_DIR)/fuzz-seeds

fuzz: setup-build
	python3 tests/fuzz/seeds.py $(FUZZ_SEEDS)
	for target in $(FUZZ_TARGETS); do \
		mkdir -p tests/fuzz/corpus/$$target $(FUZZ_SEEDS)/$$target && \
		$(CARGO) +nightly fuzz run --fuzz-dir tests/fuzz --features hdf5 $$target tests/fuzz/corpus/$$target $(FUZZ_SEEDS)/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=32768 -malloc_limit_mb=256 -timeout=10 || exit 1; \
	done

# Unsafe code that Miri can run, and code that hands bytes to the unsafe code of others. SECURITY.md lists what it cannot run. By
# default, Miri adds rounding errors to functions whose accuracy Rust does not specify, which tests of exact numbers refuse.
MIRI_TESTS ?= execute::cpu command:: formats::mapped formats::segy formats::tdms

miri:
	rustup component add --toolchain nightly miri rust-src
	MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-deterministic-floats" $(CARGO) +nightly miri test --no-default-features --lib -- $(MIRI_TESTS)

# HDF5 needs cmake 3.26 or later; without one .cargo/cmake.sh fetches it, for which python3 must make virtual environments.
setup-build:
	@command -v $(CARGO) >/dev/null || { echo "Install Rust first: https://rustup.rs" >&2; exit 1; }
	@missing=; \
	command -v cc >/dev/null || missing="$$missing gcc libc6-dev"; \
	sh .cargo/cmake.sh --version >/dev/null 2>&1 || missing="$$missing python3-venv"; \
	$(install)

setup-test:
	@missing=; \
	/sbin/ldconfig -p | grep -q 'libvulkan\.so\.1' || missing="$$missing libvulkan1"; \
	[ -n "$$VK_DRIVER_FILES$$VK_ICD_FILENAMES" ] || ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1 \
		|| missing="$$missing mesa-vulkan-drivers"; \
	python3 -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	needed=no; $(install)
	@[ -z "$$DISTPY_GPU_CHROMIUM" ] || exit 0; \
	for browser in chromium-headless-shell chromium chromium-browser google-chrome; do \
		command -v $$browser >/dev/null && exit 0; \
	done; \
	missing=" chromium-headless-shell"; needed=no; ($(install)) || echo "Found no browser for the tests of the report's page" >&2

setup-container:
	@missing=; \
	for tool in podman buildah runc mmdebstrap; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	[ -x /usr/lib/podman/netavark ] || missing="$$missing netavark"; \
	python3 -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	[ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$$missing ca-certificates"; \
	$(install)
	@test -x $(CONTAINER_VENV)/bin/python || python3 -m venv $(CONTAINER_VENV)
	@$(CONTAINER_VENV)/bin/pip install --quiet -r tests/container/requirements.txt

# Installs the Debian packages in $missing. Elsewhere says what they are, and fails unless `needed=no`.
define install
[ -n "$$missing" ] || exit 0; \
if command -v apt-get >/dev/null; then \
	echo "Installing$$missing"; \
	[ "$$(id -u)" = 0 ] || sudo=sudo; \
	$$sudo apt-get update -qq && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
else \
	echo "Please install what Debian calls$$missing" >&2; \
	[ "$$needed" = no ]; \
fi
endef
