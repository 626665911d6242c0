"""Requests and replies that get lost, of every call between workers, clients and coordinator."""
import random
import signal
import time

import fleet
from fleet import FITFLEET, Fleet
from lossy import Relay


class Lossy(Fleet):
    def setUp(self):
        super().setUp()
        coordinator = self.coordinator()
        self.relay = Relay(int(coordinator.url.rpartition(":")[2]))
        self.addCleanup(self.relay.close)
        self.through = {"FITFLEET_COORDINATOR": f"tcp://127.0.0.1:{self.relay.port}"}

    def lose_first(self, **methods):
        """The first request, or the first reply, of each method."""
        for kind, names in methods.items():
            self.relay.lose.update({(kind, name): (1,) for name in names})

    def large_job(self):
        """The frame of all is an object (Fetch), and so is its model (Put)."""
        rng = random.Random(5)  # noise: nearly every component is needed
        lines = ["time," + ",".join(f"m{column:04d}" for column in range(1500))]
        for row in range(400):
            cells = (str(rng.randrange(1000)) for _ in range(1500))
            lines.append(f"{1_700_000_000 + row * 60}," + ",".join(cells))
        self.write("data.csv", "\n".join(lines) + "\n")
        return self.write("job.yaml", "data: {files: [data.csv], layout: wide}\n"
                          "models: {all: {kind: pca, variance: 0.999}, top: {kind: ewma}}\n")

    def test_every_call_of_a_worker(self):
        """Each costs its deadline, so a request of some and a reply of the others is lost; tests/sim loses both of all."""
        job = self.large_job()
        lost = {"request": ["Fleet.Join", "Fleet.Report", "Fleet.Fetch"],
                "reply": ["Fleet.Join", "Fleet.Lease", "Fleet.Put", "Fleet.Beat", "Fleet.Leave"]}
        self.lose_first(**lost)
        worker = self.worker("--copy-rows", env=self.through, slots=2, ready=False)
        name = self.submit(job)
        self.wait_state(name, "done", timeout=180)
        result = self.document(name)
        self.assertEqual((result["counts"]["fitted"], result["all"]["class"]), (1500, "fitted"))
        self.assertEqual({entry["attempts"] for entry in result["top"].values()}, {1})
        worker.signal(signal.SIGTERM)
        self.assertEqual(worker.wait(60).code, 0)
        self.assertEqual(sorted(self.relay.lost), sorted(f"{kind} 1 of {method}" for kind in lost for method in lost[kind]))

    def test_every_call_of_a_client(self):
        """A lost answer leaves open what became of the call: to ask again is safe."""
        job = self.slow_job(targets=2, cpu_ms=10)
        self.worker()
        self.lose_first(reply=["Jobs.Submit", "Jobs.Read"])
        names = set()
        codes = []
        for _ in range(3):
            result = self.run_program([FITFLEET, "submit", job, "--id", "once"], env=self.through)
            codes.append(result.code)
            names |= set(result.out.split())
        self.assertEqual(len(names), 1, codes)
        self.assertIn(5, codes)
        self.wait_state(names.pop(), "done")
        self.assertEqual(len(self.fitfleet("jobs", "--format", "json").json()), 1)
        self.assertEqual([self.run_program([FITFLEET, "results"], env=self.through).code for _ in range(2)], [5, 0])

    def test_a_large_frame_comes_once_per_host(self):
        """Whatever the number of executors and of jobs that need it: 1500 columns of 400 steps are five ranges."""
        job = self.large_job()
        self.worker("--copy-rows", env=self.through, slots=3)
        for _ in range(3):
            self.fitfleet("submit", job, "--no-reuse", "--wait")
            self.assertEqual(self.relay.counts["request", "Fleet.Fetch"], 5)

    def test_parts_of_a_lease_that_pass_each_other(self):
        """Its last part is fitted and reported before the first one comes."""
        rows = "".join(f"{i},{i % 7},{i % 5},{i % 3},{i % 2},{i % 11},{i % 13}\n" for i in range(200_000))
        self.write("data.csv", "time,a,b,c,d,e,f\n" + rows)  # three targets are a lease: two in its first part, then one
        job = self.write("job.yaml", "data: {files: [data.csv], layout: wide, time_format: index}\nprepare: {step: 1m}\n"
                         "models: {top: {kind: busy, cpu_ms: 300}}\nplan: {chunk: 3}\n")
        self.relay.hold = {3: 2}  # an executor is idle and asks; a second becomes idle, asks as well, and is served first
        worker = self.worker("--copy-rows", env=self.through, slots=2)
        name = self.submit(job)
        self.wait_state(name, "done", timeout=30)
        self.assertEqual({entry["attempts"] for entry in self.document(name)["top"].values()}, {1})
        self.assertEqual(self.relay.large, 4)
        self.assertTrue(worker.running())

    def test_a_direction_that_is_silent_for_a_while(self):
        """First no reply comes through, then no request; each for longer than two Beats."""
        job = self.slow_job(targets=40, cpu_ms=300)
        self.worker(env=self.through)
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(2)
        every = range(1, 1 << 20)
        for kind in ("reply", "request"):
            methods = ("Fleet.Lease", "Fleet.Report", "Fleet.Beat", "Fleet.Join")
            self.relay.lose.update({(kind, method): every for method in methods})
            time.sleep(6)
            self.relay.lose.clear()
        self.wait_state(name, "done", timeout=90)
        result = self.document(name)
        self.assertEqual(result["counts"]["fitted"], 40)
        self.assertEqual({entry["attempts"] for entry in result["top"].values()}, {1})


if __name__ == "__main__":
    fleet.main()
