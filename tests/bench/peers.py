#!/usr/bin/env python3
"""The work of `fitfleet bench` done by the process pools that users come from.

N targets, each carrying its own rows as a float64 array, a fit that burns a fixed CPU time, W processes. Prints one JSON
object per peer: makespan_s, efficiency, slot_us_per_target. A peer that is not installed is named on standard error.
"""
import argparse
import json
import multiprocessing
import sys
import time


def burn(cpu_ms):
    end = time.thread_time() + cpu_ms / 1000
    while time.thread_time() < end:
        pass


def fit(item):
    burn(item[1])
    return len(item[0])


def fit_many(items):
    return [fit(item) for item in items]


def bare_burners(items, slots, cpu_ms):
    """What the machine gives: processes that only burn, without any work to hand out."""
    share = cpu_ms * len(items) / slots
    burners = [multiprocessing.Process(target=burn, args=(share,)) for _ in range(slots)]
    start = time.perf_counter()
    for burner in burners:
        burner.start()
    for burner in burners:
        burner.join()
    return time.perf_counter() - start


def pool(items, slots, chunk):
    with multiprocessing.Pool(slots) as workers:
        workers.map(len, [[]] * slots)
        start = time.perf_counter()
        workers.map(fit, items, chunksize=chunk)
        return time.perf_counter() - start


def executor(items, slots):
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(slots) as workers:
        list(workers.map(len, [[]] * slots))
        start = time.perf_counter()
        list(workers.map(fit, items))
        return time.perf_counter() - start


def pathos_pool(items, slots, chunk):
    from pathos.multiprocessing import ProcessPool
    workers = ProcessPool(slots)
    workers.map(len, [[]] * slots)
    start = time.perf_counter()
    workers.map(fit, items, chunksize=chunk)
    taken = time.perf_counter() - start
    workers.close()
    workers.join()
    return taken


def joblib_loky(items, slots):
    from joblib import Parallel, delayed
    with Parallel(n_jobs=slots) as workers:
        workers(delayed(len)([]) for _ in range(slots))
        start = time.perf_counter()
        workers(delayed(fit)(item) for item in items)
        return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=3000)
    parser.add_argument("--rows", type=int, default=1440)
    parser.add_argument("--cpu-ms", type=float, default=2)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    try:
        import numpy
        rows = [numpy.arange(args.rows, dtype=float) + i for i in range(args.targets)]
    except ImportError:
        import array
        rows = [array.array("d", range(args.rows)) for _ in range(args.targets)]
    items = [(row, args.cpu_ms) for row in rows]
    chunk = -(-len(items) // args.slots)
    peers = {
        "bare burners": lambda: bare_burners(items, args.slots, args.cpu_ms),
        "multiprocessing.Pool, one chunk per process": lambda: pool(items, args.slots, chunk),
        "multiprocessing.Pool, chunksize 1": lambda: pool(items, args.slots, 1),
        "ProcessPoolExecutor": lambda: executor(items, args.slots),
        "pathos, one chunk per process": lambda: pathos_pool(items, args.slots, chunk),
        "joblib (loky)": lambda: joblib_loky(items, args.slots),
    }
    for name, run in peers.items():
        if args.only and args.only not in name:
            continue
        try:
            makespan = run()
        except ImportError as error:
            print(f"{name}: not installed ({error})", file=sys.stderr)
            continue
        pure = args.targets * args.cpu_ms / 1000
        print(json.dumps({"peer": name, "makespan_s": makespan, "efficiency": pure / args.slots / makespan,
                          "slot_us_per_target": (makespan * args.slots - pure) * 1e6 / args.targets}), flush=True)


if __name__ == "__main__":
    main()
