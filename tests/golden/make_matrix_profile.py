#!/usr/bin/env python3
"""Golden data of the kind matrix_profile: left profiles by the definition, every pair of windows compared (seed 31).
Where stumpy can be imported they are compared with its own.

    python3 tests/golden/make_matrix_profile.py > tests/golden/matrix_profile.txt

    case NAME m n
    values …     n numbers, nan is missing
    distance …   n − m + 1 numbers, inf: none
"""
import sys

import numpy as np


def distances(y, m):
    """Of all pairs; inf where one has a missing value."""
    windows = np.lib.stride_tricks.sliding_window_view(y, m)
    flat = np.ptp(windows, axis=1) == 0
    deviation = np.where(flat, 1, windows.std(axis=1))
    normal = (windows - windows.mean(axis=1)[:, None]) / deviation[:, None]
    found = np.sqrt(np.sum((normal[:, None, :] - normal[None, :, :]) ** 2, axis=2))
    found[flat[:, None] != flat[None, :]] = np.sqrt(m)
    found[flat[:, None] & flat[None, :]] = 0
    missing = np.isnan(windows).any(axis=1)
    return np.where(missing[:, None] | missing[None, :], np.inf, found)


def left_profile(pairs, m):
    lag = -(-m // 4) + 1  # as stumpy: ceil(m / 4) steps to either side are excluded
    return np.array([pairs[j, : max(j - lag + 1, 0)].min(initial=np.inf) for j in range(len(pairs))])


def check(y, m, pairs, found):
    """stumpy says which is nearest on the left."""
    try:
        import stumpy
    except ImportError:
        return "not compared with stumpy"
    nearest = stumpy.stump(y, m).left_I_.astype(int)
    theirs = np.where(nearest < 0, np.inf, pairs[np.arange(len(pairs)), nearest])
    assert (np.isinf(theirs) == np.isinf(found)).all()
    seen = np.isfinite(found)
    assert np.max(np.abs(theirs[seen] - found[seen])) < 1e-6, np.max(np.abs(theirs[seen] - found[seen]))
    return f"compared with stumpy {stumpy.__version__}"


def write(name, y, m):
    pairs = distances(y, m)
    found = left_profile(pairs, m)
    print(f"# {check(y, m, pairs, found)}")
    print("case", name, m, len(y))
    print("values", " ".join(repr(float(v)) for v in y))
    print("distance", " ".join(repr(float(v)) for v in found))


def main():
    rng = np.random.default_rng(31)
    print(f"# make_matrix_profile.py: python {sys.version.split()[0]}, numpy {np.__version__}")
    t = np.arange(700)
    y = np.round(100 + 10 * np.sin(2 * np.pi * t / 24) + rng.normal(size=700), 4)
    write("season", y, 24)
    write("walk", np.round(np.cumsum(rng.normal(size=600)), 4), 10)
    odd = y[:300].copy()
    odd[150:180] = 3
    odd[220:260] = 90
    odd[270] = np.nan
    write("flat", odd, 16)
    again = np.tile(np.round(rng.normal(size=50), 3), 5)
    again[133] += 2
    write("repeated", again, 20)
    write("short", y[:12], 3)


if __name__ == "__main__":
    main()
