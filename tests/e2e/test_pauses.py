"""Processes that stand still (SIGSTOP, docker pause, suspend) longer than a lease lives: nobody is blamed, and what was
finished counts."""
import os
import signal
import time

import fleet
from fleet import Fleet, executors_of, wait_until

EXPIRY_S = 15  # FF_FLEET_EXPIRY_MS


class Pauses(Fleet):
    def names(self, state):
        return {entry["name"] for entry in self.fitfleet("workers", "--format", "json").json() if entry["state"] == state}

    def cpu_s(self, process):
        with open(f"/proc/{process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def busy(self):
        return {executor["target"] for entry in self.fitfleet("workers", "--format", "json").json()
                for executor in entry["executors"] if executor["busy"]}

    def test_late_results_count_and_a_pause_is_nobodys_fault(self):
        """One worker whose executor goes on while its agent is stopped, and one that is stopped altogether."""
        self.csv("data.csv", targets=4)
        job = self.job(models={"top": {"kind": "busy", "cpu_ms": 1500}}, plan={"chunk": 2},
                       limits={"target_timeout": "12s", "attempts": 1})
        coordinator = self.coordinator("--verbose")
        agents = [self.worker(slots=1, prefix=["setsid"]) for _ in range(2)]
        executors = [executors_of(agent.pid)[0] for agent in agents]
        name = self.submit(job)
        for executor in executors:
            wait_until(lambda: self.cpu_s(executor) > 0.2, "both fit")
        agents[0].signal(signal.SIGSTOP)
        for process in (executors[1], agents[1]):
            (process.kill if process is executors[1] else process.signal)(signal.SIGSTOP)
        wait_until(lambda: len(self.names("lost")) == 2, "both are lost", EXPIRY_S + 10)
        self.assertEqual(self.status(name)["counts"]["fitted"], 0)
        executors[1].kill(signal.SIGCONT)
        for agent in agents:
            agent.signal(signal.SIGCONT)
        began = time.monotonic()
        first = wait_until(lambda: (lambda mine: mine if len(mine) == 2 else None)(
            [entry for entry in self.document(name)["top"].values() if entry["pid"] == executors[0].pid]),
                           "the results of the first come late", 10)
        self.assertLess(time.monotonic() - began, 2.9, "they were fitted again")
        self.assertEqual({entry["attempts"] for entry in first}, {1})
        self.wait_state(name, "done")
        done = self.document(name)
        self.assertEqual(done["counts"]["fitted"], 4, f"{done['top']}\n{coordinator.err()}")
        self.assertEqual({entry["attempts"] for entry in done["top"].values()}, {1})
        for agent in agents:
            self.assertEqual(agent.err().count("ready as "), 2, agent.err())
        self.assertEqual(coordinator.err().count(" is lost"), 2)

    def test_an_executor_that_stays_stopped_loses_its_target_and_nobody_is_blamed(self):
        self.csv("data.csv", targets=2)
        job = self.job(models={"top": {"kind": "busy", "cpu_ms": 2500}}, limits={"target_timeout": "6s", "attempts": 1})
        coordinator = self.coordinator("--verbose")
        worker = self.worker(slots=1)
        stopped = executors_of(worker.pid)[0]
        name = self.submit(job, "--set", "plan.chunk=1")
        target = wait_until(self.busy, "it fits").pop()
        stopped.kill(signal.SIGSTOP)
        shown = wait_until(lambda: (lambda text: text if "has been on it" in text else None)(
            self.fitfleet("explain", name, target).out), "explain tells")
        self.assertIn(f"Process {stopped.pid} has been on it for", shown)
        wait_until(lambda: "been on one target" in coordinator.err(), "its lease is taken back", 30)
        self.wait_state(name, "done")
        top = self.document(name)["top"]
        self.assertEqual({(entry["class"], entry["attempts"]) for entry in top.values()}, {("fitted", 1)})
        self.assertFalse(stopped.alive())


if __name__ == "__main__":
    fleet.main()
