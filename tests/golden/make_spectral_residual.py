#!/usr/bin/env python3
"""Golden data of the kind spectral_residual, written from docs/models.md with numpy's FFT and logarithms (seed 43).

    python3 tests/golden/make_spectral_residual.py > tests/golden/spectral_residual.txt

    case NAME window n
    values …     n numbers
    limits LOW LIMIT
    score …      of the training rows; n − window + 1 numbers
"""
import sys

import numpy as np

ESTIMATED, SURROUNDINGS = 5, 21


def score(window):
    slope = np.mean([(window[-2] - window[-2 - i]) / i for i in range(1, ESTIMATED + 1)])
    x = np.append(window, [window[-1 - ESTIMATED] + slope * ESTIMATED] * ESTIMATED)
    spectrum = np.fft.fft(x - x.mean())
    amplitude = np.abs(spectrum)
    amplitude[0] = 1
    before, after = np.roll(amplitude, 1), np.roll(amplitude, -1)
    before[1], after[-1] = amplitude[1], amplitude[-1]  # the mean, which is gone, is nobody's neighbour
    residual = np.log(amplitude) - (np.log(before) + np.log(amplitude) + np.log(after)) / 3
    changed = np.exp(residual + 1j * np.angle(spectrum))
    changed[0] = 0
    saliency = np.abs(np.fft.ifft(changed)) * len(x)
    at = len(window) - 1
    near = saliency[max(at - SURROUNDINGS, 0):at]
    return saliency[at] / (near.mean() + 1e-3 * saliency.mean())


def write(name, y, m):
    scores = np.array([score(window) for window in np.lib.stride_tricks.sliding_window_view(y, m)])
    middle = np.median(scores)
    low, limit = scores.min(), middle + 4 * 1.4826 * np.median(scores[scores > middle] - middle)
    print("case", name, m, len(y))
    print("values", " ".join(repr(float(v)) for v in y))
    print("limits", repr(float(low)), repr(float(limit)))
    print("score", " ".join(repr(float(v)) for v in (scores - low) / (limit - low)))


def main():
    rng = np.random.default_rng(43)
    print(f"# make_spectral_residual.py: python {sys.version.split()[0]}, numpy {np.__version__}")
    t = np.arange(300)
    y = np.round(100 + 10 * np.sin(2 * np.pi * t / 12) + rng.normal(size=300), 3)
    y[170] += 25
    write("season", y, 59)
    write("walk", np.round(np.cumsum(rng.normal(size=200)), 3), 27)
    write("short", np.round(rng.normal(size=60), 3), 11)


if __name__ == "__main__":
    main()
