# A thin front over meson and ninja; "make help" lists what there is. Every target installs what it lacks from Debian.
FUZZ_SECONDS ?= 20
MATRIX_MESSAGES ?= 10000
SEEDS ?= 1000
SEED_FROM ?= 1
CUTS ?= 100
ROUNDS ?= 100
FS ?= ext4,xfs,ext2
DATA ?= data
BENCH_DIR ?= build/bench
export FUZZ_SECONDS MATRIX_MESSAGES

# Without -Werror: gcc warns of its own instrumentation.
SANITIZE = -Db_lundef=false
TESTED = unit corpus sim wire clients newcomer commands disk matrix

.PHONY: help run release test test-clients tidy matrix sim powercut killloop copyloop failnth planted fuzz \
	asan tsan ubsan bench bench-store bench-kafka clean

help:
	@echo 'make run      build a release binary and start the broker on the default ports, data in ./$(DATA)'
	@echo 'make test     everything that can fail: units, wire, corpora, clients, newcomer, matrix'
	@echo 'make test-clients  more Kafka clients: those of Maven Central, PyPI and Go modules, and the slow ones of npm'
	@echo 'make tidy     the house rules: layers, sizes, banned calls, headers'
	@echo 'make matrix   four clients publish, four receive, live and after kill -9'
	@echo 'make sim      engine and store on a simulated disk that fails: SEEDS ($(SEEDS)) runs; SEED=k shows one'
	@echo 'make powercut  the power goes CUTS ($(CUTS)) times while clients of all doors work, on FS ($(FS)); as root'
	@echo 'make killloop  kill -9 and SIGSTOP, ROUNDS ($(ROUNDS)) times, under the same clients'
	@echo 'make copyloop  kill -9 under a transactional copier, ROUNDS ($(ROUNDS)) times'
	@echo 'make failnth   each allocation, write, sync, open, rename and thread start of a scenario fails once'
	@echo 'make planted   programs with one durability bug each: the simulator and the power cuts must find it'
	@echo 'make fuzz     every fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo 'make asan     tests under AddressSanitizer; also make ubsan, make tsan'
	@echo 'make bench    speed against the disk, and against RabbitMQ where installed'
	@echo 'make bench-store  the store alone against what disk and memory allow; QUICK=1 for under a minute'
	@echo 'make bench-kafka  Apache Kafka 4.2 (from Maven Central) and Myna in turn; QUICK=1 for a short form'
	@echo 'make clean    removes build/ (never your data)'

run:
	@tools/install-packages build
	@tools/build release -Dbuildtype=release
	@tools/run-hints
	@exec build/release/myna --data ./$(DATA)

release:
	@tools/install-packages build
	@tools/build release -Dbuildtype=release

test:
	@tools/install-packages test
	@tools/run-tests gcc clang tidy unit corpus sim wire clients page newcomer commands disk matrix power

# SUITES="java-4.2 franz": only those whose names have one of these parts.
test-clients:
	@tools/install-packages clients
	@tools/run-tests gcc foreign foreign-page

tidy:
	@tools/install-packages test
	@tools/tidy
	@tools/tidy_test | { ! grep -v -e '^ok' -e '^1\.\.'; }

matrix: release
	@tools/install-packages test
	@tools/npm-install
	@MYNA=build/release/myna node tests/clients/matrix.js

powercut: release
	@tools/install-packages test
	@tools/npm-install
	@MYNA=build/release/myna node tests/power/powercut.js $(CUTS) $(FS)

killloop: release
	@tools/install-packages test
	@tools/npm-install
	@MYNA=build/release/myna node tests/power/killloop.js $(ROUNDS)

copyloop: release
	@tools/install-packages test
	@tools/npm-install
	@MYNA=build/release/myna node tests/power/copyloop.js $(ROUNDS)

failnth: release
	@tools/install-packages test
	@tools/npm-install
	@MYNA=build/release/myna node tests/power/failnth.js

sim: release
	@build/release/sim $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --from $(SEED_FROM))

planted: release
	@tools/install-packages test
	@tools/npm-install
	@MYNA=build/release/myna node tests/power/planted.js

fuzz:
	@tools/install-packages test
	@CC=clang tools/build fuzz -Dfuzz=true -Dprogram=false -Db_lundef=false -Db_sanitize=address,undefined \
		-Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=undefined -fno-sanitize=pointer-overflow'
	@tools/fuzz

asan:
	@tools/install-packages test
	@tools/run-tests --build asan "-Db_sanitize=address $(SANITIZE)" $(TESTED)

ubsan:
	@tools/install-packages test
	@tools/run-tests --build ubsan "-Db_sanitize=undefined -Dc_args=-fno-sanitize-recover=undefined $(SANITIZE)" $(TESTED)

tsan:
	@tools/install-packages test
	@tools/run-tests --build tsan "-Db_sanitize=thread $(SANITIZE)" $(TESTED)

bench: release
	@tools/install-packages bench
	@bench/run

# BENCH_DIR: another file system; QUICK=1: under a minute. bench/store/plot draws docs/store.svg from what it found.
bench-store: release
	@tools/install-packages bench
	@mkdir -p build/bench $(BENCH_DIR)
	@build/release/store_bench $(if $(QUICK),--quick) --dir $(BENCH_DIR)/store --json build/bench/store.json $(PARTS)

# POINTS="latency many": only the points whose names have one of these words in.
bench-kafka: release
	@tools/install-packages bench-kafka
	@bench/kafka/jars
	@bench/kafka/run $(POINTS)

clean:
	rm -rf build
