# make demo   build and read a committed capture
# make test   run all tests
# make matrix what was said against what was true, over all captures
# The first two install what the build needs, with sudo where it is there.

CARGO ?= cargo

.PHONY: demo test matrix bench performance instructions deps test-deps fmt lint doc captures

demo: deps
	$(CARGO) build --release --quiet
	@$(CARGO) run --release --quiet -- read captures/demo.pcapng

test: deps test-deps
	$(CARGO) test --workspace

matrix: deps
	@$(CARGO) test --quiet --test confusion the_matrix -- --nocapture

# Times mqttcap beside tcpdump, capinfos, tshark and a plain read, on captures that it generates.
bench: deps
	$(CARGO) bench --bench peers

# The same, written into docs/performance.md; memory on 10 GB, too.
performance: deps
	$(CARGO) bench --bench peers -- 1000 5 huge write

# Records the instruction counts that `.ci/run` compares with.
instructions: deps
	@./.ci/install valgrind
	$(CARGO) bench --bench instructions -- record

# libpcap's headers: for capturing on an interface.
deps:
	@./.ci/install libpcap

# tshark: what mqttcap decodes is compared with it. Tests that need it say so and skip without it.
test-deps:
	@./.ci/install tshark || echo "tshark could not be installed: the tests that compare with it are skipped"

fmt:
	$(CARGO) fmt --all

lint:
	$(CARGO) clippy --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps

# Makes the captures anew, with real brokers and clients in network namespaces (root, Linux).
captures:
	captures/make
