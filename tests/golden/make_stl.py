#!/usr/bin/env python3
"""Golden data of the kinds stl and mstl: a synthetic series (seed 24) and statsmodels' components.

    python3 tests/golden/make_stl.py > tests/golden/stl.txt

    case NAME robust seasonal_window trend_window n season …   (windows 0: by rule; one season: STL, two: MSTL)
    values …     n numbers
    trend …
    seasonal …   n numbers for each season
"""
import sys
from importlib.metadata import version

import numpy as np
from statsmodels.tsa.seasonal import MSTL, STL


def numbers(values):
    return " ".join(repr(float(v)) for v in values)


def write(name, y, robust, window, trend, seasons):
    if len(seasons) == 1:
        r = STL(y, period=seasons[0], seasonal=window, trend=trend or None, robust=robust).fit()
        parts = [r.seasonal]
    else:
        r = MSTL(y, periods=seasons, stl_kwargs={"robust": robust}).fit()
        parts = list(np.asarray(r.seasonal).T)
    print("case", name, str(robust).lower(), window, trend, len(y), *seasons)
    print("values", numbers(y))
    print("trend", numbers(r.trend))
    for part in parts:
        print("seasonal", numbers(part))


def main():
    rng = np.random.default_rng(24)
    print(f"# make_stl.py: python {sys.version.split()[0]}, numpy {np.__version__}, statsmodels {version('statsmodels')}")
    t = np.arange(203)
    y = 100 + 0.1 * t + 10 * np.sin(2 * np.pi * t / 12) + 6 * np.cos(2 * np.pi * t / 40) + rng.normal(size=203)
    y = np.round(y + 40 * (rng.random(203) < 0.03), 3)
    for robust in (False, True):
        write("default", y, robust, 7, 0, (12,))
        write("windows", y, robust, 13, 31, (12,))
        write("short", y[:26], robust, 7, 0, (12,))
        write("several", y, robust, 0, 0, (12, 40))


if __name__ == "__main__":
    main()
