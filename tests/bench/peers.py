#!/usr/bin/env python3
"""The work of `fitfleet bench` done by the process pools that users come from.

N targets, each carrying its own rows as a float64 array, a fit that burns a fixed CPU time, W processes. Every peer runs in a
process of its own, which is given up after --timeout seconds. Prints one JSON object per peer: makespan_s, efficiency,
slot_us_per_target. A peer that is not installed, fails or takes too long is named on standard error.
"""
import argparse
import json
import multiprocessing
import os
import signal
import subprocess
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


def ray_tasks(items, slots):
    import ray
    ray.init(num_cpus=slots, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    fit_one = ray.remote(fit)
    ray.get([fit_one.remote(([], 0)) for _ in range(slots)])
    start = time.perf_counter()
    ray.get([fit_one.remote(item) for item in items])
    taken = time.perf_counter() - start
    ray.shutdown()
    return taken


def dask_distributed(items, slots):
    from distributed import Client, LocalCluster
    with LocalCluster(n_workers=slots, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(len, [[i] for i in range(slots)]))
        start = time.perf_counter()
        client.gather(client.map(fit, items, pure=False))
        return time.perf_counter() - start


def peers(slots, cpu_ms):
    """By name; each takes the items and returns its makespan in seconds."""
    def chunk(items):
        return -(-len(items) // slots)
    return {
        "bare burners": lambda items: bare_burners(items, slots, cpu_ms),
        "multiprocessing.Pool, one chunk per process": lambda items: pool(items, slots, chunk(items)),
        "multiprocessing.Pool, chunksize 1": lambda items: pool(items, slots, 1),
        "ProcessPoolExecutor": lambda items: executor(items, slots),
        "pathos, one chunk per process": lambda items: pathos_pool(items, slots, chunk(items)),
        "joblib (loky)": lambda items: joblib_loky(items, slots),
        "Ray": lambda items: ray_tasks(items, slots),
        "Dask distributed": lambda items: dask_distributed(items, slots),
    }


def make_items(args):
    try:
        import numpy
        rows = [numpy.arange(args.rows, dtype=float) + i for i in range(args.targets)]
    except ImportError:
        import array
        rows = [array.array("d", range(args.rows)) for _ in range(args.targets)]
    return [(row, args.cpu_ms) for row in rows]


def run_one(name, args):
    """In a process of its own: exits 3 if the peer is not installed."""
    try:
        makespan = peers(args.slots, args.cpu_ms)[name](make_items(args))
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    pure = args.targets * args.cpu_ms / 1000
    print(json.dumps({"peer": name, "makespan_s": makespan, "efficiency": pure / args.slots / makespan,
                      "slot_us_per_target": (makespan * args.slots - pure) * 1e6 / args.targets}), flush=True)


def start_one(name, timeout):
    """Its line, or None and why on standard error."""
    process = subprocess.Popen([sys.executable, *sys.argv, "--one", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        print(f"{name}: not within {timeout:g} s", file=sys.stderr)
        return None
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if process.returncode == 0 and lines:
        return lines[-1]
    why = (err.strip().splitlines() or ["no message"])[-1]
    print(f"{name}: " + (f"not installed ({why})" if process.returncode == 3 else f"failed: {why}"), file=sys.stderr)
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=3000)
    parser.add_argument("--rows", type=int, default=1440)
    parser.add_argument("--cpu-ms", type=float, default=2)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--only", default="", help="peers with this in their names")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        run_one(args.one, args)
        return
    for name in peers(args.slots, args.cpu_ms):
        line = start_one(name, args.timeout) if args.only in name else None
        if line:
            print(line, flush=True)


if __name__ == "__main__":
    main()
