#!/bin/sh
# Numbers, for people: what the fleet costs beside the fits, beside process pools in the same minute. Nothing here fails
# because of a time. Pools from PyPI are compared where they are importable (pip install numpy pathos joblib).
#
#     tests/bench/run.sh [BUILD] [ROUNDS]      default: build 3
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build}
rounds=${2:-3}
python=${PYTHON:-python3}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

workload() { # TITLE TARGETS ROWS CPU_MS
    echo
    echo "$1: $2 targets, $3 rows, $4 ms of CPU each, 2 executors; median of $rounds"
    : >"$out/lines"
    for round in $(seq "$rounds"); do
        "$build/bin/fitfleet" bench --targets "$2" --rows "$3" --cpu-ms "$4" --slots 2 --format json |
            sed 's/^\[{/{"peer":"fitfleet (stored)",/; s/\]$//' >>"$out/lines"
        "$python" "$root/tests/bench/peers.py" --targets "$2" --rows "$3" --cpu-ms "$4" --slots 2 \
            >>"$out/lines" 2>"$out/missing"
    done
    "$python" - "$out/lines" <<'PY'
import json, statistics, sys
runs = {}
for line in open(sys.argv[1]):
    run = json.loads(line)
    runs.setdefault(run["peer"], []).append(run)
burners = runs.get("bare burners")
ceiling = statistics.median(r["efficiency"] for r in burners) if burners else 0
print(f"{'':46}{'makespan_s':>11}{'efficiency':>11}{'of ceiling':>11}{'slot_us_per_target':>20}")
for peer, list_of in sorted(runs.items(), key=lambda item: item[1][0]["makespan_s"]):
    median = {k: statistics.median(r[k] for r in list_of) for k in ("makespan_s", "efficiency", "slot_us_per_target")}
    if median["makespan_s"] < 0.001 and peer == "bare burners":
        continue
    share = f"{median['efficiency'] / ceiling:.3f}" if ceiling and median["efficiency"] > 0 else ""
    print(f"{peer:46}{median['makespan_s']:11.3f}{median['efficiency']:11.3f}{share:>11}{median['slot_us_per_target']:20.1f}")
PY
    cat "$out/missing"
}

echo "machine: $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(date -u +%Y-%m-%d)"
workload "small fits" 3000 1440 2
workload "empty fits, small rows" 10000 64 0
workload "empty fits, a day of minutes each" 3000 1440 0

echo
echo "start: embedded coordinator and executors ready (start_ms)"
for round in $(seq "$rounds"); do
    "$build/bin/fitfleet" bench --targets 10 --rows 64 --cpu-ms 0 --slots 2 --format csv | tail -1 | cut -d, -f6
done
