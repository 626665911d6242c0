#!/usr/bin/env python3
"""Loading a CSV file whose targets are interleaved by time into columns by target, each in order of time, as peers do it.

Every peer runs in a process of its own, on as many cores as the process may use, and is given up after --timeout seconds. Its
clock runs from the file's name to the columns of all targets in memory; imports are outside. The time column is a whole number
and is not converted. Prints one JSON object per peer: seconds, mb_per_s, targets, rows.

    csv_peers.py FILE [--timeout 120] [--only NAME]
    csv_peers.py --write FILE [--targets 3000] [--rows 1434]       the file: time,target and two metrics
"""
import argparse
import json
import os
import sys
import time

from peers import start_one


def write(path, targets, rows):
    """Rows in order of time, all targets in each step, about 39 bytes each."""
    cells = [f"{1000 + i * 7919 % 9000 / 10:.2f},{20 + i * 104729 % 7000 / 1000:.4f}" for i in range(9973)]
    names = [f"TX{target:05d}" for target in range(targets)]
    with open(path, "w") as file:
        file.write("time,xcode,count,elapsed_ms\n")
        for row in range(rows):
            at = 1_700_000_000_000 + row * 60_000
            file.writelines(f"{at},{name},{cells[(row * 31 + i * 17) % 9973]}\n" for i, name in enumerate(names))


def use_pandas(path):
    import pandas
    start = time.perf_counter()
    frame = pandas.read_csv(path)
    frames = {name: group.sort_values("time", kind="stable") for name, group in frame.groupby("xcode", sort=True)}
    return start, len(frames), sum(len(group) for group in frames.values())


def use_polars(path):
    import polars
    start = time.perf_counter()
    frames = polars.read_csv(path).sort("xcode", "time").partition_by("xcode", as_dict=True)
    return start, len(frames), sum(frame.height for frame in frames.values())


def use_duckdb(path):
    import duckdb
    start = time.perf_counter()
    columns = duckdb.sql(
        f"SELECT xcode, list(time ORDER BY time), list(count ORDER BY time), list(elapsed_ms ORDER BY time) "
        f"FROM read_csv('{path}') GROUP BY xcode ORDER BY xcode").to_arrow_table()
    return start, columns.num_rows, sum(len(times) for times in columns.column(1))


def use_pyarrow(path):
    import pyarrow.csv
    start = time.perf_counter()
    table = pyarrow.csv.read_csv(path).sort_by([("xcode", "ascending"), ("time", "ascending")])
    codes = table.column("xcode").combine_chunks().dictionary_encode().indices.to_numpy()
    edges = [0, *(i + 1 for i in (codes[1:] != codes[:-1]).nonzero()[0].tolist()), len(codes)]
    parts = [table.slice(a, b - a) for a, b in zip(edges, edges[1:])]
    return start, len(parts), sum(part.num_rows for part in parts)


def use_pyarrow_read(path):
    import pyarrow.csv
    start = time.perf_counter()
    table = pyarrow.csv.read_csv(path)
    return start, 0, table.num_rows


PEERS = {"pyarrow, reading only": use_pyarrow_read, "pyarrow": use_pyarrow, "DuckDB": use_duckdb, "polars": use_polars,
         "pandas": use_pandas}


def run_one(name, path):
    try:
        start, targets, rows = PEERS[name](path)
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    seconds = time.perf_counter() - start
    print(json.dumps({"peer": name, "seconds": seconds, "mb_per_s": os.path.getsize(path) / 1e6 / seconds, "targets": targets,
                      "rows": rows}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--targets", type=int, default=3000)
    parser.add_argument("--rows", type=int, default=1434)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--only", default="")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write:
        write(args.file, args.targets, args.rows)
    elif args.one:
        run_one(args.one, args.file)
    else:
        for name in PEERS:
            line = start_one(name, args.timeout) if args.only in name else None
            if line:
                print(line, flush=True)


if __name__ == "__main__":
    main()
