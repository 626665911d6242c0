"""Fits that do wrong (kind busy, parameter fault) in the programs as they are: each costs its target, and says how it ended."""
import os
import time

import fleet
from fleet import FITFLEET, Fleet, WORKER, executors_of

FAULTS = {  # fault: error, part of errmsg, signal
    "segv": ("CRASHED", "signal 11", 11),
    "memory": ("OUT_OF_MEMORY", "within a limit of 64.0 MiB", None),
    "kill": ("CRASHED", "signal 9", 9),
    "abort": ("CRASHED", "signal 6", 6),
    "exit": ("CRASHED", "code 7", None),
    "close": ("CRASHED", "code 1", None),
    "loop": ("TIMEOUT", "target_timeout, 1 s", None),
    "deaf": ("TIMEOUT", "target_timeout, 1 s", None),
    "half": ("TIMEOUT", "target_timeout, 1 s", None),
    "garbage": ("BAD_OUTPUT", "garbage", None),
    "huge": ("BAD_OUTPUT", "garbage", None),
    "wrong_target": ("BAD_OUTPUT", "garbage", None),
}
if fleet.is_sanitized():  # a sanitizer reports the one and has no limit for the other
    del FAULTS["segv"], FAULTS["memory"]


class Faults(Fleet):
    def job_with(self, faults, good=20, **limits):
        names = [f"bad-{fault}" for fault in faults] + [f"good{i:02d}" for i in range(good)]
        self.write("data.csv", "time,target,value\n" + "".join(
            f"{1_700_000_000 + 60 * i},{name},{i % 7}\n" for name in names for i in range(30)))
        rules = [{"match": f"bad-{fault}", "kind": "busy", "fault": fault} for fault in faults]
        return self.job(models={"top": [*rules, {"match": "*", "kind": "busy", "cpu_ms": 5}]},
                        limits={"target_timeout": "1s", "target_memory": "64MiB", "attempts": 2, **limits})

    def left_over(self):
        """Processes of the worker's program that run in this test's folder, whoever their parent is."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == os.path.realpath(WORKER) and os.readlink(f"/proc/{pid}/cwd") == self.dir:
                    found.append(fleet.Pid(int(pid)))
            except OSError:
                pass
        return [process for process in found if process.alive()]

    def check(self, result):
        self.assertEqual(result["counts"]["quarantined"], len(FAULTS))
        for fault, (error, text, number) in FAULTS.items():
            entry = result["top"][f"bad-{fault}"]
            self.assertEqual((entry["class"], entry["error"], entry["attempts"]), ("quarantined", error, 2), fault)
            self.assertIn(text, entry["errmsg"], fault)
            self.assertEqual(entry.get("signal"), number, fault)
            self.assertGreater(entry["peak_rss_bytes"], 1 << 20, fault)
            self.assertGreater(entry["cpu_ms"], 0, fault)
        good = [entry for name, entry in result["top"].items() if name.startswith("good")]
        self.assertEqual({(entry["class"], entry["attempts"]) for entry in good}, {("fitted", 1)})

    def test_each_costs_its_target_only(self):
        self.check(self.train_json(self.job_with(FAULTS), "--slots", "2", code=3))
        for fault, (_, text, _) in FAULTS.items():
            shown = self.fitfleet("explain", "job", f"bad-{fault}", "--state", self.state).out
            for part in (text, f"busy: fault {fault}", "of CPU", "of memory at most", "fitfleet capsule"):
                self.assertIn(part, shown)
        self.assertEqual(self.left_over(), [])

    def test_tries_on_several_workers_end_the_same(self):
        self.coordinator()
        for _ in range(2):
            self.worker(slots=1)
        name = self.submit(self.job_with(FAULTS), "--set", "plan.chunk=4")
        self.wait_state(name, "done")
        self.check(self.document(name))

    def keep_workers(self, count, done):
        """As a service manager does: an agent that died is started again."""
        programs = [self.worker(slots=2, ready=False) for _ in range(count)]
        deaths = 0
        while not done():
            for i, program in enumerate(programs):
                if not program.running():
                    deaths += 1
                    programs[i] = self.worker(slots=2, ready=False)
            time.sleep(0.05)
        return deaths

    def test_a_target_that_takes_its_worker_along_is_found_among_its_neighbours(self):
        self.coordinator()
        name = self.submit(self.job_with(["agent"], attempts=2), "--set", "plan.chunk=7")
        deaths = self.keep_workers(2, lambda: self.status(name)["state"] == "done")
        result = self.document(name)
        lost = result["top"].pop("bad-agent")
        self.assertEqual((lost["class"], lost["error"], lost["attempts"]), ("quarantined", "WORKER_LOST", 2))
        self.assertEqual({(entry["class"], entry["attempts"]) for entry in result["top"].values()}, {("fitted", 1)})
        self.assertLessEqual(deaths, 6)  # among others in ever smaller chunks, then twice alone
        self.assertIn("alone", self.fitfleet("explain", name, "bad-agent").out)

    def test_the_same_in_train(self):
        result = self.train_json(self.job_with(["agent"], attempts=2), "--slots", "2", code=3)
        self.assertEqual(result["top"]["bad-agent"]["error"], "WORKER_LOST")
        self.assertEqual(result["counts"]["fitted"], 20)

    def test_what_fits_fork_is_reaped_while_the_job_runs_and_with_it(self):
        began = self.start([FITFLEET, "train", self.job_with(["fork"], target_timeout="60s"), "--state", self.state, "--slots", "2",
                            "--set", "models.top=[{match: 'good*', kind: busy, cpu_ms: 30, fault: fork}, {match: '*', kind: ewma}]",
                            "--format", "json"])
        most = 0
        while began.running():
            most = max(most, len(self.left_over()))
            time.sleep(0.1)
        self.assertLess(most, 30, "they pile up")
        done = began.wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual(self.left_over(), [])
        self.assertEqual(done.json()["counts"]["fitted"], 21)

    def test_executors_that_leak_are_replaced_without_charge(self):
        self.coordinator()
        config = self.write("worker.yaml", "slots: 2\nrecycle_memory: 40MiB\nrecycle_targets: 0\n")
        worker = self.start([WORKER, "--config", config])
        self.wait_ready(worker)
        began = [process.pid for process in executors_of(worker.pid)]
        self.write("data.csv", "time,target,value\n" + "".join(f"{60 * i},t{t:02d},1\n" for i in range(12) for t in range(40)))
        name = self.submit(self.job(models={"top": {"kind": "busy", "cpu_ms": 40, "leak_mib": 10}}))
        self.wait_state(name, "done")
        top = self.document(name)["top"]
        self.assertEqual({(entry["class"], entry["attempts"]) for entry in top.values()}, {("fitted", 1)})
        self.assertGreaterEqual(len({entry["pid"] for entry in top.values()}), 4)
        self.assertLess(max(entry["peak_rss_bytes"] for entry in top.values()), 400 << 20)
        self.assertFalse([pid for pid in began if fleet.Pid(pid).alive()])

    def test_recycling_settings_are_checked(self):
        for flag, value in (("--recycle-targets", "many"), ("--recycle-targets", "-1"), ("--recycle-memory", "much")):
            self.assertIn(f"{flag}: expected", self.run_program([WORKER, flag, value], code=2).err)


if __name__ == "__main__":
    fleet.main()
