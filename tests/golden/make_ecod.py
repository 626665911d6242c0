#!/usr/bin/env python3
"""Golden data of the kind ecod with numpy (seed 59): of the training rows as PyOD's ECOD scores them, which is asserted where
it can be imported, and of rows outside them as docs/models.md has it.

    python3 tests/golden/make_ecod.py > tests/golden/ecod.txt

    case NAME rows columns later     (a table to fit, and later rows)
    column …                         rows numbers, and later ones behind
    score …                          of the rows, and of the later ones
"""
import sys

import numpy as np


def scores(x, rows):
    n = len(x)
    total = np.zeros(len(rows))
    for c in range(x.shape[1]):
        column, values = np.sort(x[:, c]), rows[:, c]
        below = np.searchsorted(column, values, side="right")
        above = n - np.searchsorted(column, values, side="left")
        k = min(n // 10, 64)
        reach = [max(abs(column[0] - column[k - 1]) / np.log(max(k, 2)), 1e-3 * column.std()),
                 max(abs(column[-1] - column[-k]) / np.log(max(k, 2)), 1e-3 * column.std())]
        l = -np.log(np.maximum(below, 1) / n) + np.maximum(column[0] - values, 0) / reach[0]
        r = -np.log(np.maximum(above, 1) / n) + np.maximum(values - column[-1], 0) / reach[1]
        total += np.maximum(l, r)
    return total


def check(x, found):
    try:
        from pyod.models.ecod import ECOD
    except ImportError:
        return "not compared with PyOD"
    assert np.allclose(ECOD().fit(x).decision_scores_, found, rtol=1e-12)
    import pyod
    return f"compared with PyOD {pyod.__version__}"


def write(name, x, later):
    print("#", check(x, scores(x, x)))
    print("case", name, len(x), x.shape[1], len(later))
    for column in np.vstack([x, later]).T:
        print("column", " ".join(repr(float(v)) for v in column))
    print("score", " ".join(repr(float(v)) for v in scores(x, np.vstack([x, later]))))


def main():
    rng = np.random.default_rng(59)
    print(f"# make_ecod.py: python {sys.version.split()[0]}, numpy {np.__version__}")
    x = np.round(np.column_stack([rng.normal(size=150), rng.gamma(1, size=150), -rng.gamma(2, size=150)]), 3)
    later = np.array([[0.1, 1.0, -2.0], [9.0, 0.5, -3.0], [-7.0, -1.0, 4.0], [0.0, 30.0, -40.0]])
    write("tails", x, later)
    write("ties", np.round(x), later)


if __name__ == "__main__":
    main()
