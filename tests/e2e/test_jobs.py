"""Several jobs at once: who gets the executors."""
import fleet
from fleet import Fleet


class Jobs(Fleet):
    def begin_batch(self, targets=400, **more):
        self.csv("batch.csv", targets=targets, rows=20)
        self.csv("one.csv", targets=1, rows=20)
        self.coordinator()
        self.worker(slots=2)
        return self.submit(self.busy("batch", **more))

    def busy(self, name, **more):
        return self.job(f"{name}.yaml", files=(f"{name}.csv",), models={"top": {"kind": "busy", "cpu_ms": 20}}, **more)

    def test_a_job_of_one_target_passes_a_batch(self):
        batch = self.begin_batch()
        self.wait_fitted(20)
        self.fitfleet("submit", self.busy("one"), "--wait")
        self.assertEqual(self.status(batch)["state"], "running")
        self.fitfleet("cancel", batch)

    def test_a_job_of_higher_priority_that_comes_later_ends_earlier(self):
        low = self.begin_batch(targets=200, priority="low")
        self.wait_fitted(20)
        high = self.submit(self.busy("batch", priority="high"), "--no-reuse", "--set", "name=high")
        self.wait_state(high, "done")
        self.assertEqual(self.status(low)["state"], "running")
        self.wait_state(low, "done")

    def test_finished_jobs_beyond_those_that_are_kept_are_forgotten(self):
        coordinator = self.coordinator("--keep-jobs", "2")
        self.worker()
        self.csv("data.csv", targets=3)
        file = self.job(output={"keep": 1})
        names = [self.fitfleet("submit", file, "--no-reuse", "--wait").out.splitlines()[0] for _ in range(5)]
        listed = lambda: [job["job"] for job in self.fitfleet("jobs", "--format", "json").json()]
        fleet.wait_until(lambda: len(listed()) == 2, "three jobs are forgotten")
        self.assertEqual(listed(), names[:2:-1])
        result = self.fitfleet("results", names[0], code=2)
        self.assertIn(names[0], result.err)
        self.assertEqual(self.fitfleet("results", names[4], "--format", "json").json()["counts"]["fitted"], 3)
        coordinator.stop()
        self.assertIn("nothing wrong", self.fitfleet("fsck", "--state", self.state).out)


if __name__ == "__main__":
    fleet.main()
