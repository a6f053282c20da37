# make demo: build alunite and map a scene that it makes itself
# make test: everything that CI checks
# make test-postgis: target areas in a PostGIS, which it installs and starts
# make fuzz: RUNS executions of every fuzz target; needs nightly and cargo-fuzz, see docs/fuzzing.md
# make test-ecosystem: what rio-cogeo, pystac, GDAL and QGIS say of the demo's maps; installs the first two, uses the others
#   where they are
# make bench: speed and memory beside rivals, which it installs; half an hour and 25 GB of disk

# Cargo needs what these install; on Debian and Ubuntu they install themselves.
BUILD_PACKAGES := libgdal-dev libhdf5-dev pkg-config
TEST_PACKAGES := mesa-vulkan-drivers libvulkan1

# A GPU test that finds no adapter must fail here. Mesa complains without a folder for sockets that are never made.
TEST_ENV := ALUNITE_GPU=require XDG_RUNTIME_DIR=$(or $(XDG_RUNTIME_DIR),/tmp)

# A run beyond midnight stays in one file of results.
BENCH_ENV := ALUNITE_BENCH_DATE=$(shell date +%F) XDG_RUNTIME_DIR=$(or $(XDG_RUNTIME_DIR),/tmp)

.PHONY: demo test test-postgis test-ecosystem fuzz bench build-packages test-packages

demo: build-packages
	cargo build --release --locked
	target/release/alunite demo --out demo --overwrite

test: build-packages test-packages
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
	$(TEST_ENV) cargo test --locked

# A PostGIS server of the tests' own, on loopback.
test-postgis: build-packages
	@sh .ci/packages postgresql-15-postgis-3
	$(TEST_ENV) sh tests/ecosystem/postgis.sh

# Findings lie in fuzz/artifacts, whatever was worth keeping in fuzz/corpus. Parsers are safe Rust and need no sanitizer.
RUNS := 20000000
TARGETS := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

fuzz: build-packages
	cargo +nightly fuzz build --release -s none -a --no-trace-compares
	@for target in $(TARGETS); do \
	    mkdir -p fuzz/corpus/$$target fuzz/artifacts/$$target; \
	    echo "$$target, $(RUNS) executions"; \
	    cargo +nightly fuzz run --release -s none -a --no-trace-compares $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	        $$(ls fuzz/dictionaries/$$target.dict 2>/dev/null | sed 's/^/-dict=/') \
	        -runs=$(RUNS) -timeout=5 -rss_limit_mb=1024 -max_len=1024 -print_final_stats=1 || exit 1; \
	done

test-ecosystem: build-packages
	@sh .ci/packages python3-venv
	sh tests/ecosystem/install.sh
	cargo run --locked -- demo --out target/ecosystem/demo --overwrite
	target/ecosystem/bin/python tests/ecosystem/judge.py target/ecosystem/demo

# A rival that cannot be installed is left out of the comparison, and said so.
bench: build-packages
	-@sh .ci/packages python3-venv
	-@sh .ci/packages otb-bin
	sh benches/peers/install.sh
	$(BENCH_ENV) cargo bench --locked --bench kernels -- --record
	$(BENCH_ENV) cargo bench --locked --bench rivals -- --record
	$(BENCH_ENV) cargo bench --locked --bench pipeline -- --record
	$(BENCH_ENV) cargo bench --locked --bench region -- --record
	cargo bench --locked --bench readme

build-packages:
	@sh .ci/packages $(BUILD_PACKAGES)

test-packages:
	@sh .ci/packages $(TEST_PACKAGES)
