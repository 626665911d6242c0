#!/bin/sh
# From a fresh Debian 12 to trained models: installs what the build needs (apt, only what is missing), builds into
# build/, trains the example on real data and prints the summary. Run again, it skips what is done.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. deploy/lib.sh

install_packages build

if [ ! -f build/build.ninja ]; then
    say "Configuring build/ (Release)"
    as_caller cmake --preset release >/dev/null
fi
say "Building build/bin/fitfleet and build/bin/fitfleet-worker"
as_caller cmake --build build --target fitfleet fitfleet-worker

say "Training examples/cloudwatch.yaml: 12 CloudWatch metrics, one model each"
as_caller build/bin/fitfleet train examples/cloudwatch.yaml

say "Done. The models are in .fitfleet; look at them with"
echo "   build/bin/fitfleet results --state .fitfleet --format json"
echo "   build/bin/fitfleet models export cloudwatch --state .fitfleet"
