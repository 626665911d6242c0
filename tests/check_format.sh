#!/bin/sh
# Every source file is as clang-format 14 would write it (.clang-format). Exits 77, which CTest shows as skipped, where
# that version is missing: other versions disagree with it. `check_format.sh --fix` rewrites the files.
set -eu

cd "$(dirname "$0")/.."
formatter=$(command -v clang-format-14 || true)
if [ -z "$formatter" ]; then
    echo "skipped: clang-format-14 is not installed"
    exit 77
fi
mode='--dry-run --Werror'
[ "${1:-}" = --fix ] && mode=-i
# shellcheck disable=SC2086 # two words
find common coordinator worker tests -name '*.[ch]' -print0 | sort -z | xargs -0 "$formatter" $mode
