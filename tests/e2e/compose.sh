#!/bin/sh
# The fleet as containers: three workers train the example; then a job is submitted and the fleet is scaled down to one
# worker in the middle of it. Every target must end in a class, nothing may be blamed for the workers that left.
# Exits 77 (CTest: skipped) with the reason where there is no docker.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
project=fitfleet-e2e-$$

skip() {
    echo "skipped: $*"
    exit 77
}

command -v docker >/dev/null || skip "docker is not installed"
timeout 20 docker info >/dev/null 2>&1 || skip "the docker daemon can't be reached"
if docker compose version >/dev/null 2>&1; then
    engine='docker compose'
elif command -v docker-compose >/dev/null; then
    engine=docker-compose
else
    skip "neither 'docker compose' nor docker-compose is installed"
fi

compose() {
    # shellcheck disable=SC2086 # two words
    $engine -p "$project" -f "$root/deploy/compose.yaml" "$@"
}

in_coordinator() {
    compose exec -T coordinator "$@"
}

finish() {
    code=$?
    [ $code -eq 0 ] || compose logs --tail 100 2>&1 || true
    compose down -v --timeout 20 >/dev/null 2>&1 || true
    exit $code
}

wait_until_healthy() {
    for _ in $(seq 60); do
        in_coordinator fitfleet ping >/dev/null 2>&1 && return 0
        sleep 1
    done
    echo "the coordinator does not answer"
    return 1
}

# expect_counts TARGETS: reads a result document, checks that its classes add up and none of them is a failure.
expect_counts() {
    python3 -c '
import json, sys
result, wanted = json.load(sys.stdin), int(sys.argv[1])
counts = result["counts"]
print("counts:", counts)
requested = counts.pop("requested")
assert requested == wanted, f"{requested} requested instead of {wanted}"
assert sum(counts.values()) == requested, "the counts do not add up"
assert counts["failed"] == counts["quarantined"] == counts["cancelled"] == 0, counts
assert result["state"] == "done", result["state"]
assert len(result["top"]) == requested
' "$1"
}

"$root/deploy/base-image.sh" || skip "no base image"
trap finish EXIT INT TERM

echo "-- up with three workers"
compose build -q 2>/dev/null || compose build
compose up -d --scale worker=3
wait_until_healthy

echo "-- a job from start to end"
in_coordinator fitfleet submit /examples/cloudwatch.yaml --wait
in_coordinator fitfleet results --format json | expect_counts 12

echo "-- down to one worker in the middle of a job"
job=$(in_coordinator fitfleet submit /examples/cloudwatch.yaml --set name=slow \
    --set 'models.top={kind: busy, cpu_ms: 2000}' | tr -d '\r' | tail -n 1)
sleep 3
compose up -d --scale worker=1 --no-recreate
in_coordinator fitfleet watch "$job" </dev/null
in_coordinator fitfleet results "$job" --format json | expect_counts 12
echo "-- ok"
