"""Coordinator and workers in network namespaces of their own, joined by veth pairs: a worker joins while a job runs, one
leaves, and a link goes down for some seconds and up again. Everything is made and removed here."""
import signal
import unittest

import netns
from fleet import FITFLEET, Fleet, main, wait_until

MISSING = netns.missing()


@unittest.skipIf(MISSING, MISSING)
class Namespaces(Fleet):
    def setUp(self):
        super().setUp()
        self.network = netns.Network(self.addCleanup)
        self.home = self.network.enter(self.network.home)
        self.env["FITFLEET_TOKEN_FILE"] = self.write("token", "a token of some length")

    def fitfleet(self, *args, **more):
        return self.run_program([*self.home, FITFLEET, *args], **{"code": 0, **more})

    def begin(self, targets, cpu_ms):
        job = self.slow_job(targets=targets, cpu_ms=cpu_ms, rows=200)
        self.coordinator("--insecure", "--data-root", self.dir, listen=f"tcp://{netns.COORDINATOR}:0",
                         prefix=self.home)
        self.assertIn(netns.COORDINATOR, self.env["FITFLEET_COORDINATOR"])
        return job

    def worker_in(self, name, *args, **more):
        return self.worker(*args, prefix=self.network.enter(name), **more)

    def finish(self, name, targets):
        self.wait_state(name, "done", timeout=90)
        document = self.document(name)
        self.assertEqual(document["counts"]["fitted"], targets, document["counts"])
        self.assertEqual(len(self.fitfleet("models", "export", "job").out.splitlines()), targets)
        return document

    def test_one_joins_and_one_leaves_while_a_job_runs(self):
        job = self.begin(targets=24, cpu_ms=300)
        (first, _), (second, _) = self.network.host(), self.network.host()
        leaving = self.worker_in(first)
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(3)
        joined = self.worker_in(second)
        wait_until(lambda: len({entry["worker"] for entry in self.document(name)["top"].values()}) == 2,
                   "both have fitted something")
        leaving.signal(signal.SIGTERM)
        self.assertEqual(leaving.wait(12).code, 0)
        self.assertIn(self.status(name)["state"], ("running", "done"))
        document = self.finish(name, 24)
        self.assertEqual({entry["attempts"] for entry in document["top"].values()}, {1})
        self.assertTrue(joined.running())

    def test_a_link_that_goes_down_for_some_seconds(self):
        job = self.begin(targets=30, cpu_ms=500)
        (first, port), (second, _) = self.network.host(), self.network.host()
        away, _ = self.worker_in(first), self.worker_in(second)
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(3)
        self.network.cut(port, False)
        before = len(self.document(name)["top"])
        self.wait_fitted(before + 8)  # about four seconds of the other worker's work
        self.network.cut(port, True)
        document = self.finish(name, 30)
        self.assertEqual({entry["attempts"] for entry in document["top"].values()}, {1})
        self.assertTrue(away.running())

    def test_a_link_that_stays_down_until_the_worker_is_given_up(self):
        job = self.begin(targets=6, cpu_ms=300)
        (first, port), (second, _) = self.network.host(), self.network.host()
        away = self.worker_in(first)
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(1)
        self.network.cut(port, False)
        self.worker_in(second)
        document = self.finish(name, 6)
        self.assertLessEqual(max(entry["attempts"] for entry in document["top"].values()), 2)
        wait_until(lambda: "lost" in self.fitfleet("workers").out, "it is given up", 40)
        self.network.cut(port, True)
        self.wait_ready(away, times=2)
        again = self.submit(self.job(models={"top": {"kind": "ewma"}}))
        self.finish(again, 6)

    def test_the_only_workers_link_fails_and_comes_back(self):
        job = self.begin(targets=8, cpu_ms=300)
        (first, port) = self.network.host()
        self.worker_in(first)
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(2)
        self.network.cut(port, False)
        wait_until(lambda: self.quiet_ms() > 3000, "the coordinator has not heard of it for a while", 20)
        self.assertEqual(self.status(name)["state"], "running")
        self.network.cut(port, True)
        document = self.finish(name, 8)
        self.assertEqual({entry["attempts"] for entry in document["top"].values()}, {1})

    def quiet_ms(self):
        return max(worker["heard_ms"] for worker in self.fitfleet("workers", "--format", "json").json())


if __name__ == "__main__":
    main()
