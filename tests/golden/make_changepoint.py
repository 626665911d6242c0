#!/usr/bin/env python3
"""Golden data of worker/models/pelt: the best of all partitions, by dynamic programming without pruning (seed 53).

    python3 tests/golden/make_changepoint.py > tests/golden/changepoint.txt

    case NAME penalty shortest n
    values …     n numbers
    starts …     the first step of each segment
"""
import sys

import numpy as np

LEAST_VARIANCE = 0.01


def segments(x, penalty, shortest):
    n = len(x)
    sums, squares = (np.concatenate([[0], np.cumsum(v)]) for v in (x, x * x))
    beta = (4 if penalty == "mbic" else 3) * np.log(n)
    best, start = np.full(n + 1, np.inf), np.zeros(n + 1, int)
    best[0] = -beta
    for t in range(shortest, n + 1):
        s = np.arange(0, t - shortest + 1)
        count = t - s
        variance = np.maximum((squares[t] - squares[s]) / count - ((sums[t] - sums[s]) / count) ** 2, 0)
        v = np.maximum(variance, LEAST_VARIANCE)
        cost = count * (np.log(v) + variance / v) + (np.log(count) if penalty == "mbic" else 0)
        total = best[s] + cost + beta
        start[t] = np.argmin(total)
        best[t] = total[start[t]]
    found, t = [], n
    while t > 0:
        t = start[t]
        found.append(t)
    return found[::-1]


def write(name, x, penalty, shortest):
    print("case", name, penalty, shortest, len(x))
    print("values", " ".join(repr(float(v)) for v in x))
    print("starts", *segments(x, penalty, shortest))


def main():
    rng = np.random.default_rng(53)
    print(f"# make_changepoint.py: python {sys.version.split()[0]}, numpy {np.__version__}")
    noise = np.round(rng.normal(size=400), 3)
    t = np.arange(400)
    mean = noise + 4 * (t > 150) - 3 * (t > 290)
    variance = noise * np.where((t > 120) & (t < 300), 5, 1)
    walk = np.round(np.cumsum(noise) / 2, 3)
    flat = np.where((t > 100) & (t < 250), 2, noise)
    for penalty in ("mbic", "bic"):
        for shortest in (2, 12):
            write("none", noise, penalty, shortest)
            write("mean", mean, penalty, shortest)
            write("variance", variance, penalty, shortest)
            write("walk", walk, penalty, shortest)
            write("flat", flat, penalty, shortest)
            write("odd_length", walk[:37], penalty, shortest)


if __name__ == "__main__":
    main()
