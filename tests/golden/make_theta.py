#!/usr/bin/env python3
"""Golden data of the kind theta: synthetic series (seed 24) and statsforecast's forecasts.

    python3 tests/golden/make_theta.py > tests/golden/theta.txt

    case NAME VARIANT season n
    values …     n numbers
    forecast …   24 numbers
"""
import sys
from importlib.metadata import version

import numpy as np
from statsforecast.theta import auto_theta, forecast_theta

VARIANTS = {"standard": "STM", "optimized": "OTM", "dynamic": "DSTM", "dynamic_optimized": "DOTM"}


def numbers(values):
    return " ".join(repr(float(v)) for v in values)


def main():
    rng = np.random.default_rng(24)
    print(f"# make_theta.py: python {sys.version.split()[0]}, numpy {np.__version__}, statsforecast {version('statsforecast')}")
    t = np.arange(150)
    wave = 1 + 0.3 * np.sin(2 * np.pi * t / 12)
    noise = rng.normal(size=150)
    series = {
        "grown": (np.round((80 + 0.9 * t + 2 * np.cumsum(rng.normal(size=150))) * wave + noise, 3), 12),
        "signed": (np.round(5 + 0.1 * t + 20 * (wave - 1) + np.cumsum(rng.normal(size=150)), 3), 12),
        "plain": (np.round(300 + 0.7 * t + 5 * noise + np.cumsum(rng.normal(size=150)), 3), 1),
    }
    for name, (y, m) in series.items():
        for variant, model in VARIANTS.items():
            print("case", name, variant, m, len(y))
            print("values", numbers(y))
            print("forecast", numbers(forecast_theta(auto_theta(y, m, model=model), 24)["mean"]))


if __name__ == "__main__":
    main()
