#!/usr/bin/env python3
"""Golden data of the kinds seasonal and ewma, written from CONTRACT.md ("seasonal on one metric") with numpy alone.

    python3 tests/golden/make_seasonal.py NAB_DIRECTORY > tests/golden/seasonal.txt

One case is a line `case NAME t0_ms step_ms SEASON n`, its values, and what to expect:
    values …        n numbers, nan = missing
    seasonal season constant missing scale
    level …         `season` numbers
    ewma level scale    (alpha 0.1; absent with fewer than two values)
Nothing here shares code or algorithms with worker/models: medians by numpy, autocorrelations by the definition.
"""
import csv
import pathlib
import sys

import numpy as np

MS = {"s": 1000, "m": 60000, "h": 3600000, "d": 86400000}


def scale_of(r, y):
    scale = 1.4826 * np.median(np.abs(r - np.median(r)))
    if scale == 0:
        scale = 1.2533 * np.mean(np.abs(r - np.median(r)))
    return max(scale, 1e-9 * max(1.0, abs(np.median(y))))


def error_scale_of(e, y):
    """docs/models.md, "Scores and forecasts"."""
    middle = 1.4826 * np.median(np.abs(e - np.median(e)))
    scale = max(middle, np.mean(np.abs(e))) if middle > 0 else 1.2533 * np.mean(np.abs(e))
    return max(scale, 1e-9 * max(1.0, abs(np.median(y))))


def detect(y):
    n = len(y)
    x = np.where(np.isnan(y), np.nanmean(y), y)
    energy = np.sum(x * x)
    i = np.arange(n, dtype=float)
    if n > 1:
        slope, intercept = np.linalg.lstsq(np.column_stack([i, np.ones(n)]), x, rcond=None)[0]
        x = x - (slope * i + intercept)
    else:
        x = x - x.mean()
    if np.sum(x * x) <= 1e-24 * energy:
        return 1
    acf = np.array([np.dot(x[: n - l], x[l:]) for l in range(n // 3 + 2) if l < n]) / np.dot(x, x)
    acf = np.round(acf, 9)
    best = 1
    for l in range(2, n // 3 + 1):
        if acf[l - 1] < acf[l] >= acf[l + 1] and acf[l] >= 0.3 and acf[l] - acf[1:l].min() >= 0.1:
            if best == 1 or acf[l] > acf[best]:
                best = l
    return best


def seasonal(y, t0, step, season):
    n = len(y)
    times = [t0 + i * step for i in range(n)]  # Python's // and % are mathematical
    if season == "auto":
        s = detect(y)
        phase = [t // step % s for t in times]
    elif season[-1] in MS:
        duration = int(season[:-1]) * MS[season[-1]]
        s = max(1, (2 * duration + step) // (2 * step))
        phase = [(t % duration) // step % s for t in times]
    else:
        s = int(season)
        phase = [t // step % s for t in times]
    phase = np.array(phase)
    good = ~np.isnan(y)
    level = np.array([np.median(y[good & (phase == k)]) if (good & (phase == k)).any() else np.median(y[good])
                      for k in range(s)])
    r = (y - level[phase])[good]
    return s, level, scale_of(r, y[good])


def ewma(y, alpha=0.1):
    values = y[~np.isnan(y)]
    if len(values) < 2:
        return None
    level, errors = np.median(values[:10]), []
    for v in values:
        errors.append(v - level)
        level += alpha * (v - level)
    return level, error_scale_of(np.array(errors), values)


def numbers(values):
    return " ".join("nan" if np.isnan(v) else repr(float(v)) for v in values)


def write(name, y, t0=0, step=60000, season="auto"):
    y = np.asarray(y, dtype=float)
    s, level, scale = seasonal(y, t0, step, season)
    good = y[~np.isnan(y)]
    print(f"case {name} {t0} {step} {season} {len(y)}")
    print("values", numbers(y))
    print("seasonal", s, int((good == good[0]).all()), len(y) - len(good), repr(float(scale)))
    print("level", numbers(level))
    smooth = ewma(y)
    if smooth:
        print("ewma", repr(float(smooth[0])), repr(float(smooth[1])))


def nab(directory, file, rows):
    with open(pathlib.Path(directory) / file) as lines:
        return [float(row["value"]) for row in csv.DictReader(lines)][:rows]


def holes(y, where):
    y = np.array(y, dtype=float)
    y[where] = np.nan
    return y


def main(directory):
    print(f"# make_seasonal.py: python {sys.version.split()[0]}, numpy {np.__version__}; data of numenta/NAB (MIT)")
    rng = np.random.default_rng(20220822)
    day = np.sin(np.arange(480) * 2 * np.pi / 48) * 10 + 100
    noise = rng.normal(size=480)

    taxi = nab(directory, "realKnownCause/nyc_taxi.csv", 700)
    cpu = nab(directory, "realAWSCloudwatch/ec2_cpu_utilization_825cc2.csv", 900)
    network = nab(directory, "realAWSCloudwatch/ec2_network_in_257a54.csv", 600)
    write("nyc_taxi", taxi, 1404172800000, 1800000)
    write("nyc_taxi_by_day", taxi, 1404172800000, 1800000, "1d")
    write("ec2_cpu", cpu, 1397175600000, 300000)
    write("network_with_gap", holes(network, slice(40, 75)), 1397088000000, 300000, "1h")

    write("constant", [7.25] * 50)
    write("constant_with_holes", holes([-3.0] * 30, [0, 7, 29]))
    write("one_value", [42.0])
    write("one_value_among_missing", holes([1.0] * 9, [0, 1, 2, 3, 5, 6, 7, 8]), 0, 60000, "3")
    write("two_values", [1.0, 2.0])
    write("line", np.arange(200) * 0.5 + 3)
    write("huge_offset", day + noise + 1e9)
    write("season_of_48", day + noise)
    write("season_and_trend", day + noise + np.arange(480) * 0.3)
    write("season_with_holes", holes(day + noise, rng.random(480) < 0.2))
    write("phase_without_values", holes(day[:96] + noise[:96], [5, 53]), 0, 1800000, "1d")
    write("before_1970", day + noise, -86400000 * 3 + 1800000 * 7, 1800000, "1d")
    write("before_1970_steps", day[:100] + noise[:100], -60000 * 12345, 60000, "7")
    write("step_does_not_divide_season", day[:300] + noise[:300], 420000 * 99, 420000, "1h")
    write("season_shorter_than_step", day[:40], 0, 3600000, "60s")
    write("season_longer_than_series", day[:20] + noise[:20], 60000 * 17, 60000, "48")
    write("mostly_zero", [0.0] * 40 + [5.0] + [0.0] * 40 + [9.0, 3.0], 0, 60000, "1")
    write("noise", rng.normal(size=300))
    write("short_for_direct_sums", np.tile([1.0, 5.0, 2.0, 8.0], 12) + rng.normal(size=48) * 0.1)
    write("square_wave", np.tile([0.0] * 20 + [1.0] * 20, 9))


if __name__ == "__main__":
    main(sys.argv[1])
