"""Coordinator and workers in network namespaces of their own, joined by veth pairs: a worker joins while a job runs, one
leaves, and a link goes down for some seconds and up again. Everything is made and removed here."""
import os
import re
import shutil
import signal
import subprocess
import unittest

import fleet
from fleet import FITFLEET, Fleet, wait_until

COORDINATOR = "10.77.0.1"


def ip(*args, check=True):
    return subprocess.run(["ip", *args], check=check, capture_output=True, text=True)


def missing():
    if not shutil.which("ip"):
        return "ip (iproute2) is not installed"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"ffprobe{os.getpid()}"
    made = ip("netns", "add", name, check=False)
    ip("netns", "del", name, check=False)
    return f"no network namespaces here: {made.stderr.strip()}" if made.returncode else None


def remove(name):
    for pid in ip("netns", "pids", name, check=False).stdout.split():
        fleet.Pid(int(pid)).kill()
    ip("netns", "del", name, check=False)


def remove_leftovers():
    """Of a test that was killed."""
    for line in ip("netns", "list", check=False).stdout.splitlines():
        made = re.match(r"ff(\d+)(c|w\d+)\b", line)
        if made and not os.path.exists(f"/proc/{made.group(1)}"):
            remove(made.group(0))


MISSING = missing()


@unittest.skipIf(MISSING, MISSING)
class Namespaces(Fleet):
    """ff<pid>c has a bridge with 10.77.0.1; each worker's namespace has 10.77.0.N on a veth pair to it."""

    def setUp(self):
        super().setUp()
        remove_leftovers()
        self.home = f"ff{os.getpid()}c"
        self.made = 0
        self.namespace(self.home)
        self.inside(self.home, "ip", "link", "add", "hub", "type", "bridge")
        self.inside(self.home, "ip", "addr", "add", f"{COORDINATOR}/24", "dev", "hub")
        self.inside(self.home, "ip", "link", "set", "hub", "up")
        self.inside(self.home, "ip", "link", "set", "lo", "up")
        self.env["FITFLEET_TOKEN_FILE"] = self.write("token", "a token of some length")

    def namespace(self, name):
        self.addCleanup(remove, name)
        ip("netns", "add", name)

    def inside(self, name, *command):
        return subprocess.run(["ip", "netns", "exec", name, *command], check=True, capture_output=True, text=True)

    def host(self):
        """A namespace with an address, connected to the bridge."""
        self.made += 1
        name, here, there = f"ff{os.getpid()}w{self.made}", f"port{self.made}", f"ffv{os.getpid()}"
        self.namespace(name)
        self.inside(self.home, "ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        self.inside(self.home, "ip", "link", "set", here, "master", "hub", "up")
        self.inside(name, "ip", "link", "set", there, "name", "eth0")
        self.inside(name, "ip", "addr", "add", f"10.77.0.{self.made + 1}/24", "dev", "eth0")
        self.inside(name, "ip", "link", "set", "eth0", "up")
        self.inside(name, "ip", "link", "set", "lo", "up")
        return name, here

    def cut(self, port, up):
        self.inside(self.home, "ip", "link", "set", port, "up" if up else "down")

    def fitfleet(self, *args, **more):
        return self.run_program(["ip", "netns", "exec", self.home, FITFLEET, *args], **{"code": 0, **more})

    def begin(self, targets, cpu_ms):
        job = self.slow_job(targets=targets, cpu_ms=cpu_ms, rows=200)
        self.coordinator("--insecure", "--data-root", self.dir, listen=f"tcp://{COORDINATOR}:0",
                         prefix=["ip", "netns", "exec", self.home])
        self.assertIn(COORDINATOR, self.env["FITFLEET_COORDINATOR"])
        return job

    def worker_in(self, name, *args, **more):
        return self.worker(*args, prefix=["ip", "netns", "exec", name], **more)

    def finish(self, name, targets):
        self.wait_state(name, "done", timeout=90)
        document = self.document(name)
        self.assertEqual(document["counts"]["fitted"], targets, document["counts"])
        self.assertEqual(len(self.fitfleet("models", "export", "job").out.splitlines()), targets)
        return document

    def test_one_joins_and_one_leaves_while_a_job_runs(self):
        job = self.begin(targets=24, cpu_ms=300)
        (first, _), (second, _) = self.host(), self.host()
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
        (first, port), (second, _) = self.host(), self.host()
        away, _ = self.worker_in(first), self.worker_in(second)
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(3)
        self.cut(port, False)
        before = len(self.document(name)["top"])
        self.wait_fitted(before + 8)  # about four seconds of the other worker's work
        self.cut(port, True)
        document = self.finish(name, 30)
        self.assertEqual({entry["attempts"] for entry in document["top"].values()}, {1})
        self.assertTrue(away.running())

    def test_a_link_that_stays_down_until_the_worker_is_given_up(self):
        job = self.begin(targets=6, cpu_ms=300)
        (first, port), (second, _) = self.host(), self.host()
        away = self.worker_in(first)
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(1)
        self.cut(port, False)
        self.worker_in(second)
        document = self.finish(name, 6)
        self.assertLessEqual(max(entry["attempts"] for entry in document["top"].values()), 2)
        wait_until(lambda: "lost" in self.fitfleet("workers").out, "it is given up", 40)
        self.cut(port, True)
        self.wait_ready(away, times=2)
        again = self.submit(self.job(models={"top": {"kind": "ewma"}}))
        self.finish(again, 6)

    def test_the_only_workers_link_fails_and_comes_back(self):
        job = self.begin(targets=8, cpu_ms=300)
        (first, port) = self.host()
        self.worker_in(first)
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(2)
        self.cut(port, False)
        wait_until(lambda: self.quiet_ms() > 3000, "the coordinator has not heard of it for a while", 20)
        self.assertEqual(self.status(name)["state"], "running")
        self.cut(port, True)
        document = self.finish(name, 8)
        self.assertEqual({entry["attempts"] for entry in document["top"].values()}, {1})

    def quiet_ms(self):
        return max(worker["heard_ms"] for worker in self.fitfleet("workers", "--format", "json").json())


if __name__ == "__main__":
    fleet.main()
