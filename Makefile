# make demo: build alunite and map a scene that it makes itself
# make test: everything that CI checks

# Cargo needs what these install; on Debian and Ubuntu they install themselves.
BUILD_PACKAGES := libgdal-dev pkg-config
TEST_PACKAGES := mesa-vulkan-drivers libvulkan1

# A GPU test that finds no adapter must fail here. Mesa complains without a folder for sockets that are never made.
TEST_ENV := ALUNITE_GPU=require XDG_RUNTIME_DIR=$(or $(XDG_RUNTIME_DIR),/tmp)

.PHONY: demo test build-packages test-packages

demo: build-packages
	cargo build --release --locked
	target/release/alunite demo --out demo --overwrite

test: build-packages test-packages
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
	$(TEST_ENV) cargo test --locked

build-packages:
	@sh .ci/packages $(BUILD_PACKAGES)

test-packages:
	@sh .ci/packages $(TEST_PACKAGES)
