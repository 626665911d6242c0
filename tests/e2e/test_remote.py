"""A coordinator and workers over TCP: every command that talks to them, what they survive, and who may talk to them."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import fleet
from fleet import FITFLEET, Fleet, Pid, WORKER, executors_of, free_port, wait_until


class Commands(Fleet):
    def test_submit_prints_the_id_and_nothing_else(self):
        self.csv("data.csv")
        self.coordinator()
        self.worker(slots=2)
        done = self.fitfleet("submit", self.job(), "--set", "name=nightly")
        self.assertEqual((done.out, done.err), ("nightly-1\n", ""))
        self.wait_state("nightly-1", "done")
        self.assertEqual(self.document("nightly-1")["counts"]["fitted"], 6)

    def test_submit_wait_gives_the_jobs_exit_code(self):
        self.csv("data.csv", targets=3)
        self.coordinator()
        self.worker()
        done = self.fitfleet("submit", self.job(), "--wait")
        self.assertEqual(done.out, "job-1\n")
        self.assertIn("done", done.err)
        self.fitfleet("submit", self.job(models={"top": {"kind": "busy", "cpu_ms": 60_000}},
                                         limits={"target_timeout": "1s", "attempts": 1}), "--wait", "--set",
                      "models.top=[{match: t00, kind: busy, cpu_ms: 60000}, {match: '*', kind: ewma}]", code=3)
        self.fitfleet("submit", self.job(targets={"min_rows": 1000}), "--wait", code=4)
        self.write("data.csv", "time,target,value\nx,a,1\n")
        bad = self.fitfleet("submit", self.job(), "--wait", code=2)
        self.assertIn("data.csv:2", bad.err)
        self.assertIn("data.csv", self.fitfleet("status").out)

    def test_mistakes_are_told_before_a_job_exists(self):
        self.coordinator()
        for job, text in ((self.job(), "no file matches"), (self.write("bad.yaml", "data: 5\n"), "bad.yaml:1:7"),
                          (self.path("missing.yaml"), "No such file")):
            result = self.fitfleet("submit", job, code=2)
            self.assertIn(text, self.check_one_message(result))
        self.assertEqual(self.fitfleet("jobs", "--format", "json").json(), [])

    def test_rows_are_read_in_place_or_copied_with_the_same_models(self):
        self.csv("data.csv", targets=40, rows=300, metrics=("cpu", "memory"))
        models = {"all": {"kind": "pca"}, "top": [{"match": "t1*", "kind": "ewma"}, {"match": "*", "kind": "seasonal"}]}
        job = self.job(models=models)
        slow = self.job("slow.yaml", models={"top": {"kind": "busy", "cpu_ms": 100}})
        self.coordinator()
        found = {}
        for flags in ((), ("--copy-rows",)):
            worker = self.worker(*flags)
            busy = self.submit(slow)
            self.wait_fitted(2)
            maps = [process.maps() for process in executors_of(worker.pid)]
            self.assertEqual("memfd:fitfleet-frames" in "".join(maps), not flags)
            self.fitfleet("cancel", busy)
            self.submit(job, "--no-reuse", "--wait")
            found[flags] = self.fitfleet("models", "export", "job").out
            worker.stop()
        lines = [set(text.splitlines()) for text in found.values()]
        self.assertEqual(len(lines[0]), 41)
        self.assertEqual(lines[0], lines[1])

    def test_the_same_id_is_the_same_job(self):
        self.csv("data.csv")
        self.coordinator()
        self.worker()
        job = self.job()
        self.assertEqual(self.submit(job, "--id", "key-1"), "job-1")
        self.assertEqual(self.submit(job, "--id", "key-1"), "job-1")
        self.wait_state("job-1", "done")
        self.assertEqual(self.submit(job, "--id", "key-1"), "job-1")
        self.assertEqual(self.submit(job, "--id", "key-2"), "job-2")
        other = self.check_one_message(self.fitfleet("submit", job, "--set", "targets.top=1", "--id", "key-1", code=2))
        self.assertIn("key-1", other)
        self.csv("data.csv", seed=2, rows=61)
        self.check_one_message(self.fitfleet("submit", job, "--id", "key-1", code=2))
        self.assertEqual(len(self.fitfleet("jobs", "--format", "json").json()), 2)

    def test_paths_are_relative_to_the_job_file_or_the_current_folder(self):
        self.csv("there/data.csv", targets=2)
        self.csv("here/data.csv", targets=3)
        self.coordinator()
        self.worker()
        self.write("there/job.yaml", "data:\n  files: [data.csv]\n  target: target\n")
        self.fitfleet("submit", "../there/job.yaml", "--wait", cwd=self.path("here"))
        self.assertEqual(self.document()["counts"]["requested"], 2)
        self.fitfleet("submit", "../there/job.yaml", "--set", "data.files=[data.csv]", "--wait", cwd=self.path("here"))
        self.assertEqual(self.document()["counts"]["requested"], 3)

    def test_every_listing_while_a_job_runs_and_after_it(self):
        job = self.slow_job(targets=6, cpu_ms=400)
        self.coordinator()
        worker = self.worker(slots=2)
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(2)
        held = executors_of(worker.pid)
        for executor in held:
            executor.kill(signal.SIGSTOP)
        self.listings(name, "running", worker)
        for executor in held:
            executor.kill(signal.SIGCONT)
        self.wait_state(name, "done")
        self.listings(name, "done", worker)
        self.assertEqual(len(self.fitfleet("models", "export", "job").out.splitlines()), 6)
        self.fitfleet("models", "export", "nothing", code=2)

    def listings(self, name, state, worker):
        status = self.status(name)
        self.assertEqual((status["job"], status["state"]), (name, state))
        self.assertEqual([job["job"] for job in self.fitfleet("jobs", "--format", "json").json()], [name])
        for command in ("jobs", "status", "results", "workers", "models"):
            for form in ("json", "csv", "table"):
                result = self.fitfleet(command, "--format", form)
                self.assertEqual(result.err, "", str(result))
                self.assertTrue(result.out or command == "models", str(result))
            self.fitfleet(command, "--format", "json", "-o", self.path("out"))
            with open(self.path("out")) as file:
                json.load(file)
        for command in ("logs", "explain"):
            self.assertIn(name, self.fitfleet(command).out)
            self.assertIn(name, self.fitfleet(command, name).out)
        self.assertIn("t00", self.fitfleet("explain", name, "t00").out)
        self.fitfleet("explain", name, "no-such-target", code=2)
        by_name = self.document("job")
        self.assertEqual(by_name["state"], state)
        workers = self.fitfleet("workers", "--format", "json").json()
        self.assertEqual(len(workers), 1)
        self.assertEqual((workers[0]["pid"], workers[0]["slots"], workers[0]["state"]), (worker.pid, 2, "ready"))
        self.assertEqual(sorted(executor["pid"] for executor in workers[0]["executors"]),
                         sorted(process.pid for process in executors_of(worker.pid)))
        for executor in workers[0]["executors"]:
            self.assertEqual((executor["ppid"], executor["alive"]), (worker.pid, True))

    def test_an_unknown_job_is_exit_code_2(self):
        self.coordinator()
        for command in ("status", "watch", "cancel", "retry", "results", "logs", "explain"):
            self.assertIn("nothing-7", self.check_one_message(self.fitfleet(command, "nothing-7", code=2)), command)
        for command in ("status", "watch", "retry", "results", "logs", "explain"):
            self.assertIn("no job", self.check_one_message(self.fitfleet(command, code=2)), command)
        self.assertIn("nothing-7", self.check_one_message(self.fitfleet("results", "nothing-7", "--follow", code=2)))

    def test_nobody_listens_is_exit_code_5(self):
        url = f"tcp://127.0.0.1:{free_port()}"
        self.csv("data.csv")
        for command in (("ping",), ("jobs",), ("status",), ("submit", self.job()), ("watch",), ("cancel", "a"), ("retry",),
                        ("results",), ("workers",), ("models",), ("logs",), ("explain",), ("results", "--follow")):
            result = self.fitfleet(*command, "--coordinator", url, code=5, timeout=20)
            self.assertIn(url, self.check_one_message(result))
        self.fitfleet("ping", code=5, env={"FITFLEET_COORDINATOR": url})

    def test_ping_counts_workers(self):
        self.coordinator()
        self.assertIn("0 workers", self.fitfleet("ping").out)
        self.worker(slots=3)
        self.assertIn("1 worker with 3 slots", self.fitfleet("ping").out)

    def test_a_job_waits_for_its_first_worker(self):
        self.csv("data.csv")
        self.coordinator()
        name = self.submit(self.job())
        wait_until(lambda: self.status(name)["state"] == "running", "the job is loaded")
        self.assertRegex(self.fitfleet("explain", name).out, "worker")
        self.worker()
        self.wait_state(name, "done")

    def test_cancel_ends_the_job_and_its_fits(self):
        job = self.slow_job(targets=4, cpu_ms=60_000)
        self.coordinator()
        worker = self.worker(slots=2)
        name = self.submit(job, "--set", "limits.target_timeout=5m")
        watch = self.start([FITFLEET, "watch", name])
        wait_until(lambda: any(e["busy"] for w in self.fitfleet("workers", "--format", "json").json()
                               for e in w["executors"]), "a fit runs")
        self.assertEqual(self.fitfleet("cancel", name).out, f"{name} cancelled\n")
        self.assertEqual(watch.wait(10).code, 4)
        document = self.document(name)
        self.assertEqual((document["state"], document["error"], document["counts"]["cancelled"]),
                         ("cancelled", "CANCELLED", 4))
        self.fitfleet("watch", name, code=4)
        wait_until(lambda: not any(e["busy"] for w in self.fitfleet("workers", "--format", "json").json()
                                   for e in w["executors"]), "the fits are stopped", 15)
        self.assertTrue(worker.running())
        self.assertEqual(self.fitfleet("cancel", name).out, f"{name} cancelled\n")
        self.csv("data.csv")
        self.fitfleet("submit", self.job(), "--wait")

    def test_watch_detaches_on_a_signal_and_the_job_goes_on(self):
        job = self.slow_job(targets=4, cpu_ms=500)
        self.coordinator()
        self.worker()
        name = self.submit(job, "--set", "plan.chunk=1")
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            watch = self.start([FITFLEET, "watch", name])
            wait_until(lambda: fleet.blocks_signal(watch.pid, number), "it watches")
            self.wait_fitted(1)
            watch.signal(number)
            result = watch.wait(10)
            self.assertEqual(result.code, code, str(result))
            self.assertIn("goes on", self.check_one_message(result))
        self.assertEqual(self.fitfleet("watch", name).out, "")
        self.assertEqual(self.document(name)["counts"]["fitted"], 4)

    def test_results_follow_prints_each_outcome_once(self):
        job = self.slow_job(targets=6, cpu_ms=200)
        self.coordinator()
        self.worker(slots=2)
        name = self.submit(job, "--set", "plan.chunk=1")
        follow = self.start([FITFLEET, "results", name, "--follow"])
        wait_until(lambda: follow.out().count("\n") >= 1, "the first outcome is printed")
        self.assertEqual(self.status(name)["state"], "running")
        result = follow.wait()
        self.assertEqual((result.code, result.err), (0, ""))
        lines = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual(sorted(line["target"] for line in lines), [f"t{i:02d}" for i in range(6)])
        self.assertEqual({line["class"] for line in lines}, {"fitted"})
        again = self.fitfleet("results", name, "--follow").out
        self.assertEqual(sorted(again.splitlines()), sorted(result.out.splitlines()))

    def test_retry_fits_what_failed_on_the_data_as_it_is_now(self):
        self.csv("data.csv", targets=4, metrics=("a", "b"))
        text = open(self.path("data.csv")).read()
        broken = re.sub(r"(?m)^(\d+,t01,[^,]*),.*$", r"\1,", text).replace("t01,", "t01,", 1)
        self.write("data.csv", broken)
        self.coordinator()
        self.worker()
        job = self.job(data={"values": ["a", "b"]},
                       models={"top": [{"match": "t02", "metrics": ["a"], "kind": "busy", "cpu_ms": 60_000},
                                       {"match": "*", "metrics": ["b"], "kind": "ewma"}]},
                       limits={"target_timeout": "1s", "attempts": 1})
        self.fitfleet("submit", job, "--wait", code=3)
        first = self.document()
        self.assertEqual((first["top"]["t01"]["class"], first["top"]["t02"]["class"]), ("failed", "quarantined"))
        self.write("data.csv", text)
        result = self.fitfleet("retry", "job-1", "--only", "failed,quarantined", code=3)
        self.assertEqual(result.out, "job-2\n")
        second = self.document("job-2")
        self.assertEqual((second["top"]["t01"]["class"], second["top"]["t02"]["class"]), ("fitted", "quarantined"))
        self.assertEqual(second["top"]["t00"], first["top"]["t00"])
        self.assertEqual(second["generation"]["number"], 2)
        self.assertEqual([json.loads(line)["target"] for line in self.fitfleet("models", "export", "job").out.splitlines()],
                         ["t00", "t01", "t03"])
        self.check_one_message(self.fitfleet("retry", "job-1", "--only", "nonsense", code=2))

    def test_a_state_can_be_read_beside_its_coordinator(self):
        job = self.slow_job(targets=4, cpu_ms=300)
        self.coordinator()
        self.worker()
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_committed(1)
        for command in ("jobs", "status", "results", "logs", "explain", "models"):
            self.fitfleet(command, "--state", self.state, env={"FITFLEET_COORDINATOR": ""})
        self.wait_state(name, "done")
        beside, asked = (self.fitfleet("results", name, "--format", "json", *where).json()
                         for where in ((), ("--state", self.state)))
        self.assertEqual(beside, asked)
        self.assertEqual(self.models(), self.fitfleet("models", "export", "job").out)


class Workers(Fleet):
    def slow(self, targets=10, cpu_ms=400, workers=2, **options):
        job = self.slow_job(targets=targets, cpu_ms=cpu_ms, **options)
        self.coordinator()
        self.workers = [self.worker() for _ in range(workers)]
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(2)
        return name

    def finish(self, name, targets=10, attempts=1):
        self.wait_state(name, "done")
        document = self.document(name)
        self.assertEqual(document["counts"]["fitted"], targets, document["counts"])
        self.assertLessEqual(max(entry["attempts"] for entry in document["top"].values()), attempts)
        return document

    def states(self):
        return {worker["pid"]: worker["state"] for worker in self.fitfleet("workers", "--format", "json").json()}

    def test_two_workers_share_a_job(self):
        document = self.finish(self.slow())
        self.assertEqual(len({entry["worker"] for entry in document["top"].values()}), 2)
        self.assertEqual(set(self.states().values()), {"ready"})

    def test_sigterm_drains_a_worker(self):
        name = self.slow()
        below = fleet.descendants(self.workers[0].pid)
        began = time.monotonic()
        self.workers[0].signal(signal.SIGTERM)
        result = self.workers[0].wait(10)
        self.assertEqual(result.code, 0, str(result))
        self.assertLess(time.monotonic() - began, 7)  # what is in progress ends, no more than that
        wait_until(lambda: not any(process.alive() for process in below), "its executors are gone", 1)
        self.finish(name)
        self.assertEqual(self.states().get(self.workers[0].pid, "left"), "left")

    def test_sigterm_of_an_idle_worker_ends_it_at_once(self):
        self.coordinator()
        worker = self.worker(slots=2)
        time.sleep(0.5)  # its Lease waits at the coordinator
        began = time.monotonic()
        worker.signal(signal.SIGTERM)
        self.assertEqual(worker.wait(10).code, 0)
        self.assertLess(time.monotonic() - began, 1.5)

    def test_sigterm_of_a_worker_without_coordinator_ends_it_at_once(self):
        worker = self.worker("--coordinator", f"tcp://127.0.0.1:{free_port()}", ready=False)
        wait_until(lambda: "no coordinator" in worker.err(), "it says that nobody is there")
        began = time.monotonic()
        worker.signal(signal.SIGTERM)
        self.assertEqual(worker.wait(10).code, 0)
        self.assertLess(time.monotonic() - began, 1.5)

    def test_a_drain_returns_what_does_not_end_in_time_uncharged(self):
        job = self.slow_job(targets=2, cpu_ms=4000)
        self.coordinator()
        first = self.worker("--drain", "500ms")
        name = self.submit(job, "--set", "limits.attempts=1")
        wait_until(lambda: any(e["busy"] for w in self.fitfleet("workers", "--format", "json").json()
                               for e in w["executors"]), "a fit runs")
        first.signal(signal.SIGTERM)
        self.assertEqual(first.wait(5).code, 0)
        self.worker()
        self.finish(name, 2)

    def test_the_last_worker_leaves_and_another_one_comes(self):
        name = self.slow(workers=1)
        self.workers[0].signal(signal.SIGTERM)
        self.workers[0].wait(10)
        self.assertEqual(self.status(name)["state"], "running")
        self.worker(slots=2)
        self.finish(name)

    def test_kill_9_of_a_worker_costs_nothing_but_time(self):
        name = self.slow()
        self.workers[0].signal(signal.SIGKILL)
        document = self.finish(name, attempts=2)
        charged = [target for target, entry in document["top"].items() if entry["attempts"] > 1]
        self.assertLessEqual(len(charged), 1)

    def test_a_worker_that_stands_still_and_goes_on(self):
        name = self.slow(cpu_ms=200)
        stopped = [fleet.Pid(self.workers[0].pid), *fleet.descendants(self.workers[0].pid)]
        for process in stopped:
            process.kill(signal.SIGSTOP)
        self.finish(name)
        for process in stopped:
            process.kill(signal.SIGCONT)
        wait_until(lambda: self.states().get(self.workers[0].pid) == "ready", "it is back")
        self.fitfleet("submit", self.job(models={"top": {"kind": "ewma"}}), "--wait")

    def test_bad_usage_of_a_worker(self):
        for args in (("--slots", "0"), ("--drain", "soon"), ("--nonsense",), ("more",), ("--config", self.path("none")),
                     ("--token-file", self.path("none")), ("--config", self.write("c.yaml", "slotz: 1\n"))):
            result = self.run_program([WORKER, *args], code=2, timeout=10)
            self.assertIn("fitfleet-worker", result.err)
            self.assertEqual(result.out, "")

    def test_settings_from_a_file(self):
        port = free_port()
        state = self.path("state-from-file")
        config = self.write("coordinator.yaml", f"listen: tcp://127.0.0.1:{port}\nstate: {state}\n")
        coordinator = self.start([FITFLEET, "coordinator", "--config", config])
        wait_until(lambda: "listens on" in coordinator.err(), "it listens")
        self.env["FITFLEET_COORDINATOR"] = f"tcp://127.0.0.1:{port}"
        worker = self.start([WORKER, "--config", self.write("worker.yaml", "slots: 3\ndrain: 2s\n")])
        self.wait_ready(worker)
        self.assertIn("3 slots", self.fitfleet("ping").out)
        self.assertTrue(os.path.isdir(state))


class Restart(Fleet):
    def test_a_coordinator_that_is_killed_goes_on_where_it_was(self):
        job = self.slow_job(targets=10, cpu_ms=300)
        port = free_port()
        first = self.coordinator(port=port)
        workers = [self.worker(), self.worker()]
        name = self.submit(job, "--set", "plan.chunk=1")
        watch = self.start([FITFLEET, "watch", name])
        kept = self.wait_fitted(3)
        first.signal(signal.SIGKILL)
        first.wait()
        self.fitfleet("status", name, code=5)
        self.coordinator(port=port)
        for worker in workers:
            self.wait_ready(worker, times=2)
        self.wait_state(name, "done")
        document = self.document(name)
        self.assertEqual(document["counts"]["fitted"], 10)
        self.assertEqual({entry["attempts"] for entry in document["top"].values()}, {1})
        for target, entry in kept.items():
            self.assertEqual(document["top"][target], entry)
        self.assertEqual(watch.wait(40).code, 0)

    def test_again_and_again(self):
        job = self.slow_job(targets=10, cpu_ms=300)
        port = free_port()
        coordinator = self.coordinator(port=port)
        self.worker(slots=2)
        name = self.submit(job, "--set", "plan.chunk=1")
        for count in (2, 4, 6):
            self.wait_fitted(count)
            coordinator.signal(signal.SIGKILL)
            coordinator.wait()
            coordinator = self.coordinator(port=port)
        self.wait_state(name, "done")
        document = self.document(name)
        self.assertEqual(document["counts"]["fitted"], 10)
        self.assertEqual({entry["attempts"] for entry in document["top"].values()}, {1})

    def test_sigterm_ends_a_coordinator_and_keeps_the_job(self):
        job = self.slow_job(targets=6, cpu_ms=300)
        port = free_port()
        first = self.coordinator(port=port)
        self.worker()
        name = self.submit(job, "--set", "plan.chunk=1")
        self.wait_fitted(2)
        for number in (signal.SIGTERM, signal.SIGINT):
            began = time.monotonic()
            first.signal(number)
            self.assertEqual(first.wait(10).code, 0)
            self.assertLess(time.monotonic() - began, 3)
            first = self.coordinator(port=port)
        self.wait_state(name, "done")
        self.assertEqual(self.document(name)["counts"]["fitted"], 6)

    def test_rows_read_in_place_outlive_a_coordinator_that_ends(self):
        """What an executor fits for a coordinator that has ended counts at the next one, so it must be of real rows."""
        self.csv("data.csv", targets=8, rows=4000)
        job = self.job(models={"top": {"kind": "ewma"}}, plan={"chunk": 8})
        self.train(job, "--state", self.path("other"))
        expected = self.fitfleet("models", "export", "job", "--state", self.path("other")).out
        port = free_port()
        first = self.coordinator(port=port)
        worker = self.worker()
        executor, = executors_of(worker.pid)
        executor.kill(signal.SIGSTOP)
        name = self.submit(job)
        wait_until(lambda: "memfd:fitfleet-frames" in Pid(worker.pid).files(), "the worker has a chunk")
        first.signal(signal.SIGTERM)
        first.wait()
        self.coordinator(port=port)
        self.wait_ready(worker, times=2)
        executor.kill(signal.SIGCONT)
        self.wait_state(name, "done")
        models = self.fitfleet("models", "export", "job").out
        self.assertEqual(sorted(models.splitlines()), sorted(expected.splitlines()))

    def test_a_worker_may_be_started_first(self):
        port = free_port()
        self.env["FITFLEET_COORDINATOR"] = f"tcp://127.0.0.1:{port}"
        worker = self.worker(ready=False)
        wait_until(lambda: "no coordinator" in worker.err(), "it says that nobody is there")
        self.coordinator(port=port)
        self.wait_ready(worker)


class Exposure(Fleet):
    def refused(self, *args, code=2):
        result = self.fitfleet("coordinator", "--state", self.state, *args, code=code, timeout=20)
        return self.check_one_message(result)

    def test_beyond_loopback_needs_tls_and_a_token_or_insecure(self):
        for url in ("tcp://0.0.0.0:0", "tcp://*:0", "tls+tcp://0.0.0.0:0", "tcp://[::]:0"):
            self.assertIn("--insecure", self.refused("--listen", url), url)
        self.assertFalse(os.path.exists(self.state))
        coordinator = self.coordinator("--insecure", listen="tcp://0.0.0.0:0")
        self.env["FITFLEET_COORDINATOR"] = coordinator.url.replace("0.0.0.0", "127.0.0.1")
        self.csv("data.csv")
        message = self.check_one_message(self.fitfleet("submit", self.job(), code=2))
        self.assertIn("--data-root", message)

    def test_data_root_refuses_what_lies_outside(self):
        self.csv("root/data.csv")
        self.csv("outside.csv")
        os.symlink(self.path("outside.csv"), self.path("root", "link.csv"))
        self.coordinator("--data-root", self.path("root"))
        self.worker()
        self.fitfleet("submit", self.job("root/job.yaml"), "--wait")
        self.fitfleet("submit", self.job(files=["root/data.csv"]), "--wait")
        for pattern in ("../outside.csv", self.path("outside.csv"), "link.csv", "*.csv", "../root/../outside.csv"):
            job = self.job("root/bad.yaml", files=[pattern])
            self.assertIn("--data-root", self.check_one_message(self.fitfleet("submit", job, code=2)), pattern)
        os.unlink(self.path("root", "data.csv"))
        os.symlink(self.path("outside.csv"), self.path("root", "data.csv"))
        self.assertIn("--data-root", self.fitfleet("retry", "job-1", code=2).err)

    def test_a_token(self):
        good, wrong = self.write("good", "0123456789abcdef\n"), self.write("wrong", "fedcba9876543210\n")
        self.assertIn("16", self.refused("--listen", "tcp://127.0.0.1:0", "--token-file", self.write("short", "abc")))
        self.refused("--listen", "tcp://127.0.0.1:0", "--token-file", self.path("missing"))
        coordinator = self.coordinator("--token-file", good)
        for args in ((), ("--token-file", wrong)):
            message = self.check_one_message(self.fitfleet("ping", *args, code=2))
            self.assertIn("token", message)
            worker = self.worker(*args, ready=False)
            result = worker.wait(10)
            self.assertNotIn(result.code, (0, None), str(result))
            self.assertIn("token", result.err)
        self.assertIn("workers", self.fitfleet("ping", "--token-file", good).out)
        self.env["FITFLEET_TOKEN_FILE"] = good
        self.worker()
        self.assertIn("1 worker", self.fitfleet("ping").out)
        self.csv("data.csv")
        self.fitfleet("submit", self.job(), "--wait")
        self.assertNotIn("0123456789abcdef", coordinator.err())

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_tls(self):
        folder, other = self.certificates("tls"), self.certificates("other")
        token = self.write("token", "0123456789abcdef")
        self.refused("--listen", "tls+tcp://127.0.0.1:0")
        self.refused("--listen", "tls+tcp://127.0.0.1:0", "--tls", self.path("missing"))
        coordinator = self.coordinator("--tls", folder, "--token-file", token, listen="tls+tcp://localhost:0")
        self.assertTrue(coordinator.url.startswith("tls+tcp://"))
        self.env["FITFLEET_TOKEN_FILE"] = token
        self.worker("--tls", folder)
        self.assertIn("1 worker", self.fitfleet("ping", "--tls", folder).out)
        self.check_one_message(self.fitfleet("ping", code=2))
        self.check_one_message(self.fitfleet("ping", "--tls", other, code=5, timeout=20))
        plain = coordinator.url.replace("tls+tcp", "tcp")
        self.check_one_message(self.fitfleet("ping", "--coordinator", plain, code=5, timeout=40))
        stranger = self.worker("--tls", other, ready=False)
        self.csv("data.csv")
        self.fitfleet("submit", self.job(), "--wait", "--tls", folder)
        self.assertNotIn("ready as", stranger.err())
        self.assertIn("1 worker", self.fitfleet("ping", "--tls", folder).out)

    def certificates(self, name):
        folder = self.path(name)
        os.mkdir(folder)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{folder}/tls.key", "-out",
                        f"{folder}/tls.crt"], check=True, capture_output=True)
        shutil.copy(f"{folder}/tls.crt", f"{folder}/ca.crt")
        return folder

    def test_strangers_bytes_do_not_disturb(self):
        coordinator = self.coordinator()
        port = int(coordinator.url.rpartition(":")[2])
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\0SP\0\0\x30\0\0" + b"\xff" * 64, b"\0SP\0\0\x30\0\0" + b"\0" * 7 + b"\x10" + b"x" * 16,
                     os.urandom(5000)):
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall(data)
        self.assertIn("0 workers", self.fitfleet("ping").out)
        self.assertTrue(coordinator.running())


if __name__ == "__main__":
    fleet.main()
