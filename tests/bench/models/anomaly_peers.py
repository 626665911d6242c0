#!/usr/bin/env python3
"""The kinds that judge windows beside their references on labelled series, on one core: time and ROC AUC, one table.

    taskset -c 0 python3 tests/bench/models/anomaly_peers.py FIT_SERIES DATA_DIRECTORY [KIND …]

DATA_DIRECTORY holds nab/, mcmd/ and jumpstarter/ (of which every tenth service's test part, each metric by itself).
Both fit the series that they judge, windows of 24 steps, and say of a step what they say of the window that ends there.
Times are CPU time per series of fitting and scoring; a peer's first call is not counted, and it is run with
several seeds. Columns: set, kind, peer, series,
ms to fit, ms to score, peer ms, AUC, peer's AUC (means over the series that have both labels)
"""
import collections
import csv
import glob
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
warnings.filterwarnings("ignore")
import numpy as np  # noqa: E402

WINDOW, SEEDS = 24, 4


def load_nab(folder):
    windows = json.load(open(f"{folder}/nab/labels/combined_windows.json"))
    for path in sorted(glob.glob(f"{folder}/nab/data/*/*.csv")):
        rows = list(csv.DictReader(open(path)))
        spans = [(a[:19], b[:19]) for a, b in windows[path.split("/nab/data/")[1]]]
        yield [float(r["value"]) for r in rows], [any(a <= r["timestamp"] <= b for a, b in spans) for r in rows]


def load_mcmd(folder):
    found = collections.OrderedDict()
    for row in csv.DictReader(open(f"{folder}/mcmd/mcmd.csv")):
        value = float(row["value"] or "nan")
        if value == value:
            found.setdefault(row["target"], []).append((value, row["label"] == "1"))
    for rows in found.values():
        yield [v for v, _ in rows], [label for _, label in rows]


def load_jumpstarter(folder):
    for path in sorted(glob.glob(f"{folder}/jumpstarter/*.csv"))[::10]:
        rows = [row for row in csv.DictReader(open(path)) if row["label"]][:2016]
        for metric in [name for name in rows[0] if name.startswith("m")]:
            yield [float(row[metric]) for row in rows], [row["label"] == "1" for row in rows]


def usable(series):
    for values, labels in series:
        y, labels = np.array(values), np.array(labels)
        seen = labels[WINDOW - 1:]
        if len(y) > 4 * WINDOW and seen.any() and not seen.all() and np.ptp(y) > 0:
            yield y, labels


def auc(scores, labels):
    """Of the steps that end a window; by ranks, ties count half."""
    scores, labels = np.asarray(scores)[WINDOW - 1:], labels[WINDOW - 1:]
    values, place, counts = np.unique(np.nan_to_num(scores), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    hits = labels.sum()
    return (ranks[labels].sum() - hits * (hits + 1) / 2) / (hits * (len(labels) - hits))


def run_own(program, kind, options, series):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("target,index,value\n")
        for k, (y, _) in enumerate(series):
            file.writelines(f"s{k},{i},{v!r}\n" for i, v in enumerate(y.tolist()))
        file.flush()
        lines = subprocess.run([program, kind, file.name, "score=1", *options], check=True, capture_output=True,
                               text=True).stdout.splitlines()
    words = [line.split() for line in lines]
    return [(float(w[1]), float(w[4]), [float(v) for v in w[5:]]) if w[2] != "failed" else None for w in words]


def run_peer(fit, series):
    """For each series its time and AUC, means over SEEDS."""
    fit(series[0][0], 0)
    for y, labels in series:
        start = time.process_time()
        scores = [fit(y, seed) for seed in range(SEEDS)]
        ms = (time.process_time() - start) * 1e3 / SEEDS
        yield ms, np.mean([auc(np.concatenate([np.full(len(y) - len(s), np.nan), s]), labels) for s in scores])


def peers():
    """(kind, options, peer's name, function of a series and a seed that gives the scores of its windows)"""
    from sklearn.ensemble import IsolationForest

    def windows(y):
        return np.lib.stride_tricks.sliding_window_view(y, WINDOW)

    def iforest(y, seed):
        return -IsolationForest(random_state=seed).fit(windows(y)).score_samples(windows(y))

    yield "iforest", [], "sklearn IsolationForest", iforest


def main(program, folder, *kinds):
    print(f"{'set':12} {'kind':18} {'peer':25} {'series':>6} {'fit':>8} {'score':>8} {'peer ms':>8} {'AUC':>7} {'peer':>7}")
    for name, load in (("nab", load_nab), ("mcmd", load_mcmd), ("jumpstarter", load_jumpstarter)):
        series = list(usable(load(folder)))
        for kind, options, peer_name, fit in peers():
            if kinds and kind not in kinds:
                continue
            both = [(*mine[:2], auc(mine[2], y[1]), *theirs)
                    for mine, theirs, y in zip(run_own(program, kind, [f"window={WINDOW}", *options], series),
                                               run_peer(fit, series), series) if mine]
            own, score, own_auc, peer, peer_auc = np.mean(both, axis=0)
            print(f"{name:12} {kind:18} {peer_name:25} {len(both):6} {own:8.2f} {score:8.2f} {peer:8.1f} {own_auc:7.4f} "
                  f"{peer_auc:7.4f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
