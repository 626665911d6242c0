#!/usr/bin/env python3
"""Every kind on two labelled sets, trained on the first part of each series and judged on the rest: one table in Markdown.

    python3 tests/bench/models/kinds.py FITFLEET DATA [--kinds a,b] [--services N]

DATA holds mcmd/ (Microsoft cloud monitoring: 30 series, points labelled by experts; the first 40 % are trained on) and
jumpstarter/ (JumpStarter D2: services with 19 metrics; its own training part; the score of a step is the largest of its
metrics). Columns: VUS-PR (Paparrizos et al. 2022, buffers up to 100 rows, mean over series with events); F1 by event with the
threshold at 1; false alarms per target and day; CPU time of the fit per series and metric.
"""
import argparse
import csv
import glob
import json
import os
import subprocess
import tempfile

UNIVARIATE = ("seasonal", "ewma", "quantile", "changepoint", "naive", "classical", "theta", "stl", "mstl", "ets", "holt_winters",
              "auto", "ensemble", "iforest", "matrix_profile", "sub_pca", "spectral_residual", "online")
MULTIVARIATE = ("pca", "mahalanobis", "ecod", "iforest_rows")
START = 1_600_000_000


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def make_mcmd(data, work):
    """train.csv, test.csv and labels.csv of each series."""
    series = {}
    for path in sorted(glob.glob(os.path.join(data, "mcmd", "*.csv"))):
        with open(path) as file:
            for row in csv.DictReader(file):
                series.setdefault(row["target"], []).append((row["timestamp"], row["value"], row["label"]))
    parts = {"train": [], "test": [], "labels": []}
    for target, rows in series.items():
        cut = len(rows) * 2 // 5
        parts["train"] += [(time, target, value) for time, value, _ in rows[:cut]]
        parts["test"] += [(time, target, value) for time, value, _ in rows[cut:]]
        parts["labels"] += [(time, target, label) for time, _, label in rows[cut:]]
    write(os.path.join(work, "train.csv"), ("time", "target", "value"), parts["train"])
    write(os.path.join(work, "test.csv"), ("time", "target", "value"), parts["test"])
    write(os.path.join(work, "labels.csv"), ("time", "target", "label"), parts["labels"])
    return len(series), 1


def make_jumpstarter(data, work, services):
    parts, labels, names = {"train": [], "test": []}, [], None
    paths = sorted(glob.glob(os.path.join(data, "jumpstarter", "service*.csv")))[:services]
    for path in paths:
        target = os.path.basename(path)[:-4]
        with open(path) as file:
            for row in csv.DictReader(file):
                names = names or [name for name in row if name.startswith("m")]
                time = START + 300 * int(row["step"])
                parts[row["part"]].append([time, target] + [row[name] for name in names])
                if row["part"] == "test":
                    labels.append((time, target, row["label"]))
    for part, rows in parts.items():
        write(os.path.join(work, part + ".csv"), ["time", "target"] + names, rows)
    write(os.path.join(work, "labels.csv"), ("time", "target", "label"), labels)
    return len(paths), len(names)


def run(fitfleet, *args):
    done = subprocess.run([fitfleet, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(done.args)}\n{done.stderr}")
    return done.stdout


def measure(fitfleet, kind, work, series):
    job, state, scores = (os.path.join(work, name) for name in ("job.yaml", "state", "scores.csv"))
    with open(job, "w") as file:
        json.dump({"data": {"files": [os.path.join(work, "train.csv")], "target": "target"},
                   "limits": {"target_timeout": "10m"},
                   "models": {"top": {"kind": kind}, "fallback": {"kind": "ewma"}}}, file)
    result = json.loads(run(fitfleet, "train", job, "--no-reuse", "--state", state, "--format", "json"))
    run(fitfleet, "score", "job", os.path.join(work, "test.csv"), "--state", state, "--out", scores)
    found = json.loads(run(fitfleet, "evaluate", scores, "--labels", os.path.join(work, "labels.csv"), "--format", "json"))
    cpu = sum(entry["cpu_ms"] for entry in result["top"].values()) / series
    return found["vus_pr"], found["by_event"]["f1"] or 0, found["false_alarms_per_target_and_day"], cpu


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("fitfleet")
    parser.add_argument("data")
    parser.add_argument("--kinds", default="")
    parser.add_argument("--services", type=int, default=30)
    options = parser.parse_args()
    print("| kind | mcmd: VUS-PR | event F1 | false alarms a day | ms | JumpStarter: VUS-PR | event F1 | false alarms a day | ms |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as mcmd, tempfile.TemporaryDirectory() as jumpstarter:
        targets, _ = make_mcmd(options.data, mcmd)
        services, metrics = make_jumpstarter(options.data, jumpstarter, options.services)
        for kind in options.kinds.split(",") if options.kinds else UNIVARIATE + MULTIVARIATE:
            cells = []
            for work, series in ((mcmd, targets), (jumpstarter, services * metrics)):
                if work == mcmd and kind in MULTIVARIATE:
                    cells += ["", "", "", ""]
                    continue
                vus, f1, alarms, cpu = measure(options.fitfleet, kind, work, series)
                cells += [f"{vus:.3f}", f"{f1:.3f}", f"{alarms:.2f}", f"{cpu:.2f}"]
            print(f"| `{kind}` | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
