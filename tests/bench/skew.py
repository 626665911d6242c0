"""What a few long targets cost: 300 targets of 200 ms of CPU of which 5 take 20 times as long, on 2 executors.

    FITFLEET_BIN=build/bin python3 tests/bench/skew.py [--rounds 1] [--cpu-ms 200] [--slots 2] [--quick]

`of best` is the makespan (time_ms.wire) by that of the best possible schedule, which is max(sum / slots, longest) on the machine
as it is: processes that only burn do that work right before. `quiet` takes the fits' CPU time by their time out instead, which
is what is left where the machine has other work. What tells the long ones from the others, in four rows:

    rules, unknown    a rule of models.top; nothing was fitted before
    rules, known      the same, in a state that has fitted them once
    rows, unknown     they have 20 times as many rows
    none              without long ones: what the rest costs
"""
import argparse
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import peers  # noqa: E402
import workloads  # noqa: E402
from fleet import Case  # noqa: E402

COUNT, LONG, TIMES = 300, 5, 20


class Bench(Case):
    def make(self, long_ones, rows_tell):
        folder = tempfile.mkdtemp(dir=self.dir)
        # Long ones in the middle of the names: order alone is not to help.
        long_names = range(COUNT // 2, COUNT // 2 + long_ones)
        workloads.write_rows(folder, [20 * (TIMES if rows_tell and i in long_names else 1) for i in range(COUNT)])
        rules = [{"match": f"t{i:05d}", "kind": "busy", "cpu_ms": ARGS.cpu_ms * TIMES} for i in long_names]
        if not rows_tell and rules:
            rules = [{**rules[0], "match": f"t{COUNT // 2:05d}"[:-1] + f"[0-{long_ones - 1}]"}]
        return workloads.job(folder, "skew", models={"top": [*rules, {"match": "*", "kind": "busy", "cpu_ms": ARGS.cpu_ms}]})

    def run_one(self, label, job, long_ones):
        fits = [ARGS.cpu_ms * (TIMES if i < long_ones else 1) for i in range(COUNT)]
        share = sum(fits) / ARGS.slots
        bound = max(share, max(fits))
        burned = peers.bare_burners([None] * COUNT, ARGS.slots, sum(fits) / COUNT) * 1000
        result = self.train_json(job, "--no-reuse", "--slots", ARGS.slots)
        took = result["time_ms"]["wire"]
        cpu = sum(t["cpu_ms"] for t in result["top"].values()) / sum(t["fit_ms"] for t in result["top"].values())
        self.lines.setdefault(label, []).append((took / 1000, took / (burned * bound / share), took * cpu / bound, cpu))

    def runTest(self):
        self.lines = {}
        by_rule, by_rows, even = self.make(LONG, False), self.make(LONG, True), self.make(0, False)
        for _ in range(ARGS.rounds):
            self.state = tempfile.mkdtemp(dir=self.dir)
            self.run_one("rules, unknown", by_rule, LONG)
            self.run_one("rules, known", by_rule, LONG)
            for label, job, long_ones in (("rows, unknown", by_rows, LONG), ("none", even, 0)):
                self.state = tempfile.mkdtemp(dir=self.dir)
                self.run_one(label, job, long_ones)
        print(f"{'':16}{'makespan_s':>11}{'of best':>9}{'quiet':>8}{'cpu':>7}")
        for label, runs in self.lines.items():
            makespan, of_best, quiet, cpu = (statistics.median(column) for column in zip(*runs))
            print(f"{label:16}{makespan:11.3f}{of_best:9.3f}{quiet:8.3f}{cpu:7.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cpu-ms", type=float, default=200)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="fits of 2 ms: whether it works, no figures")
    ARGS = parser.parse_args()
    if ARGS.quick:
        ARGS.cpu_ms = 2
    Bench("runTest").debug()
