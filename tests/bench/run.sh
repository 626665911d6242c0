#!/bin/sh
# Numbers, for people: what the fleet costs beside the fits and beside what users come from, in the same minutes. Nothing here
# fails because of a time. Peers from PyPI are compared where $PYTHON can import them; those that are missing are named:
#
#     pip install numpy pathos joblib ray distributed pandas polars duckdb pyarrow
#     tests/bench/run.sh [--build DIR] [--rounds 3] [--quick] [tasks start transport csv train score skew plan eta]
#
# --quick: tiny workloads, one round: whether the scripts work.
exec "${PYTHON:-python3}" "$(dirname "$0")/figures.py" "$@"
