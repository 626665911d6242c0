#!/usr/bin/env python3
"""Golden data of the kind pca, written from CONTRACT.md with numpy; components by scikit-learn's PCA (an SVD of the
standardized rows), limits of chi-square checked against scipy.

    python3 tests/golden/make_pca.py NEZHA_CSV > tests/golden/pca.txt

    case NAME rows columns
    column NAME …        the values of one column, nan = missing
    dropped NAME REASON
    components k
    limits T2 Q
    t2 …                 one number per row
    q …
"""
import collections
import csv
import sys

import numpy as np
import scipy
import scipy.stats
import sklearn
from sklearn.decomposition import PCA

SHARE = 0.9


def limit(g, h):
    value = g * h * (1 - 2 / (9 * h) + 3.0902 * np.sqrt(2 / (9 * h))) ** 3
    assert abs(value / (g * scipy.stats.chi2.ppf(0.999, h)) - 1) < 0.05 or h < 1, (value, g, h)
    return value


def reason_to_drop(column):
    missing = np.isnan(column).sum()
    if missing > len(column) / 2:
        return "missing"
    good = column[~np.isnan(column)]
    return "constant" if (good == good[0]).all() else None


def fit(x):
    x = np.where(np.isnan(x), np.nanmean(x, axis=0), x)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    pca = PCA(svd_solver="full").fit(x)
    n = len(x)
    variances = pca.explained_variance_ * (n - 1) / n
    k = int(np.argmax(np.cumsum(variances) / variances.sum() >= SHARE)) + 1
    p = pca.components_[:k]
    t = x @ p.T
    q = ((x - t @ p) ** 2).sum(axis=1)
    t2 = (t**2 / variances[:k]).sum(axis=1)
    m, v = q.mean(), q.var()
    return k, t2, q, limit(1, k), limit(v / (2 * m), 2 * m * m / v)


def numbers(values):
    return " ".join("nan" if np.isnan(v) else repr(float(v)) for v in values)


def write(name, names, x):
    x = np.asarray(x, dtype=float)
    reasons = [reason_to_drop(c) for c in x.T]
    k, t2, q, limit_t2, limit_q = fit(x[:, [r is None for r in reasons]])
    print(f"case {name} {x.shape[0]} {x.shape[1]}")
    for column_name, column in zip(names, x.T):
        print("column", column_name, numbers(column))
    for column_name, reason in zip(names, reasons):
        if reason:
            print("dropped", column_name, reason)
    print("components", k)
    print("limits", repr(float(limit_t2)), repr(float(limit_q)))
    print("t2", numbers(t2))
    print("q", numbers(q))


def nezha(path, pod, rows):
    series = collections.defaultdict(list)
    with open(path) as lines:
        for row in csv.DictReader(lines):
            if row["target"].startswith(pod + "/"):
                series[row["target"].split("/")[1]].append(float(row["value"] or "nan"))
    names = sorted(series)
    return names, np.array([series[n][:rows] for n in names]).T


def main(path):
    print(f"# make_pca.py: python {sys.version.split()[0]}, numpy {np.__version__}, scikit-learn {sklearn.__version__}, "
          f"scipy {scipy.__version__}; data of IntelligentDDS/Nezha (MIT)")
    rng = np.random.default_rng(19)
    factors = rng.normal(size=(120, 3))
    mix = factors @ rng.normal(size=(3, 8)) + 0.2 * rng.normal(size=(120, 8))
    tall = np.column_stack([mix, np.full(120, 4.0), rng.normal(size=120)])
    tall[:70, 9] = np.nan
    tall[5:12, 2] = np.nan
    write("tall", list("abcdefgh") + ["constant", "mostly_missing"], tall)
    wide = rng.normal(size=(25, 4)) @ rng.normal(size=(4, 60)) * 50 + 1000 + rng.normal(size=(25, 60))
    write("wide", [f"w{i:02}" for i in range(60)], wide)
    names, pod = nezha(path, "cartservice", 150)
    write("nezha", names, pod)


if __name__ == "__main__":
    main(sys.argv[1])
