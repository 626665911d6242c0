#!/usr/bin/env python3
"""The kind `online` on the Numenta Anomaly Benchmark, by `fitfleet score --online` and `fitfleet evaluate`.

    python3 tests/bench/models/nab.py FITFLEET NAB_DIRECTORY [--kind KIND] [--format json]

NAB_DIRECTORY holds data/ and labels/combined_windows.json. Each file is a stream of its own that begins from nothing; its
warm-up is the benchmark's probation, min(15 % of the rows, 750). Nothing else depends on the file. --kind: another kind,
trained on the probation and then applied to all rows with `fitfleet score`.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile


def rows_of(path):
    with open(path, "rb") as file:
        return sum(1 for line in file if line.strip()) - 1


def streamed(fitfleet, path, warmup, work):
    job = os.path.join(work, "job.yaml")
    with open(job, "w") as file:
        json.dump({"data": {"files": [path], "layout": "file", "values": ["value"]},
                   "models": {"top": {"kind": "online", "warmup": warmup}}}, file)
    return subprocess.run([fitfleet, "score", "--online", job, path], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout


def trained(fitfleet, kind, path, warmup, work):
    job, head, state = (os.path.join(work, name) for name in ("job.yaml", "head.csv", "state"))
    with open(path) as whole, open(head, "w") as file:
        file.writelines(line for i, line in enumerate(whole) if i <= warmup)
    with open(head) as file:
        column = file.readline().split(",")[0]
    with open(job, "w") as file:
        json.dump({"data": {"files": [head], "layout": "wide", "time": column},
                   "models": {"top": {"kind": kind}, "fallback": {"kind": "ewma"}}}, file)
    quiet = {"check": True, "stderr": subprocess.DEVNULL, "text": True}
    subprocess.run([fitfleet, "train", job, "--no-reuse", "--state", state], stdout=subprocess.DEVNULL, **quiet)
    return subprocess.run([fitfleet, "score", "job", path, "--state", state], stdout=subprocess.PIPE, **quiet).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("fitfleet")
    parser.add_argument("nab")
    parser.add_argument("--kind", default="online")
    parser.add_argument("--format", default="table")
    options = parser.parse_args()
    labels = os.path.join(options.nab, "labels", "combined_windows.json")
    with open(labels) as file:
        names = sorted(json.load(file))
    with tempfile.TemporaryDirectory() as work:
        scores = os.path.join(work, "scores.csv")
        with open(scores, "w") as out:
            for i, name in enumerate(names):
                path = os.path.abspath(os.path.join(options.nab, "data", name))
                warmup = min(int(0.15 * rows_of(path)), 750)
                if options.kind == "online":
                    lines = streamed(options.fitfleet, path, warmup, work)
                else:
                    lines = trained(options.fitfleet, options.kind, path, warmup, work)
                lines = lines.splitlines(keepends=True)
                if i == 0:
                    out.write(lines[0])
                for line in lines[1:]:
                    time, _, metric, rest = line.split(",", 3)
                    out.write(f"{time},{name},value,{rest}")
        sys.exit(subprocess.run([options.fitfleet, "evaluate", scores, "--labels", labels, "--format", options.format],
                                check=False).returncode)


if __name__ == "__main__":
    main()
