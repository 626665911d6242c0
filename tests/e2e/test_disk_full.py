"""A state directory whose disk is full, or whose database somebody holds: jobs pause, say so, and go on by themselves.

The disk is a tmpfs of a few hundred KiB in a mount namespace of the coordinator's own; this process looks into it through
/proc/PID/root. Skipped where namespaces are not allowed."""
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

import fleet
from fleet import FITFLEET, Case, Fleet, wait_until

FULL = "paused: the state cannot be written: disk full"


def missing():
    try:
        made = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"],
                              capture_output=True, text=True)
    except FileNotFoundError:
        return "unshare (util-linux) is not installed"
    return f"no mount namespaces here: {made.stderr.strip()}" if made.returncode else None


MISSING = missing()


class SmallDisk:
    """A mixin: programs that run with self.state on a small disk."""

    def small_disk(self, kib):
        os.makedirs(self.state, exist_ok=True)
        mount = f"mount -t tmpfs -o size={kib}k none '{self.state}' && exec \"$@\""
        return ["unshare", "-rm", "sh", "-c", mount, "sh"]

    def inside(self, program, *names):
        return os.path.join(f"/proc/{program.pid}/root", self.state.lstrip("/"), *names)

    def fill(self, program):
        """Leaves no free byte."""
        wait_until(lambda: os.path.exists(self.inside(program, "fitfleet.db")), "the state is there")
        with open(self.inside(program, "ballast"), "wb", buffering=0) as ballast:
            for size in (4096, 1):
                try:
                    while True:
                        ballast.write(b"x" * size)
                except OSError:
                    pass

    def empty(self, program):
        os.unlink(self.inside(program, "ballast"))


@unittest.skipIf(MISSING, MISSING)
class FullDisk(SmallDisk, Fleet):
    def begin(self, targets=24, cpu_ms=100):
        job = self.slow_job(targets=targets, cpu_ms=cpu_ms, name="slow.yaml")
        coordinator = self.coordinator(prefix=self.small_disk(4096))
        self.worker()
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(3)
        return coordinator, name

    def wait_paused(self, name):
        status = self.wait_state(name, "paused")
        self.assertEqual(status["stage"], FULL)
        return status

    def test_a_job_pauses_and_goes_on_when_there_is_room(self):
        coordinator, name = self.begin()
        watch = self.start([FITFLEET, "watch", name])
        self.fill(coordinator)
        self.wait_paused(name)
        committed = self.document(name)
        self.assertEqual(committed["state"], "paused")
        self.assertIn(FULL, self.fitfleet("jobs").out)
        wait_until(lambda: FULL in watch.err(), "the watch says so")
        self.assertIn("It is paused", self.fitfleet("explain", name).out)
        for args in (("submit", self.job()), ("cancel", name), ("models", "activate", "slow", "1")):
            refused = self.fitfleet(*args, code=1)
            self.assertIn("disk full", self.check_one_message(refused))
        time.sleep(3)  # longer than a Beat, by which the coordinator knows what executors do
        self.assertEqual(set(self.document(name)["top"]), set(committed["top"]), "nothing is committed")
        idle = self.fitfleet("workers", "--format", "json").json()[0]["executors"]
        self.assertFalse(any(executor["busy"] for executor in idle), "nothing new is granted")
        self.empty(coordinator)
        self.wait_state(name, "done")
        document = self.document(name)
        self.assertEqual(document["counts"]["fitted"], 24)
        self.assertEqual({entry["attempts"] for entry in document["top"].values()}, {1})
        for target, entry in committed["top"].items():
            self.assertEqual(document["top"][target], entry, "what was acknowledged is as it was")
        self.assertEqual(watch.wait().code, 0)
        self.assertEqual(len(self.fitfleet("models", "export", "slow").out.splitlines()), 24)

    def test_a_coordinator_that_is_stopped_or_killed_while_paused(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                coordinator, name = self.begin()
                self.fill(coordinator)
                self.wait_paused(name)
                committed = self.document(name)["top"]
                disk = os.open(self.inside(coordinator), os.O_RDONLY | os.O_DIRECTORY)  # keeps it mounted
                began = time.monotonic()
                coordinator.signal(number)
                coordinator.wait(20)
                self.assertLess(time.monotonic() - began, 10)
                left = shutil.copytree(f"/proc/self/fd/{disk}", self.path(f"left-{number}"),
                                       ignore=shutil.ignore_patterns("ballast"))
                os.close(disk)
                found = self.fitfleet("results", name, "--format", "json", "--state", left).json()
                self.assertEqual(set(found["top"]) & set(committed), set(committed))

    def test_a_database_that_somebody_else_holds_pauses_jobs_too(self):
        job = self.slow_job(targets=20, cpu_ms=100, name="slow.yaml")
        self.coordinator()
        self.worker()
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(2)
        holder = sqlite3.connect(self.path("state", "fitfleet.db"), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        status = self.wait_state(name, "paused")
        self.assertEqual(status["stage"], "paused: the state cannot be written: database is locked")
        holder.execute("ROLLBACK")
        self.wait_state(name, "done")
        self.assertEqual(self.document(name)["counts"]["fitted"], 20)


@unittest.skipIf(MISSING, MISSING)
class Train(SmallDisk, Case):
    def begin(self):
        job = self.slow_job(targets=24, cpu_ms=100)
        program = self.start([FITFLEET, "train", job, "--state", self.state, "--slots", 1, "--set", "plan.chunk=1",
                              "--format", "json"], prefix=self.small_disk(4096))
        results = ["nsenter", "-t", program.pid, "-U", "-m", "--preserve-credentials", FITFLEET, "results", "--state",
                   self.state, "--format", "csv"]
        wait_until(lambda: len(self.run_program(results).out.splitlines()) > 3, "outcomes are committed")
        self.fill(program)
        wait_until(lambda: FULL in program.err(), "it says so")
        return program

    def test_train_pauses_and_goes_on(self):
        program = self.begin()
        self.empty(program)
        result = program.wait()
        self.assertEqual(result.code, 0)
        self.assertEqual(result.json()["counts"]["fitted"], 24)

    def test_train_ends_while_paused(self):
        program = self.begin()
        began = time.monotonic()
        program.signal(signal.SIGTERM)
        self.assertEqual(program.wait(20).code, 143)
        self.assertLess(time.monotonic() - began, 10)

    def test_a_state_on_a_full_disk_is_refused_with_the_reason(self):
        self.csv("data.csv")
        result = self.run_program([*self.small_disk(16), FITFLEET, "train", self.job(), "--state", self.state], code=1)
        self.assertIn("disk full", self.check_one_message(result))


if __name__ == "__main__":
    fleet.main()
