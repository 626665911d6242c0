"""Executors, what they fork and their agent end with who started them, also after kill -9; limits end a fit, and it alone."""
import os
import shutil
import signal
import subprocess
import time
import unittest

import fleet
from fleet import Case, FITFLEET, Fleet, descendants, executors_of, wait_until

WITHIN_S = 1.0

# Loaded into every program (LD_PRELOAD): an executor forks a child that ignores signals and forks another one into a
# session of its own.
FORKING = r"""
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void fork_children(void)
{
    char line[4096] = {0};
    FILE *file = fopen("/proc/self/cmdline", "r");
    size_t size = file ? fread(line, 1, sizeof line - 1, file) : 0;
    if (file)
        fclose(file);
    for (size_t i = 0; i + 1 < size; i++)
        if (line[i] == '\0')
            line[i] = ' ';
    if (!strstr(line, " --executor ") || fork() != 0)
        return;
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (fork() == 0)
        setsid();
    for (;;)
        pause();
}
"""


class Children(Fleet):
    def all_gone(self, processes):
        began = time.monotonic()
        wait_until(lambda: not any(process.alive() for process in processes),
                   lambda: f"still alive: {[process for process in processes if process.alive()]}", WITHIN_S + 1)
        self.assertLess(time.monotonic() - began, WITHIN_S)

    def begin(self, slots=3, env=None):
        job = self.slow_job(targets=6, cpu_ms=20_000)
        train = self.start([FITFLEET, "train", job, "--state", self.state, "--slots", str(slots)], env=env)
        wait_until(lambda: len(executors_of(train.pid)) >= slots, "the executors run")
        return train

    def busy(self, train):
        """Executors that have begun to burn CPU time."""
        def ticks(pid):
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])
        return wait_until(lambda: [e for e in executors_of(train.pid) if e.alive() and ticks(e.pid) > 10],
                          "an executor is busy")

    def end_train(self, number):
        train = self.begin()
        self.busy(train)
        below = descendants(train.pid)
        self.assertGreaterEqual(len(below), 4)
        train.signal(number)
        self.all_gone(below + [fleet.Pid(train.pid)])

    def test_kill_9_of_train_ends_everything_below_it(self):
        self.end_train(signal.SIGKILL)

    def test_sigterm_of_train_ends_everything_below_it(self):
        self.end_train(signal.SIGTERM)

    def test_sighup_of_train_ends_everything_below_it(self):
        self.end_train(signal.SIGHUP)

    def test_kill_9_of_train_while_its_agent_stands_still_ends_it_once_it_goes_on(self):
        train = self.begin()
        below = descendants(train.pid)
        agent = fleet.agents_of(train.pid)[0]
        agent.kill(signal.SIGSTOP)
        train.signal(signal.SIGKILL)
        train.wait()
        agent.kill(signal.SIGCONT)
        self.all_gone(below)

    def test_kill_9_of_the_agent_ends_its_executors_and_train_goes_on(self):
        self.csv("data.csv", targets=6)
        job = self.job(models={"top": {"kind": "busy", "cpu_ms": 400}})
        train = self.start([FITFLEET, "train", job, "--state", self.state, "--slots", "2", "--format", "json"])
        self.busy(train)
        agent = fleet.agents_of(train.pid)[0]
        below = descendants(agent.pid)
        agent.kill()
        self.all_gone(below + [agent])
        done = train.wait(60)
        self.assertEqual(done.code, 0, str(done))
        self.check_counts(done.json())
        self.assertEqual(done.json()["counts"]["fitted"], 6)

    def test_kill_9_of_a_worker_ends_its_executors(self):
        self.coordinator()
        worker = self.worker(slots=3)
        wait_until(lambda: len(executors_of(worker.pid)) == 3, "the executors run")
        below = descendants(worker.pid)
        worker.signal(signal.SIGKILL)
        self.all_gone(below)

    def test_kill_9_of_a_workers_process_group_ends_its_executors(self):
        self.coordinator()
        worker = self.worker(slots=2, prefix=["setsid"])
        wait_until(lambda: len(executors_of(worker.pid)) == 2, "the executors run")
        below = descendants(worker.pid)
        os.killpg(os.getpgid(worker.pid), signal.SIGKILL)
        self.all_gone(below)

    def forking(self):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            self.skipTest("no C compiler")
        if fleet.is_sanitized():
            self.skipTest("a library cannot be loaded before the sanitizer's")
        source = self.write("forking.c", FORKING)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self.path("forking.so"), source], check=True)
        return {"LD_PRELOAD": self.path("forking.so")}

    def test_what_executors_fork_ends_with_them(self):
        env = self.forking()
        for number in (signal.SIGKILL, signal.SIGTERM):
            train = self.begin(slots=2, env=env)
            wait_until(lambda: len(executors_of(train.pid)) >= 6, "two executors with two children each")
            below = descendants(train.pid)
            train.signal(number)
            self.all_gone(below)

    def test_what_executors_fork_ends_with_a_killed_agent(self):
        env = self.forking()
        self.coordinator()
        worker = self.worker(slots=2, env=env)
        wait_until(lambda: len(executors_of(worker.pid)) >= 6, "two executors with two children each")
        below = descendants(worker.pid)
        worker.signal(signal.SIGKILL)
        self.all_gone(below)


