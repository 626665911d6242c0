#!/usr/bin/env python3
"""Every number of docs/benchmarks.md, section by section, and one table of them at the end. Called by run.sh."""
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

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SECTIONS = ("tasks", "start", "transport", "csv", "train", "score", "skew", "plan", "eta")
TASKS = (("small fits", 3000, 1440, 2), ("empty fits, small rows", 10000, 64, 0), ("empty fits, a day of minutes", 3000, 1440, 0))
TRAIN_BEYOND_LOADING_S = 0.6


class Numbers:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.rounds = 1 if args.quick else args.rounds
        self.summary = []  # (number, fitfleet, beside what, that)

    # -- running

    def program(self, name, *args):
        return subprocess.run([os.path.join(self.args.build, "bin", name), *map(str, args)], check=True, capture_output=True,
                              text=True, cwd=self.folder).stdout

    def script(self, name, *args):
        """Its JSON lines; what it says on standard error is said once."""
        done = subprocess.run([sys.executable, os.path.join(HERE, name), *map(str, args)], capture_output=True, text=True,
                              env={**os.environ, "FITFLEET_BIN": os.path.join(self.args.build, "bin")}, cwd=self.folder)
        for line in done.stderr.splitlines():
            if line not in self.said:
                self.said.append(line)
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def lines(self, name, *args):
        return [json.loads(line) for line in self.script(name, *args).splitlines()]

    def medians(self, runs, keys):
        """{peer: {key: median}} of JSON lines, in the order of the first key."""
        by_peer = {}
        for run in runs:
            by_peer.setdefault(run["peer"], []).append(run)
        table = {peer: {key: statistics.median(run[key] for run in list_of) for key in keys} for peer, list_of in by_peer.items()}
        return dict(sorted(table.items(), key=lambda item: item[1][keys[0]]))

    def heading(self, text):
        self.said = []
        print(f"\n{text}", flush=True)

    def say_missing(self):
        for line in self.said:
            print(f"  {line}")

    def note(self, number, ours, beside="", theirs=""):
        self.summary.append((number, ours, beside, theirs))

    # -- sections

    def tasks(self):
        for title, targets, rows, cpu_ms in TASKS:
            targets = targets // 50 if self.args.quick else targets
            self.heading(f"{title}: {targets} targets, {rows} rows, {cpu_ms} ms of CPU each, 2 executors; median of {self.rounds}")
            work = ("--targets", targets, "--rows", rows, "--cpu-ms", cpu_ms, "--slots", 2)
            runs = []
            for _ in range(self.rounds):
                runs += [{"peer": "fitfleet (stored)", **run} for run in json.loads(self.program("fitfleet", "bench", *work, "--format",
                                                                                                 "json"))]
                runs += self.lines("peers.py", *work)
            self.task_table(title, runs, cpu_ms)

    def task_table(self, title, runs, cpu_ms):
        table = self.medians(runs, ("makespan_s", "efficiency", "slot_us_per_target"))
        burners = table.pop("bare burners")
        print(f"{'':46}{'makespan_s':>11}{'efficiency':>11}{'of burners':>11}{'slot_us_per_target':>20}")
        for peer, row in table.items():
            share = f"{row['efficiency'] / burners['efficiency']:.3f}" if cpu_ms else ""
            print(f"{peer:46}{row['makespan_s']:11.3f}{row['efficiency']:11.3f}{share:>11}{row['slot_us_per_target']:20.1f}")
        self.say_missing()
        ours = table.pop("fitfleet (stored)")
        best = next(iter(table), None)
        if cpu_ms:
            self.note(f"{title}: efficiency, of bare burners", f"{ours['efficiency'] / burners['efficiency']:.3f}", best,
                      f"{table[best]['efficiency'] / burners['efficiency']:.3f}" if best else "")
        else:
            self.note(f"{title}: slot µs per target", f"{ours['slot_us_per_target']:.1f}", best,
                      f"{table[best]['slot_us_per_target']:.1f}" if best else "")

    def start(self):
        self.heading(f"start: embedded coordinator and 2 executors ready; median of {self.rounds}")
        runs = [json.loads(self.program("fitfleet", "bench", "--targets", 10, "--rows", 64, "--cpu-ms", 0, "--slots", 2, "--format",
                                        "json"))[0]["start_ms"] for _ in range(self.rounds)]
        print(f"{statistics.median(runs):.1f} ms")
        self.note("start, ms", f"{statistics.median(runs):.1f}")

    def transport(self):
        self.heading(f"messages of a megabyte between two processes; median of {self.rounds}")
        out = self.program("transport", 20 if self.args.quick else 1000, self.rounds)
        print(out, end="")
        for line in out.splitlines()[1:]:
            name, in_flight, _pair, raw, rpc, share, raw_cpu, rpc_cpu = line.split()
            self.note(f"rpc over {name}, {in_flight} in flight, MB/s", f"{rpc} ({share})", "bare REQ/REP", raw)
            self.note(f"rpc over {name}, {in_flight} in flight, CPU µs per MB", rpc_cpu, "bare REQ/REP", raw_cpu)

    def big_csv(self):
        path = os.path.join(self.folder, "big.csv")
        if not os.path.exists(path):
            self.script("csv_peers.py", path, "--write", *(("--targets", 30, "--rows", 200) if self.args.quick else ()))
            with open(os.path.join(self.folder, "big.yaml"), "w") as file:
                json.dump({"name": "big", "data": {"files": ["big.csv"], "target": "xcode"},
                           "models": {"top": {"kind": "seasonal", "season": "1d"}}}, file)
        return path

    def train_big(self):
        """(time_ms, seconds of the whole command)"""
        state = tempfile.mkdtemp(dir=self.folder)
        start = time.perf_counter()
        out = self.program("fitfleet", "train", "big.yaml", "--state", state, "--no-reuse", "--slots", 2, "--format", "json")
        seconds = time.perf_counter() - start
        shutil.rmtree(state)
        return json.loads(out)["time_ms"], seconds

    def csv(self):
        self.heading("")
        path = self.big_csv()
        size = os.path.getsize(path) / 1e6
        print(f"CSV to sorted columns of each target: {size:.0f} MB, targets interleaved by time; median of {self.rounds}")
        runs = []
        for _ in range(self.rounds):
            times, _ = self.train_big()
            load_s = (times["load"] + times["prepare"]) / 1000
            runs.append({"peer": "fitfleet (loading and preparing)", "seconds": load_s, "mb_per_s": size / load_s})
            runs.append(json.loads(self.program("scan", path, 1)))
            runs += self.lines("csv_peers.py", path)
        table = self.medians(runs, ("seconds", "mb_per_s"))
        print(f"{'':46}{'seconds':>11}{'MB/s':>11}")
        for peer, row in table.items():
            print(f"{peer:46}{row['seconds']:11.3f}{row['mb_per_s']:11.0f}")
        self.say_missing()
        ours, scan = table.pop("fitfleet (loading and preparing)"), table.pop("naive scan in C, one core")
        self.note("CSV to columns, MB/s", f"{ours['mb_per_s']:.0f}", "naive scan, one core", f"{scan['mb_per_s']:.0f}")
        table.pop("pyarrow, reading only", None)
        for peer in list(table)[:1]:
            self.note("CSV to columns, MB/s", f"{ours['mb_per_s']:.0f}", peer, f"{table[peer]['mb_per_s']:.0f}")

    def train(self):
        self.big_csv()
        self.heading(f"seasonal models of that file, two metrics, from start to exit; median of {self.rounds}")
        runs = [self.train_big() for _ in range(self.rounds)]
        load = statistics.median((times["load"] + times["prepare"]) / 1000 for times, _ in runs)
        whole = statistics.median(seconds for _, seconds in runs)
        print(f"{whole:.3f} s, of which loading and preparing {load:.3f} s")
        self.note("whole `train`, s", f"{whole:.3f}", f"loading + {TRAIN_BEYOND_LOADING_S} s", f"{load + TRAIN_BEYOND_LOADING_S:.3f}")

    def score_on(self, cores):
        """(lines, seconds) of the whole command, which may use that many cores."""
        allowed = sorted(os.sched_getaffinity(0))
        start = time.perf_counter()
        done = subprocess.run([os.path.join(self.args.build, "bin", "fitfleet"), "score", "big", "big.csv", "--state", "big.state",
                               "--out", "scores.csv"], check=True, capture_output=True, text=True, cwd=self.folder,
                              preexec_fn=lambda: os.sched_setaffinity(0, allowed[:cores]))
        return int(re.match(r"(\d+) lines", done.stderr.splitlines()[-1]).group(1)), time.perf_counter() - start

    def score(self):
        self.big_csv()
        self.program("fitfleet", "train", "big.yaml", "--state", "big.state")
        cores = len(os.sched_getaffinity(0))
        self.heading(f"scores of that file by those models, a line for each value, from start to exit; median of {self.rounds}")
        runs = {count: [self.score_on(count) for _ in range(self.rounds)] for count in sorted({1, cores})}
        for count, measured in runs.items():
            lines, seconds = measured[0][0], statistics.median(seconds for _, seconds in measured)
            print(f"{count} core{'s' if count > 1 else ''}: {lines} lines in {seconds:.2f} s, {lines / seconds:.0f} a second")
            self.note(f"scores, lines a second, {count} core{'s' if count > 1 else ''}", f"{lines / seconds:.0f}")

    def table_of(self, section, title, *args):
        self.heading(title)
        out = self.script(f"{section}.py", "--rounds", self.rounds, *(("--quick",) if self.args.quick else ()), *args)
        print(out, end="")
        return out

    def skew(self):
        out = self.table_of("skew", "few long targets: 5 of 300 take 20 times as long, 2 executors")
        for line in out.splitlines()[1:]:
            label, row = line[:16].strip(), line[16:].split()
            self.note(f"skew, {label}: makespan of the best", f"{row[1]} (quiet {row[2]})")

    def plan(self):
        out = self.table_of("plan", "what plan predicts beside what train takes")
        for history in ("fresh", "known"):
            errors = [re.findall(r"[+-][\d.]+%", line) for line in out.splitlines()[1:] if f" {history} " in line]
            worst = max((abs(float(row[1][:-1])) for row in errors), default=0)
            middle = statistics.median(abs(float(row[1][:-1])) for row in errors)
            self.note(f"plan, {history}: error of fitting, undisturbed", f"{middle:.1f} % median, {worst:.1f} % most")

    def eta(self):
        out = self.table_of("eta", "eta_ms at a quarter of the job beside what remained")
        self.note("ETA at a quarter of the job", out.splitlines()[-1].split(" (")[0])

    # -- all

    def run(self):
        cpu = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
        print(f"machine: {len(os.sched_getaffinity(0))} cores, {cpu.group(1) if cpu else 'unknown'}, load {os.getloadavg()[0]:.1f}, "
              f"{time.strftime('%Y-%m-%d', time.gmtime())}")
        for section in self.args.sections or SECTIONS:
            getattr(self, section)()
        print(f"\n{'number':52}{'fitfleet':>24}   beside")
        for number, ours, beside, theirs in self.summary:
            print(f"{number:52}{ours:>24}   {theirs} {beside or ''}".rstrip())


def main():
    parser = argparse.ArgumentParser(prog="run.sh")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=" ".join(SECTIONS))
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    for section in args.sections:
        if section not in SECTIONS:
            parser.error(f"there is no section {section}: {' '.join(SECTIONS)}")
    folder = tempfile.mkdtemp(prefix="ff-numbers-")
    try:
        Numbers(args, folder).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
