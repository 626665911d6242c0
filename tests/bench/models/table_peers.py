#!/usr/bin/env python3
"""The kinds that judge all columns together beside their references on labelled tables, on one core: time and ROC AUC.

    taskset -c 0 python3 tests/bench/models/table_peers.py FIT_TABLE DATA_DIRECTORY [KIND …]

DATA_DIRECTORY holds jumpstarter/ (30 services of 19 metrics, every fourth row: 1,440 without labels, which are fitted, and
1,800 with, which are judged). Peers (scikit-learn, PyOD) are run with several seeds where they use one; their first call is
not counted. Times are CPU time per table to fit and to judge; AUC the mean over the tables.
"""
import csv
import glob
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

SEEDS, EVERY = 3, 4


def load(folder):
    for path in sorted(glob.glob(f"{folder}/jumpstarter/*.csv")):
        rows = list(csv.DictReader(open(path)))
        names = [name for name in rows[0] if name.startswith("m")]
        before, later = ([row for row in rows if (row["label"] == "") == train][::EVERY] for train in (True, False))
        tables = [np.array([[float(row[name]) for name in names] for row in part]) for part in (before, later)]
        yield names, *tables, np.array([row["label"] == "1" for row in later])


def auc(scores, labels):
    """By ranks, ties count half."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    hits = labels.sum()
    return (ranks[labels].sum() - hits * (hits + 1) / 2) / (hits * (len(labels) - hits))


def run_own(program, kind, tables):
    for names, before, later, labels in tables:
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(",".join(names) + "\n")
            file.writelines(",".join(repr(float(v)) for v in row) + "\n" for row in np.vstack([before, later]))
            file.flush()
            words = subprocess.run([program, kind, file.name, str(len(before))], check=True, capture_output=True,
                                   text=True).stdout.split()
        scores = np.array([float(word) for word in words[3:]])
        yield float(words[0]), float(words[1]), float(words[2]) / 1024, np.mean(scores > 1), auc(scores, labels)


def run_peer(judge, tables):
    judge(*tables[0][1:3], 0)
    for _, before, later, labels in tables:
        good = before.std(axis=0) > 0
        start = time.process_time()
        found = [judge(before[:, good], later[:, good], seed) for seed in range(SEEDS)]
        yield (time.process_time() - start) * 1e3 / SEEDS, np.mean([auc(scores, labels) for scores in found])


def peers():
    """(kind, peer's name, function of a table to fit, one to judge and a seed that gives the scores of the second)"""
    from sklearn.covariance import MinCovDet
    from sklearn.ensemble import IsolationForest
    yield "iforest_rows", "sklearn IsolationForest", lambda x, y, seed: -IsolationForest(random_state=seed).fit(x).score_samples(y)
    yield "mahalanobis", "sklearn MinCovDet", lambda x, y, seed: MinCovDet(random_state=seed).fit(x).mahalanobis(y)
    try:
        from pyod.models.ecod import ECOD
        yield "ecod", "PyOD ECOD", lambda x, y, seed: ECOD().fit(x).decision_function(y)
    except ImportError:
        print("pyod is not installed", file=sys.stderr)


def main(program, folder, *kinds):
    print(f"{'kind':14} {'peer':25} {'tables':>6} {'fit':>8} {'score':>8} {'KiB':>7} {'peer ms':>8} {'above':>6} {'AUC':>7} {'peer':>7}")
    tables = list(load(folder))
    for kind, peer_name, judge in peers():
        if kinds and kind not in kinds:
            continue
        fit, score, size, above, own = np.mean(list(run_own(program, kind, tables)), axis=0)
        peer_ms, peer = np.mean(list(run_peer(judge, tables)), axis=0)
        print(f"{kind:14} {peer_name:25} {len(tables):6} {fit:8.2f} {score:8.2f} {size:7.0f} {peer_ms:8.1f} {above:6.3f} {own:7.4f} "
              f"{peer:7.4f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
