"""What `fitfleet plan` predicts beside what `fitfleet train` then takes.

    FITFLEET_BIN=build/bin python3 tests/bench/plan.py [--rounds 3] [--slots 1,2] [--quick] [WORKLOAD…]

Fitting is compared with fitting: `fit_s` of the plan with `time_ms.wire` of the job, which goes from its targets at hand to its
last committed outcome; and the whole with the whole: `total_s` with `time_ms.total`, from the job accepted to its models
published. In neither is the start of the programs. `cpu` is the CPU time of the fits by their time: below 1 something else took it, and
`quiet` is the error beside what fitting would have taken without that. "fresh" is a state without history, in which plan fits a few samples; "known"
is the same state after one job. Everything is fitted every time (--no-reuse). Medians of the rounds; an error is predicted / taken - 1.
"""
import argparse
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import workloads  # noqa: E402
from fleet import Case  # noqa: E402

WORKLOADS = ("uniform", "mixed", "mixed_constant", "skew", "late_kind", "cloudwatch", "boutique")


class Bench(Case):
    def plan(self, job, slots):
        plan = self.fitfleet("plan", job, "--state", self.state, "--no-reuse", "--format", "json").json()
        return [next(p for p in plan["predicted"] if p["slots"] == n) for n in slots]

    def take(self, job, slots):
        result = self.train_json(job, "--no-reuse", "--slots", slots)
        times, fits = result["time_ms"], [*result["top"].values(), *filter(None, [result.get("all")])]
        share = sum(fit["cpu_ms"] for fit in fits) / sum(fit["fit_ms"] for fit in fits)
        return times["wire"] / 1000, times["total"] / 1000, share

    def round(self, job, slots, pairs):
        """A plan and the jobs that follow it, first in a state of its own, then with its history."""
        self.state = tempfile.mkdtemp(dir=self.dir)
        for history in ("fresh", "known"):
            for n, predicted in zip(slots, self.plan(job, slots)):
                fit_s, total_s, share = self.take(job, n)
                pairs.setdefault((history, n), []).append((predicted["fit_s"], fit_s, predicted["total_s"], total_s, share))

    def workload(self, name, args):
        folder = tempfile.mkdtemp(dir=self.dir)
        job = getattr(workloads, name)(folder, 0.02 if args.quick else 1)
        pairs = {}
        for _ in range(args.rounds):
            self.round(job, args.slots, pairs)
        for (history, n), rows in pairs.items():
            fit, took, total, took_total, share = (statistics.median(column) for column in zip(*rows))
            errors = [statistics.median(row[i] / row[i + 1] - 1 for row in rows) for i in (0, 2)]
            quiet = statistics.median(row[0] / (row[1] * row[4]) - 1 for row in rows)
            print(f"{name:15}{history:6}{n:6}{fit:10.3f}{took:9.3f}{errors[0]:+8.1%}{share:7.2f}{quiet:+8.1%}"
                  f"{total:11.3f}{took_total:9.3f}{errors[1]:+8.1%}", flush=True)

    def runTest(self):
        print(f"{'workload':15}{'state':6}{'slots':>6}{'fit_s':>10}{'taken':>9}{'error':>8}{'cpu':>7}{'quiet':>8}{'total_s':>11}{'taken':>9}{'error':>8}")
        for name in ARGS.workloads or WORKLOADS:
            self.workload(name, ARGS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=" ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2])
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the targets: whether it works, no figures")
    ARGS = parser.parse_args()
    Bench("runTest").debug()
