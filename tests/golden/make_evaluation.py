#!/usr/bin/env python3
"""Golden data of evaluation: VUS by the authors' package, NAB's scores by a scorer that reproduces the published results
(nab_score.py of the data pack, whose folder is the argument).

    pip install numpy vus==0.0.6
    python3 tests/golden/make_evaluation.py TOOLS > tests/golden/evaluation.txt

    series NAME rows events
    events first last …   rows
    scores …
    vus roc pr            buffers of 0 to 40 rows
    nab standard low_fp low_fn   of all series above, with the best threshold each
"""
import sys

import numpy as np
import vus
from vus.metrics import get_metrics

sys.path.insert(0, sys.argv[1])
import nab_score

ROWS, BUFFER = 400, 40


def main():
    rng = np.random.default_rng(7)
    print(f"# {sys.argv[0]}: numpy {np.__version__}, vus 0.0.6, seed 7")
    rows, windows = [], 0
    for name, events in (("apart", [(90, 110), (300, 340)]), ("close", [(70, 75), (80, 81), (200, 202)]),
                         ("edges", [(65, 69), (390, 399)]), ("silent", [(150, 180)])):
        labels, times = np.zeros(ROWS), list(range(ROWS))
        for first, last in events:
            labels[first:last + 1] = 1
        scores = np.round(rng.random(ROWS) * 0.8 + labels * rng.random(ROWS) * (0 if name == "silent" else 0.9), 3)
        values = get_metrics(scores, labels, "vus", "opt", BUFFER)
        print("series", name, ROWS, len(events))
        print("events", *(edge for event in events for edge in event))
        print("scores", *scores)
        print("vus", repr(float(values["VUS_ROC"])), repr(float(values["VUS_PR"])))
        judged = nab_score.unweighted(times, events)
        rows += [(scores[i], None if window is None else (name, window), value)
                 for i, (window, value) in enumerate(judged) if i >= nab_score.probation(ROWS)]
        windows += len(events)
    rows.sort(key=lambda row: -row[0])
    out = []
    for profile, (tp, _, _) in nab_score.PROFILES.items():
        best, base = nab_score.sweep(rows, profile)
        out.append(100 * (best[0] - base) / (windows * tp - base))
    print("nab", *map(repr, out))


main()
