#!/usr/bin/env python3
"""Golden data of the kind holt_winters: the series of ets.txt (synthetic) and the SSE of statsmodels.

    python3 tests/golden/make_holt_winters.py > tests/golden/holt_winters.txt

    case NAME seasonal damped season n
    values …   n numbers
    sse        statsmodels' sum of squared one-step errors
"""
import pathlib
import sys
import warnings
from importlib.metadata import version

import numpy as np
from statsmodels.tsa.holtwinters import ExponentialSmoothing

SEASONS = {"wave": 12, "grown": 12}


def series():
    found = {}
    name = None
    for line in (pathlib.Path(__file__).parent / "ets.txt").read_text().splitlines():
        word, *rest = line.split()
        if word == "case":
            name = rest[0]
        elif word == "values":
            found[name] = rest
    return found


def main():
    warnings.filterwarnings("ignore")
    print(f"# make_holt_winters.py: python {sys.version.split()[0]}, numpy {np.__version__}, "
          f"statsmodels {version('statsmodels')}")
    values = series()
    for name, season in SEASONS.items():
        for seasonal in ("additive", "multiplicative"):
            for damped in (False, True):
                y = np.array([float(v) for v in values[name]])
                fit = ExponentialSmoothing(y, trend="add", seasonal=seasonal[:3], damped_trend=damped,
                                           seasonal_periods=season, initialization_method="estimated").fit()
                print("case", name, seasonal, str(damped).lower(), season, len(y))
                print("values", " ".join(values[name]))
                print("sse", repr(float(fit.sse)))


if __name__ == "__main__":
    main()
