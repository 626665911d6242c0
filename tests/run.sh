#!/bin/sh
# Every test that CI runs, from a fresh Debian 12: installs what they need (apt, only what is missing), builds Release
# into build/ and AddressSanitizer + UBSan into build-asan/, and runs the tests of both. The last line is ctest's.
# Arguments go to both ctest runs (such as -R unit). FITFLEET_TEST_DATA: a folder of larger real data, optional.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. deploy/lib.sh

jobs=${FITFLEET_TEST_JOBS:-2}

unpack_data() {
    pack=../shared/data/dev.tar.zst
    if [ -n "${FITFLEET_TEST_DATA:-}" ]; then
        say "Test data: $FITFLEET_TEST_DATA"
    elif [ -f "$pack" ]; then
        if [ ! -e build/testdata/.unpacked ]; then
            say "Unpacking the test data into build/testdata"
            as_caller mkdir -p build/testdata
            as_caller tar --zstd -xf "$pack" -C build/testdata --strip-components=1 --no-same-owner
            as_caller touch build/testdata/.unpacked
        fi
        export FITFLEET_TEST_DATA="$root/build/testdata"
    else
        say "Test data: none ($pack); tests on it are skipped"
    fi
}

build() {
    say "Building $1 into $2/"
    as_caller cmake --preset "$1" -DFITFLEET_TESTS=ON >/dev/null
    as_caller cmake --build "$2" -j "$jobs"
}

# Threads under ThreadSanitizer: the modules, and the built programs through a whole job, an
# interrupted one, scores and chaos.
test_threads() {
    options="exitcode=66 suppressions=$root/tests/tsan.supp"
    say "Tests under ThreadSanitizer"
    as_caller env TSAN_OPTIONS="$options" ctest --test-dir build-tsan --output-on-failure -j "$jobs" -L 'unit|integration'
    as_caller env FITFLEET_BIN="$root/build-tsan/bin" TSAN_OPTIONS="$options" PYTHONDONTWRITEBYTECODE=1 \
        sh -c 'python3 tests/e2e/test_train.py Output Interrupted &&
               python3 tests/e2e/test_score.py Long.test_lines_of_many_blocks_are_in_the_order_of_the_rows &&
               python3 tests/e2e/test_errands.py Everywhere.test_nobody_repeats_or_refits_it'
    FITFLEET_BIN="$root/build-tsan/bin" TSAN_OPTIONS="$options" PYTHONDONTWRITEBYTECODE=1 \
        python3 tests/chaos/chaos.py --seeds 1001-1002
}

install_packages build test
unpack_data
build release build
build asan build-asan
build fuzz build-fuzz
build tsan build-tsan
test_threads

say "Fuzzing: a fixed number of inputs for each target"
as_caller ctest --test-dir build-fuzz --output-on-failure -j "$jobs"

say "Tests under AddressSanitizer and UBSan"
as_caller env ${FITFLEET_TEST_DATA:+FITFLEET_TEST_DATA="$FITFLEET_TEST_DATA"} \
    ctest --test-dir build-asan --output-on-failure -j "$jobs" "$@"
say "Tests of the release build"
as_caller env ${FITFLEET_TEST_DATA:+FITFLEET_TEST_DATA="$FITFLEET_TEST_DATA"} \
    ctest --test-dir build --output-on-failure -j "$jobs" "$@"
