#!/usr/bin/env python3
"""Golden data of worker/models/mcd: standardized tables with odd rows, and the least determinant that scikit-learn's
MinCovDet finds for as many rows, of ten runs (seed 61).

    python3 tests/golden/make_mcd.py > tests/golden/mcd.txt

    case NAME support rows columns
    column …             rows numbers
    determinant LOG      of the covariance (1/h) of the best rows, with 1e-6 added to the variances
    centre …             of the rows that are not odd; one number for each column
    distance …           of each row by mean and covariance of those: the order of magnitude to be expected
"""
import sys

import numpy as np
import sklearn
from sklearn.covariance import MinCovDet


def determinant(x, support):
    best = np.inf
    for seed in range(10):
        rows = MinCovDet(support_fraction=support, random_state=seed).fit(x).raw_support_
        covariance = np.cov(x[rows].T, bias=True) + 1e-6 * np.eye(x.shape[1])
        best = min(best, np.linalg.slogdet(covariance)[1])
    return best


def write(name, x, odd, support):
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    good = x[~odd]
    rest = x - good.mean(axis=0)
    distance = np.sqrt(np.einsum("ij,jk,ik->i", rest, np.linalg.inv(np.cov(good.T, bias=True)), rest))
    print("case", name, support, *x.shape)
    for column in x.T:
        print("column", " ".join(repr(float(v)) for v in column))
    print("determinant", repr(float(determinant(x, support))))
    print("centre", " ".join(repr(float(v)) for v in good.mean(axis=0)))
    print("distance", " ".join(repr(float(v)) for v in distance))


def main():
    rng = np.random.default_rng(61)
    print(f"# make_mcd.py: python {sys.version.split()[0]}, numpy {np.__version__}, scikit-learn {sklearn.__version__}")
    for name, n, support in (("few", 120, 0.75), ("sampled", 500, 0.5)):
        x = rng.normal(size=(n, 3)) @ np.array([[1, 0.8, 0], [0, 0.6, 0.3], [0, 0, 0.5]])
        odd = np.arange(n) % 6 == 0
        x[odd] = x[odd] / 5 + [2, -6, 3]
        write(name, x, odd, support)


if __name__ == "__main__":
    main()
