#!/usr/bin/env python3
"""The pictures of docs/models.md: what each kind expects on a metric of examples/data, from the built program. Needs matplotlib.

    python3 docs/pictures/bands.py build/bin/fitfleet
"""
import csv
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "examples", "data", "cloudwatch", "ec2_cpu_utilization_5f5533.csv")
BANDS = ("seasonal", "quantile", "ewma", "changepoint", "naive", "classical", "ets", "holt_winters", "theta", "stl", "mstl", "auto")
SCORES = ("iforest", "matrix_profile", "sub_pca", "spectral_residual", "online")
SHARE = 0.6  # of the rows that is trained on
MEAN = 6  # rows of 5 minutes


def scored(fitfleet, kind, rows, column):
    with tempfile.TemporaryDirectory() as work:
        train, test, job = (os.path.join(work, name) for name in ("train.csv", "test.csv", "job.yaml"))
        for path, part in ((train, rows[:int(SHARE * len(rows))]), (test, rows)):
            with open(path, "w") as file:
                file.write(f"{column},load\n" + "".join(f"{time},{value}\n" for time, value in part))
        model = {"kind": kind}
        if kind in BANDS and kind not in ("ewma", "auto"):
            model["season"] = "1d"
        if kind == "online":
            model["warmup"] = 100
        with open(job, "w") as file:
            json.dump({"data": {"files": [train], "layout": "wide"}, "models": {"top": model}}, file)
        quiet = {"check": True, "stderr": subprocess.DEVNULL, "text": True}
        subprocess.run([fitfleet, "train", job, "--state", work + "/state"], stdout=subprocess.DEVNULL, **quiet)
        out = subprocess.run([fitfleet, "score", "job", test, "--state", work + "/state"], stdout=subprocess.PIPE, **quiet).stdout
        return list(csv.DictReader(out.splitlines()))


def number(text):
    return float(text) if text else float("nan")


def draw(fitfleet, kinds, name, columns, panel):
    with open(DATA) as file:
        rows = [tuple(line.strip().split(",")) for line in file]
    column, rows = rows[0][0], rows[1:]
    rows = [(rows[i][0], sum(float(value) for _, value in rows[i:i + MEAN]) / MEAN) for i in range(0, len(rows) - MEAN, MEAN)]
    figure, places = plt.subplots(-(-len(kinds) // columns), columns, figsize=(11, 1.75 * -(-len(kinds) // columns)), sharex=True)
    for kind, place in zip(kinds, places.flat):
        lines = scored(fitfleet, kind, rows, column)
        times = [datetime.fromisoformat(line["time"][:19]) for line in lines]
        panel(place, times, lines)
        place.axvline(times[int(SHARE * len(times))], color="0.5", linewidth=0.7)
        place.set_title(kind, fontsize=9, loc="left", pad=2)
        place.tick_params(labelsize=7)
        place.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%d %b"))
    for place in places.flat[len(kinds):]:
        place.axis("off")
    figure.tight_layout(pad=0.4)
    figure.savefig(os.path.join(HERE, name), dpi=80)


def band(place, times, lines):
    values = [number(line["value"]) for line in lines]
    place.fill_between(times, [number(line["lower"]) for line in lines], [number(line["upper"]) for line in lines],
                       color="tab:blue", alpha=0.25, linewidth=0)
    place.plot(times, [number(line["expected"]) for line in lines], color="tab:blue", linewidth=0.5)
    place.plot(times, values, color="0.2", linewidth=0.4)
    odd = [(time, value) for time, value, line in zip(times, values, lines) if line["anomaly"] == "1"]
    place.plot([time for time, _ in odd], [value for _, value in odd], ".", color="tab:red", markersize=3)
    middle, spread = sorted(values)[len(values) // 2], max(values) - min(values)
    place.set_ylim(max(min(values) - 0.4 * spread, middle - 1.2 * spread), min(max(values) + 0.4 * spread, middle + 1.2 * spread))


def score(place, times, lines):
    place.plot(times, [number(line["score"]) for line in lines], color="tab:blue", linewidth=0.5)
    place.axhline(1, color="tab:red", linewidth=0.6)
    place.set_ylim(0, 3)


def main():
    draw(os.path.abspath(sys.argv[1]), BANDS, "bands.png", 3, band)
    draw(os.path.abspath(sys.argv[1]), SCORES, "scores.png", 3, score)


if __name__ == "__main__":
    main()
