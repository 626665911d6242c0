#!/usr/bin/env python3
"""Golden data of the kind ets: synthetic series (seed 24) and what statsforecast finds for them.

    python3 tests/golden/make_ets.py > tests/golden/ets.txt

    case NAME MODEL DAMPED season n
    values …          n numbers
    ets FORM loglik   statsforecast's form (as fitfleet writes it) and log-likelihood
    forecast …        12 numbers
"""
import sys
from importlib.metadata import version

import numpy as np
from statsforecast.ets import ets_f, forecast_ets


def numbers(values):
    return " ".join(repr(float(v)) for v in values)


def write(name, y, m, model, damped):
    r = ets_f(y, m, model=model, damped=damped)
    error, trend, season, damp = r["components"]
    trend = "Ad" if damp == "D" else trend
    print("case", name, model, {None: "auto", True: "true", False: "false"}[damped], m, len(y))
    print("values", numbers(y))
    print("ets", f"{error},{trend},{season}", repr(float(r["loglik"])))
    print("forecast", numbers(forecast_ets(r, 12)["mean"]))


def main():
    rng = np.random.default_rng(24)
    print(f"# make_ets.py: python {sys.version.split()[0]}, numpy {np.__version__}, statsforecast {version('statsforecast')}")
    t = np.arange(144)
    wave = np.round(100 + 0.3 * t + 20 * np.sin(2 * np.pi * t / 12) + np.cumsum(rng.normal(size=144)) + 3 * rng.normal(size=144), 3)
    grown = np.round((50 + 0.8 * t) * (1 + 0.3 * np.sin(2 * np.pi * t / 12)) * (1 + 0.04 * rng.normal(size=144)), 3)
    walk = np.round(500 + np.cumsum(4 * rng.normal(size=200)), 3)
    for model, damped in [("ANN", False), ("AAN", False), ("AAN", True), ("MNN", False), ("ZZZ", None)]:
        write("walk", walk, 1, model, damped)
    for model, damped in [("ANA", False), ("AAA", False), ("AAA", True), ("MNA", False), ("ZZZ", None)]:
        write("wave", wave, 12, model, damped)
    for model, damped in [("MNM", False), ("MAM", False), ("MAM", True), ("MAA", False), ("ZZZ", None)]:
        write("grown", grown, 12, model, damped)


if __name__ == "__main__":
    main()
