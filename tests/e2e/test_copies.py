"""Stragglers: what a slow or hung worker holds is given to an idle one as well, and the first result wins."""
import signal
import time

import fleet
from fleet import Fleet, executors_of


class Copies(Fleet):
    def begin(self):
        """A job whose last targets are with a worker that is connected and does nothing."""
        job = self.slow_job(targets=8, cpu_ms=200, limits={"target_timeout": "50s"}, plan={"chunk": 2})
        self.coordinator()
        slow, fast = self.worker(), self.worker()
        hung = executors_of(slow.pid)
        name = self.submit(job)
        self.wait_fitted(1)
        for executor in hung:
            executor.kill(signal.SIGSTOP)
        return name, fast, hung

    def test_a_worker_that_hangs_does_not_hold_up_the_end(self):
        began = time.monotonic()
        name, fast, hung = self.begin()
        self.wait_state(name, "done", timeout=40)
        self.assertLess(time.monotonic() - began, 30)
        result = self.document(name)
        self.assertEqual(result["counts"]["fitted"], 8)
        self.assertEqual({entry["attempts"] for entry in result["top"].values()}, {1})
        # The copy that lost is dropped: the worker takes part in the next job.
        for executor in hung:
            executor.kill(signal.SIGCONT)
        again = self.submit(self.path("job.yaml"), "--no-reuse", "--id", "again")
        self.wait_state(again, "done")
        self.assertEqual(len({entry["worker"] for entry in self.document(again)["top"].values()}), 2)

    def test_explain_names_the_second_copy(self):
        job = self.slow_job(targets=2, cpu_ms=1500, plan={"chunk": 1})
        with open(self.path("data.csv")) as file:
            targets = sorted({line.split(",")[1] for line in file.read().splitlines()[1:]})
        self.coordinator()
        slow, fast = self.worker(), self.worker()
        name = self.submit(job)
        fleet.wait_until(lambda: all("leased to" in self.explain(name, target) for target in targets), "both are leased")
        hung = executors_of(slow.pid)[0]
        hung.kill(signal.SIGSTOP)
        fleet.wait_until(lambda: any("as a second copy to" in self.explain(name, target) for target in targets),
                         "a second copy is told of", 20)
        self.wait_state(name, "done")
        hung.kill(signal.SIGCONT)

    def explain(self, name, target):
        return self.run_program([fleet.FITFLEET, "explain", name, target]).out  # nothing while it is loading


class Bench(Fleet):
    def test_one_slow_executor_with_and_without_second_copies(self):
        runs = self.fitfleet("bench", "--straggler", "--slots", "1", "--targets", "6", "--rows", "10", "--cpu-ms", "50",
                             "--format", "json").json()
        self.assertEqual([run["second_copies"] for run in runs], [False, True])
        self.assertEqual({run["slots"] for run in runs}, {2})
        table = self.fitfleet("bench", "--slots", "1,2", "--targets", "5", "--rows", "10", "--cpu-ms", "0").out
        self.assertEqual(len(table.splitlines()), 4)


if __name__ == "__main__":
    fleet.main()
