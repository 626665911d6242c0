"""Programs of different versions: of one protocol they work together, of another they refuse each other and say why."""
import os
import unittest

import fleet
from fleet import FITFLEET, Fleet, WORKER, wait_until

PATCH, PROTOCOL = (os.path.join(fleet.BIN, name) for name in ("patch", "protocol"))


@unittest.skipUnless(os.path.exists(PATCH), "the programs of other versions are not built")
class Versions(Fleet):
    def start_coordinator(self, program):
        coordinator = self.start([program, "coordinator", "--listen", "tcp://127.0.0.1:0", "--state", self.state])
        wait_until(lambda: "listens on " in coordinator.err(), "it listens")
        self.env["FITFLEET_COORDINATOR"] = coordinator.err().split("listens on ")[1].split(",")[0]
        return coordinator

    def test_programs_of_two_patch_versions_share_a_job(self):
        self.csv("data.csv", targets=30)
        job = self.job(models={"top": {"kind": "seasonal"}})
        for coordinator in (FITFLEET, os.path.join(PATCH, "fitfleet")):
            running = self.start_coordinator(coordinator)
            workers = [self.start([program, "--slots", "1"]) for program in (WORKER, os.path.join(PATCH, "fitfleet-worker"))]
            for worker in workers:
                self.wait_ready(worker)
            versions = {entry["version"] for entry in self.fitfleet("workers", "--format", "json").json()
                        if entry["state"] == "ready"}
            self.assertEqual(len(versions), 2)
            self.assertIn("0.1.99", versions)
            name = self.submit(job, "--no-reuse", "--set", "plan.chunk=2")
            self.wait_state(name, "done")
            top = self.document(name)["top"]
            self.assertEqual({(entry["class"], entry["attempts"]) for entry in top.values()}, {("fitted", 1)})
            for program in (*workers, running):
                program.stop()

    def test_a_worker_of_another_protocol_is_refused_by_name_on_both_sides(self):
        running = self.coordinator()
        done = self.start([os.path.join(PROTOCOL, "fitfleet-worker"), "--slots", "1"]).wait(20)
        self.assertEqual(done.code, 1, str(done))
        for text in (done.err, running.err()):
            self.assertRegex(text, r"protocol mismatch: the coordinator \(fitfleet \S+\) speaks 2, the caller \(9\.0\.0\) 3")
        self.assertIn("refuses this worker", done.err)
        self.assertEqual(self.fitfleet("workers", "--format", "json").json(), [])

    def test_a_coordinator_of_another_protocol_refuses_workers_and_clients(self):
        running = self.start_coordinator(os.path.join(PROTOCOL, "fitfleet"))
        done = self.start([WORKER, "--slots", "1"]).wait(20)
        self.assertEqual(done.code, 1, str(done))
        self.assertRegex(done.err, r"the coordinator \(fitfleet 9\.0\.0\) speaks 3, the caller \(\S+\) 2")
        self.csv("data.csv")
        for command in (("ping",), ("jobs",), ("submit", self.job()), ("watch",), ("cancel", "job"), ("workers",)):
            self.assertIn("protocol mismatch", self.check_one_message(self.fitfleet(*command, code=2)))
        self.assertEqual(running.err().count("is refused"), 1, "one line for all of them")

    def test_the_programs_tell_their_version(self):
        for folder, text in ((PATCH, "0.1.99 (protocol 2)"), (PROTOCOL, "9.0.0 (protocol 3)")):
            for program in ("fitfleet", "fitfleet-worker"):
                self.assertIn(text, self.run_program([os.path.join(folder, program), "--version"], code=0).out)


if __name__ == "__main__":
    fleet.main()