class Limits(Case):
    def test_a_fit_without_end_times_out_and_is_quarantined_alone(self):
        self.csv("data.csv", targets=6)
        job = self.job(models={"top": [{"match": "t02", "kind": "busy", "cpu_ms": 60_000}, {"match": "*", "kind": "seasonal"}]},
                       limits={"target_timeout": "1s", "attempts": 2})
        began = time.monotonic()
        result = self.train_json(job, "--slots", "2", code=3)
        self.assertLess(time.monotonic() - began, 10)
        slow = result["top"]["t02"]
        self.assertEqual((slow["class"], slow["errno"], slow["error"], slow["attempts"], slow["model"]),
                         ("quarantined", 31, "TIMEOUT", 2, None))
        self.assertIn("target_timeout", slow["errmsg"])
        self.assertEqual(result["counts"]["fitted"], 5)
        self.assertEqual({entry["attempts"] for name, entry in result["top"].items() if name != "t02"}, {1})
        shown = self.fitfleet("explain", "job", "t02", "--state", self.state).out
        self.assertIn("target_timeout", shown)
        self.assertEqual([line.split('"')[3] for line in self.models().splitlines()],
                         ["t00", "t01", "t03", "t04", "t05"])

    @unittest.skipIf(fleet.is_sanitized(), "sanitizer builds have no memory limit")
    def test_a_fit_over_its_memory_is_quarantined_alone(self):
        self.write("data.csv", "time,target,value\n" + "".join(
            f"{1_700_000_000 + 60 * i},{name},{i % 97}\n" for name, rows in (("big", 200_000), ("a", 50), ("b", 50))
            for i in range(rows)))
        job = self.job(limits={"target_memory": "1MiB", "attempts": 2})
        result = self.train_json(job, code=3, timeout=60)
        big = result["top"]["big"]
        self.assertEqual((big["class"], big["errno"], big["error"], big["attempts"]),
                         ("quarantined", 32, "OUT_OF_MEMORY", 2))
        self.assertIn("target_memory", self.fitfleet("explain", "job", "big", "--state", self.state).out)
        self.assertEqual([result["top"][name]["class"] for name in "ab"], ["fitted", "fitted"])

    def test_an_executor_that_is_killed_costs_one_try_of_one_target(self):
        job = self.slow_job(targets=6, cpu_ms=500)
        train = self.start([FITFLEET, "train", job, "--state", self.state, "--slots", "1", "--format", "json"])
        self.wait_committed(1)
        wait_until(lambda: executors_of(train.pid), "the executor runs")[0].kill()
        done = train.wait()
        self.assertEqual(done.code, 0, str(done))
        result = done.json()
        self.check_counts(result)
        self.assertEqual(result["counts"]["fitted"], 6)
        self.assertLessEqual(sorted(entry["attempts"] for entry in result["top"].values())[-2:], [1, 2])

    def test_a_target_that_always_kills_its_executor_is_quarantined(self):
        self.csv("data.csv", targets=4)
        job = self.job(models={"top": [{"match": "t01", "kind": "busy", "cpu_ms": 30_000}, {"match": "*", "kind": "ewma"}]},
                       limits={"attempts": 2})
        train = self.start([FITFLEET, "train", job, "--state", self.state, "--slots", "1", "--format", "json"])
        for _ in range(2):
            executor = wait_until(lambda: self.burning(train.pid), "an executor works on t01")
            executor.kill()
            wait_until(lambda: not executor.alive(), "it is gone")
        done = train.wait(30)
        self.assertEqual(done.code, 3, str(done))
        bad = done.json()["top"]["t01"]
        self.assertEqual((bad["class"], bad["error"], bad["attempts"]), ("quarantined", "CRASHED", 2))
        self.assertIn("signal 9", bad["errmsg"])

    def burning(self, pid):
        for executor in executors_of(pid):
            try:
                with open(f"/proc/{executor.pid}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[11]) + int(fields[12]) > 20:
                return executor
        return None

    def test_a_pause_of_the_agent_is_no_timeout(self):
        self.csv("data.csv", targets=2)
        job = self.job(models={"top": {"kind": "busy", "cpu_ms": 800}}, limits={"target_timeout": "6s", "attempts": 1})
        train = self.start([FITFLEET, "train", job, "--state", self.state, "--slots", "1", "--format", "json"])
        wait_until(lambda: self.burning(train.pid), "a fit runs")
        stopped = [fleet.agents_of(train.pid)[0], *executors_of(train.pid)]
        for process in stopped:
            process.kill(signal.SIGSTOP)
        time.sleep(8)  # longer than the limit: that is what is tested
        for process in stopped:
            process.kill(signal.SIGCONT)
        done = train.wait(30)
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual(done.json()["counts"]["fitted"], 2)


if __name__ == "__main__":
    fleet.main()
