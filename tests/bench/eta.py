"""How right a job's eta_ms is: taken when a quarter of its targets is done, beside what then really remained.

    FITFLEET_BIN=build/bin python3 tests/bench/eta.py [--rounds 3] [--slots 2] [--quick] [WORKLOAD…]

A coordinator and a worker; `fitfleet status` is asked every 50 ms until the job is done. The error is eta_ms / remained - 1. "fresh": no
history; "known": behind an earlier job of the same kind in the same state. "shared": two jobs at a time, of which the second is
three times as long; the figures are the first one's, and the second's taken when the first is at a quarter.
"""
import argparse
import os
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import workloads  # noqa: E402
from fleet import Fleet  # noqa: E402

WORKLOADS = ("uniform", "mixed_rules", "mixed_constant", "skew", "late_kind")
OVER = ("done", "failed", "cancelled")


class Bench(Fleet):
    def begin(self):
        self.state = tempfile.mkdtemp(dir=self.dir)
        return [self.coordinator(), self.worker(slots=ARGS.slots)]

    def follow(self, names):
        """When each job ended, and the eta of each when the first was at a quarter."""
        etas, at, ended = None, None, {}
        while len(ended) < len(names):
            for name in names:
                status = self.status(name)
                if status["state"] in OVER and name not in ended:
                    ended[name] = time.monotonic()
                    self.assertEqual(status["state"], "done")
                if name == names[0] and not etas and status["state"] == "running" and status["percent"] >= 25:
                    etas, at = {n: self.status(n)["eta_ms"] for n in names}, time.monotonic()
            time.sleep(0.05)
        return [(etas[name], (ended[name] - at) * 1000) for name in names] if etas else []

    def run_jobs(self, jobs):
        return self.follow([self.submit(job, "--no-reuse", "--id", f"{job}-{time.time()}") for job in jobs])

    def note(self, name, history, pair):
        self.errors.setdefault((name, history), []).append(pair)

    def workload(self, name):
        job = getattr(workloads, name)(tempfile.mkdtemp(dir=self.dir), 0.1 if ARGS.quick else 1)
        for _ in range(ARGS.rounds):
            programs = self.begin()
            for history in ("fresh", "known"):
                for pair in self.run_jobs([job]):
                    self.note(name, history, pair)
            for program in reversed(programs):
                program.stop()

    def shared(self):
        scale = 0.1 if ARGS.quick else 1
        jobs = [workloads.uniform(tempfile.mkdtemp(dir=self.dir), scale * part) for part in (0.4, 1.2)]
        for _ in range(ARGS.rounds):
            programs = self.begin()
            for label, pair in zip(("shared-short", "shared-long"), self.run_jobs(jobs)):
                self.note(label, "fresh", pair)
            for program in reversed(programs):
                program.stop()

    def runTest(self):
        self.errors = {}
        for name in ARGS.workloads or WORKLOADS + ("shared",):
            self.shared() if name == "shared" else self.workload(name)
        print(f"{'workload':16}{'state':6}{'eta_s':>8}{'remained':>10}{'error':>8}   of each round")
        medians = []
        for (name, history), pairs in self.errors.items():
            known = [(eta, left) for eta, left in pairs if eta is not None and eta >= 0]
            errors = [eta / left - 1 for eta, left in known]
            if not known:
                print(f"{name:16}{history:6}   none is shown")
                medians.append(1.0)
                continue
            eta, left = (statistics.median(column) / 1000 for column in zip(*known))
            medians.append(statistics.median(abs(error) for error in errors))
            print(f"{name:16}{history:6}{eta:8.2f}{left:10.2f}{statistics.median(errors):+8.1%}   "
                  + " ".join(f"{error:+.1%}" for error in errors) + (f" and {len(pairs) - len(known)} none" if len(known) < len(pairs) else ""))
        print(f"median absolute error {statistics.median(medians):.1%}, largest {max(medians):.1%} (none shown counts as 100 %)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=" ".join(WORKLOADS + ("shared",)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a tenth of the targets: whether it works, no figures")
    ARGS = parser.parse_args()
    Bench("runTest").debug()
