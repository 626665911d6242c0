#!/usr/bin/env python3
"""Golden data of the kind quantile, written from docs/models.md with numpy's medians and quantiles (seed 47).

    python3 tests/golden/make_quantile.py > tests/golden/quantile.txt

    case NAME season lower upper reach n
    values …     n numbers, nan is missing
    level …      season numbers, as low and high
    low …
    high …
"""
import sys

import numpy as np


def pooled(groups, phase, least):
    m = len(groups)
    for reach in range(m):
        if 2 * reach + 1 >= m:
            break
        pool = np.concatenate([groups[(phase + d) % m] for d in range(-reach, reach + 1)])
        if len(pool) >= least:
            return pool
    return np.concatenate(groups)


def write(name, y, m, lower, upper, reach):
    phase = np.arange(len(y)) % m
    known = ~np.isnan(y)
    groups = [y[known & (phase == k)] for k in range(m)]
    level = np.array([np.median(pooled(groups, k, 5)) for k in range(m)])
    rest = y - level[phase]
    groups = [rest[known & (phase == k)] for k in range(m)]
    least = int(min(2 / min(lower, 1 - upper), known.sum()))
    bounds = reach * np.array([np.quantile(pooled(groups, k, least), [lower, upper]) for k in range(m)])
    print("case", name, m, lower, upper, reach, len(y))
    print("values", " ".join(repr(float(v)) for v in y))
    for word, values in (("level", level), ("low", level + bounds[:, 0]), ("high", level + bounds[:, 1])):
        print(word, " ".join(repr(float(v)) for v in values))


def main():
    rng = np.random.default_rng(47)
    print(f"# make_quantile.py: python {sys.version.split()[0]}, numpy {np.__version__}")
    t = np.arange(480)
    y = np.round(100 + 10 * np.sin(2 * np.pi * t / 24) + (1 + (t % 24 > 11)) * rng.standard_t(2, size=480), 3)
    write("phases", y, 24, 0.1, 0.9, 3)
    write("all", y, 24, 0.005, 0.995, 1)
    write("none", y[:100], 1, 0.1, 0.8, 2.5)
    holes = y[:70].copy()
    holes[::5] = holes[:9] = np.nan
    write("holes", holes, 24, 0.2, 0.9, 1)


if __name__ == "__main__":
    main()
