#!/usr/bin/env python3
"""A million targets on ten thousand workers, played by one machine: what the coordinator needs for it.

    tests/bench/swarm.py [--targets 1000000] [--workers 10000] [--fit-us 20000] [--build build]

The coordinator is the real one, with its real state, and so are connections and messages; only fits take virtual time.
Prints the coordinator's CPU time per target, its memory per pending target, and how long `status` takes meanwhile."""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=10_000)
    parser.add_argument("--fit-us", type=int, default=20_000)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    args = parser.parse_args()
    program = os.path.join(args.build, "bin", "fitfleet")
    folder = tempfile.mkdtemp(prefix="ff-swarm-")
    running = []
    try:
        with open(os.path.join(folder, "data.csv"), "w") as file:
            file.write("time,target,value\n")
            for row in range(3):
                file.writelines(f"{1_700_000_000 + row * 60},t{number:07d},{row}\n" for number in range(args.targets))
        with open(os.path.join(folder, "job.yaml"), "w") as file:
            file.write("name: swarm\ndata: {files: [data.csv], target: target}\ntargets: {min_rows: 2}\n")
        log = open(os.path.join(folder, "log"), "w+")
        coordinator = subprocess.Popen([program, "coordinator", "--listen", "tcp://127.0.0.1:0", "--state",
                                        os.path.join(folder, "state")], stderr=log)
        running.append(coordinator)
        url = None
        while not url:
            time.sleep(0.05)
            with open(log.name) as file:
                found = re.search(r"listens on (\S+),", file.read())
            url = found and found.group(1)
        env = {**os.environ, "FITFLEET_COORDINATOR": url}

        def ask(*words):
            began = time.monotonic()
            out = subprocess.run([program, *words], env=env, capture_output=True, text=True, check=True).stdout
            return out, (time.monotonic() - began) * 1000

        swarm = subprocess.Popen([os.path.join(args.build, "bin", "swarm"), url, str(args.workers), str(args.fit_us)])
        running.append(swarm)
        while len(json.loads(ask("workers", "--format", "json")[0])) < args.workers:
            time.sleep(1)
        idle = cpu_s(coordinator.pid)
        time.sleep(5)
        idle = (cpu_s(coordinator.pid) - idle) / 5
        name = ask("submit", os.path.join(folder, "job.yaml"))[0].strip()
        while json.loads(ask("status", name, "--format", "json")[0])["state"] in ("queued", "loading"):
            time.sleep(0.1)
        began, cpu, most, times = time.monotonic(), cpu_s(coordinator.pid), 0, []
        while True:
            out, took = ask("status", name, "--format", "json")
            times.append(took)
            most = max(most, rss_bytes(coordinator.pid))
            status = json.loads(out)
            if status["state"] not in ("running", "paused"):
                break
            time.sleep(0.2)
        took_s, cpu = time.monotonic() - began, cpu_s(coordinator.pid) - cpu
        print(json.dumps({"state": status["state"], "targets": args.targets, "workers": args.workers,
                          "makespan_s": round(took_s, 2), "idle_cpu_share": round(idle, 3),
                          "coordinator_us_per_target": round((cpu - idle * took_s) * 1e6 / args.targets, 2),
                          "coordinator_us_per_target_with_beats": round(cpu * 1e6 / args.targets, 2),
                          "rss_mb": most >> 20, "status_ms_median": round(statistics.median(times), 1),
                          "status_ms_max": round(max(times), 1)}))
    finally:
        for process in running:
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
