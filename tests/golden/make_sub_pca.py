#!/usr/bin/env python3
"""Golden data of the kind sub_pca, written from docs/models.md with numpy (seed 41).

    python3 tests/golden/make_sub_pca.py > tests/golden/sub_pca.txt

    case NAME window variance components n
    values …     n numbers
    limits LOW LIMIT
    score …      of the training rows; n − window + 1 numbers
"""
import sys

import numpy as np


def learn(scores):
    middle = np.median(scores)
    return scores.min(), middle + 4 * 1.4826 * np.median(scores[scores > middle] - middle)


def write(name, y, m, variance):
    windows = np.lib.stride_tricks.sliding_window_view(y, m)
    x = windows - windows.mean(axis=0)
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    values, vectors = values[::-1], vectors[:, ::-1]
    k = int(np.searchsorted(np.cumsum(values) / values.sum(), variance)) + 1
    t = x @ vectors[:, :k]
    rest = x - t @ vectors[:, :k].T
    floor = 1e-3 * values[0]
    scores = (t ** 2 / (values[:k] + floor)).sum(axis=1) + (rest ** 2).sum(axis=1) / (values[k:].mean() + floor)
    scores = np.sqrt(scores / m)
    low, limit = learn(scores)
    print("case", name, m, variance, k, len(y))
    print("values", " ".join(repr(float(v)) for v in y))
    print("limits", repr(float(low)), repr(float(limit)))
    print("score", " ".join(repr(float(v)) for v in (scores - low) / (limit - low)))


def main():
    rng = np.random.default_rng(41)
    print(f"# make_sub_pca.py: python {sys.version.split()[0]}, numpy {np.__version__}")
    t = np.arange(300)
    y = np.round(100 + 10 * np.sin(2 * np.pi * t / 12) + rng.normal(size=300), 3)
    y[170:174] += 25
    write("default", y, 12, 0.95)
    write("few", y, 20, 0.8)
    write("walk", np.round(np.cumsum(rng.normal(size=250)), 3), 8, 0.99)


if __name__ == "__main__":
    main()
