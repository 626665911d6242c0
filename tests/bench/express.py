"""What a job of one target waits for while a batch runs: 2,000 targets of 5 ms on 2 executors.

    FITFLEET_BIN=build/bin python3 tests/bench/express.py [JOBS]      default: 20

Prints the milliseconds from the start of `submit --wait` to its end, without anything else running and beside the batch.
"""
import os
import random
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from fleet import Fleet  # noqa: E402


class Bench(Fleet):
    def one(self, number):
        began = time.monotonic()
        self.fitfleet("submit", self.path("one.yaml"), "--no-reuse", "--wait", "--id", f"one-{number}-{time.time()}")
        return (time.monotonic() - began) * 1000

    def some(self, label, count, pause):
        times = []
        for number in range(count):
            time.sleep(pause * random.random())
            times.append(self.one(f"{label}-{number}"))
        times.sort()
        print(f"{label:8} median {statistics.median(times):6.0f} ms   least {times[0]:6.0f}   most {times[-1]:6.0f}   "
              f"of {count}")

    def runTest(self):
        count = int(os.environ["JOBS"])
        self.csv("batch.csv", targets=2000, rows=20)
        self.csv("one.csv", targets=1, rows=20)
        self.job("batch.yaml", files=("batch.csv",), models={"top": {"kind": "busy", "cpu_ms": 5}})
        self.job("one.yaml", files=("one.csv",), models={"top": {"kind": "busy", "cpu_ms": 5}})
        self.coordinator()
        self.worker(slots=2)
        self.some("alone", count, 0.1)
        left = count
        while left:
            name = self.submit(self.path("batch.yaml"), "--no-reuse", "--id", f"batch-{left}")
            time.sleep(0.5)
            now = min(left, 8)
            self.some("beside", now, 0.3)
            left -= now
            if self.status(name)["state"] != "running":
                print("(the batch was over)")
            self.wait_state(name, "done")


if __name__ == "__main__":
    os.environ["JOBS"] = sys.argv[1] if len(sys.argv) > 1 else "20"
    Bench("runTest").debug()
