"""kind: command: what a program is asked and answers, that it is kept warm, and what its faults cost."""
import csv
import importlib.util
import io
import json
import os
import shutil
import sys
import unittest
import zlib

import fleet
from fleet import ROOT, Fleet, descendants, wait_until

PROGRAM = os.path.join(ROOT, "tests", "e2e", "commands", "program.py")
START = 1_700_000_000


class Commands(Fleet):
    def setUp(self):
        super().setUp()
        shutil.copy(PROGRAM, self.path("program.py"))

    def rows(self, targets=3, rows=30, name="data.csv"):
        self.write(name, "time,target,value\n" + "".join(
            f"{START + 60 * i},t{t},{self.value(i, t)}\n" for i in range(rows) for t in range(targets)))

    @staticmethod
    def value(i, t):
        return i % 7 + t / 3

    def mean(self, t, rows=30):
        return sum(self.value(i, t) for i in range(rows)) / rows

    def command_job(self, limits=None, **params):
        model = {"kind": "command", "argv": [sys.executable, "program.py"], **params}
        return self.job(models={"top": model}, limits={"target_timeout": "20s", "attempts": 1, **(limits or {})})

    def lines(self, name):
        if not os.path.exists(self.path(name)):
            return []
        with open(self.path(name)) as file:
            return file.read().splitlines()

    def exported(self):
        return {line["target"]: line for line in map(json.loads, self.models().splitlines())}

    # -- what works

    def test_models_scores_and_forecasts_are_those_of_the_program(self):
        self.rows()
        result = self.train_json(self.command_job(trees=100), "--slots", 1)
        self.assertEqual(result["counts"]["fitted"], 3)
        for t in range(3):
            self.assertAlmostEqual(result["top"][f"t{t}"]["model"]["summary"]["metrics"]["value"]["mean"], self.mean(t), places=12)
        self.assertEqual(sorted(result["top"]["t0"]["model"]["summary"]["metrics"]["value"]), ["mean", "n"])
        model = self.exported()["t2"]["metrics"]["value"]
        self.assertEqual(model, {"mean": model["mean"], "n": 30, "t0_ms": START * 1000 // 60000 * 60000, "names": ["a", "b"],
                                 "curve": [model["mean"], None, 0.1], "fine": True, "target": "t2", "metric": "value",
                                 "shared": [], "parameters": '{"trees": "100"}'})
        self.write("later.csv", f"time,target,value\n{START + 3600},t1,{self.mean(1)}\n{START + 3660},t1,{self.mean(1) + 3}\n")
        lines = list(csv.DictReader(io.StringIO(self.fitfleet("score", "job", "later.csv", "--state", self.state).out)))
        self.assertEqual([line["anomaly"] for line in lines], ["0", "1"])
        for line in lines:
            self.assertAlmostEqual(float(line["lower"]), self.mean(1) - 1, places=5)
        out = self.fitfleet("forecast", "job", "--state", self.state, "--horizon", 4).out
        lines = [line for line in csv.DictReader(io.StringIO(out)) if line["target"] == "t1"]
        self.assertEqual(len(lines), 4)
        self.assertAlmostEqual(float(lines[3]["expected"]), self.mean(1), places=5)

    def test_a_program_is_started_once_for_each_executor_and_told_when_all_is_over(self):
        self.rows(targets=40)
        result = self.train_json(self.command_job(), "--slots", 2)
        self.assertEqual(result["counts"]["fitted"], 40)
        self.assertIn(len(self.lines("starts")), (1, 2))
        self.assertEqual(sorted(line.split()[0] for line in self.lines("ends")),
                         sorted(line.split()[0] for line in self.lines("starts")))

    def test_what_is_reused_depends_on_script_arguments_and_shared_files(self):
        self.rows()
        self.write("calendar.csv", "a\n")
        self.train(self.command_job(shared=["calendar.csv"]))
        for change, same in ((lambda: None, True), (lambda: os.utime(self.path("program.py"), (1, 1)), False),
                             (lambda: None, True), (lambda: self.write("calendar.csv", "b\n"), False)):
            change()
            counts = self.train_json(self.command_job(shared=["calendar.csv"]))["counts"]
            self.assertEqual((counts["reused"], counts["fitted"]), (3, 0) if same else (0, 3))
        self.assertEqual(self.train_json(self.command_job(shared=["calendar.csv"], trees=2))["counts"]["fitted"], 3)

    def test_shared_files_are_fetched_and_cannot_be_changed(self):
        self.rows()
        content = "2024-01-01,holiday\n" * 100_000
        self.write("calendar.csv", content)
        self.write("empty.txt", "")
        self.coordinator()
        self.worker("--own-models", slots=2)
        self.wait_state(self.submit(self.command_job(shared=["calendar.csv", "empty.txt"])), "done")
        lines = self.fitfleet("models", "export", "job").out.splitlines()
        shared = json.loads(lines[0])["metrics"]["value"]["shared"]
        self.assertEqual(len(lines), 3)
        self.assertEqual(shared[:3], [f"calendar.csv: {len(content)} {zlib.crc32(content.encode())}", "read-only",
                                      "empty.txt: 0 0"])

    def test_a_shared_file_that_is_not_there_ends_the_job(self):
        self.rows()
        self.assertIn("nowhere.csv", self.train(self.command_job(shared=["nowhere.csv"]), code=2).err)

    def test_a_worker_needs_its_operators_leave(self):
        self.rows()
        self.coordinator()
        self.worker()
        self.wait_state(self.submit(self.command_job()), "failed")
        entry = self.document()["top"]["t0"]
        self.assertEqual(entry["error"], "BAD_PARAMETER")
        self.assertIn("--own-models allows it", entry["errmsg"])
        self.assertEqual(self.lines("starts"), [])

    def test_a_fallback_may_be_a_program_too(self):
        self.rows()
        job = self.job(models={"top": {"kind": "command", "argv": [sys.executable, "program.py"], "fault": "few"},
                               "fallback": {"kind": "command", "argv": [sys.executable, "program.py"], "victim": "none",
                                            "offset": 100}})
        top = self.train_json(job, "--slots", 1)["top"]
        self.assertEqual((top["t0"]["class"], top["t1"]["class"]), ("fitted", "fallback"))
        self.assertEqual(len(self.lines("starts")), 2)
        self.rows(name="later.csv")
        out = self.fitfleet("score", "job", "later.csv", "--state", self.state).out
        expected = {line["target"]: float(line["expected"]) for line in csv.DictReader(io.StringIO(out))}
        self.assertAlmostEqual(expected["t0"], self.mean(0), places=5)
        self.assertAlmostEqual(expected["t1"], self.mean(1) + 100, places=5)  # the fallback's offset

    # -- what does not

    def test_a_fault_costs_its_target_only(self):
        self.rows()
        expected = {
            "exit": ("quarantined", "CRASHED", "exited with code 7"),
            "crash": ("quarantined", "CRASHED", "died of signal 6"),
            "hang": ("quarantined", "TIMEOUT", "target_timeout"),
            "close": ("quarantined", "CRASHED", "closed its standard output"),
            "garbage": ("quarantined", "BAD_OUTPUT", "expected a JSON object on one line, found 'epoch 1: loss 0.5'"),
            "endless": ("quarantined", "BAD_OUTPUT", "expected a line of at most"),
            "two": ("quarantined", "BAD_OUTPUT", "found more behind it"),
            "id": ("quarantined", "BAD_OUTPUT", 'expected "id": '),
            "nested": ("quarantined", "BAD_OUTPUT", '"model"."a", found an object'),
            "nan": ("quarantined", "BAD_OUTPUT", "expected a JSON object"),
            "memory": ("quarantined", "OUT_OF_MEMORY", "within a limit of 96.0 MiB"),
            "hoard": ("quarantined", "OUT_OF_MEMORY", "within a limit of 96.0 MiB"),
            "code": ("quarantined", "BAD_OUTPUT", "found NO_LUCK"),
            "few": ("failed", "NOT_ENOUGH_DATA", "too little to see"),
        }
        for fault, (kind, error, text) in expected.items():
            limits = {"target_memory": "96MiB", "target_timeout": "3s"}
            result = self.train_json(self.command_job(limits, fault=fault), "--slots", 1, "--no-reuse", code=3)
            self.assertEqual([result["top"][t]["class"] for t in ("t0", "t2")], ["fitted", "fitted"], fault)
            entry = result["top"]["t1"]
            self.assertEqual((entry["class"], entry["error"]), (kind, error), (fault, entry))
            self.assertIn(text, entry["errmsg"])

    def test_a_second_answer_is_not_charged_to_the_next_target(self):
        self.rows(targets=6)
        result = self.train_json(self.command_job(fault="twice"), "--slots", 1)
        self.assertEqual({(entry["class"], entry["attempts"]) for entry in result["top"].values()}, {("fitted", 1)})
        self.assertEqual(len(self.lines("starts")), 2)
        self.assertIn("it is started afresh, and the target is not charged",
                      self.fitfleet("logs", "job", "--state", self.state).out)

    def test_lengths_are_checked_when_scoring(self):
        self.rows()
        self.train(self.command_job(fault="short", during="score"))
        self.rows(name="later.csv")
        result = self.fitfleet("score", "job", "later.csv", "--state", self.state, code=3)
        self.assertIn('expected 30 numbers as "expected", found 29', result.err + result.out)

    def judged(self, fault, code=0):
        """The lines of t1 whose program gives such a band, and what was said: 1000 below the mean, the mean, 3 above."""
        self.rows()
        self.train(self.command_job(fault=fault, during="score"), "--no-reuse")
        self.write("later.csv", "time,target,value\n" + "".join(
            f"{START + 3600 + 60 * i},t1,{self.mean(1) + off}\n" for i, off in enumerate((-1000, 0, 3))))
        result = self.fitfleet("score", "job", "later.csv", "--state", self.state, code=code)
        return list(csv.DictReader(io.StringIO(result.out))), result.err

    def test_a_bound_that_is_null_is_none(self):
        lines, _ = self.judged("open")
        self.assertEqual([(line["upper"], line["anomaly"]) for line in lines], [("", "1"), ("", "0"), ("", "0")])
        self.assertEqual([round(float(line["score"]), 5) for line in lines], [1000, 0, 0])

    def test_alerts_are_not_set_by_a_bound_that_is_null(self):
        self.csv("data.csv", targets=2, rows=1000)
        job = self.job(models={"top": {"kind": "command", "argv": [sys.executable, "program.py"], "fault": "open",
                                       "during": "score", "victim": "all"}}, alerts={"per_target_per_week": 1})
        self.train(job)
        for target in ("t00", "t01"):
            self.assertGreater(self.exported()[target]["metrics"]["value"]["alert_threshold"], 0)

    def test_an_anomaly_has_a_score_also_where_the_band_has_no_width(self):
        lines, _ = self.judged("flat")
        self.assertEqual([(float(line["score"]) > 1, line["anomaly"]) for line in lines], [(True, "1"), (False, "0"), (True, "1")])

    def test_a_band_upside_down_is_a_fault(self):
        lines, err = self.judged("crossed", code=3)
        self.assertEqual({(line["score"], line["anomaly"]) for line in lines}, {("", "0")})
        self.assertIn('expected no "lower" above its "upper"', err)
        self.assertIn("at step 1", err)

    def test_a_program_that_leaks_is_replaced_without_charge(self):
        self.rows(targets=60)
        self.coordinator()
        self.worker("--own-models", "--recycle-memory", "100MiB")
        self.wait_state(self.submit(self.command_job(fault="leak", victim="all")), "done")
        top = self.document()["top"]
        self.assertEqual({entry["class"] for entry in top.values()}, {"fitted"})
        self.assertEqual({entry["attempts"] for entry in top.values()}, {1})
        self.assertGreater(len(self.lines("starts")), 1)

    def test_a_capsule_is_fitted_again(self):
        self.rows()
        self.write("calendar.csv", "a\n")
        job = self.command_job(fault="exit", shared=["calendar.csv"])
        self.train(job, code=3)
        self.fitfleet("capsule", "job", "t1", "--out", self.path("t1.capsule"), "--state", self.state)
        again = self.run_program([fleet.WORKER, "--own-models", "--replay", self.path("t1.capsule")], code=3).json()
        self.assertEqual((again["error"], again["identical"]), ("CRASHED", True))
        again = self.run_program([fleet.WORKER, "--replay", self.path("t1.capsule")], code=3).json()
        self.assertEqual(again["error"], "BAD_PARAMETER")

    def test_a_job_that_is_cancelled_takes_its_programs_along(self):
        self.rows()
        self.coordinator()
        self.worker("--own-models")
        job = self.submit(self.command_job(fault="hang", limits={"target_timeout": "60s"}))
        wait_until(lambda: self.lines("starts"), "the program is started")
        program = fleet.Pid(int(self.lines("starts")[0].split()[0]))
        self.fitfleet("cancel", job)
        wait_until(lambda: not program.alive(), "the program is gone")

    def test_shared_files_lie_below_the_data_root(self):
        self.rows(name="root/data.csv")
        self.write("secret.csv", "a\n")
        self.coordinator("--data-root", self.path("root"))
        self.worker("--own-models")
        job = self.job(files=["root/data.csv"], models={"top": {
            "kind": "command", "argv": [sys.executable, "program.py"], "shared": ["secret.csv"]}})
        self.wait_state(self.submit(job), "failed")
        self.assertIn("outside the coordinator's --data-root", self.document()["errmsg"])

    def test_what_goes_to_standard_error_is_kept(self):
        self.rows()
        self.train(self.command_job(fault="stderr"), code=3)
        self.assertIn("the fit looks odd", self.fitfleet("logs", "job", "--state", self.state).out)

    def test_children_that_stay_are_ended(self):
        self.rows()
        self.coordinator()
        worker = self.worker("--own-models")
        self.wait_state(self.submit(self.command_job(fault="children")), "done")
        self.assertEqual(self.document()["counts"]["fitted"], 3)
        worker.signal(15)
        below = descendants(worker.pid)
        worker.wait()
        wait_until(lambda: not any(process.alive() for process in below), "nothing is left")
        wait_until(lambda: not self.sleepers(), "no sleep is left")

    def sleepers(self):
        """Processes of the program: those that run in the job's folder and are none of ours."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{name}/cwd") == self.dir and "fitfleet" not in fleet.Pid(int(name)).command():
                    found.append(name)
            except OSError:
                pass
        return found

    def test_an_executor_that_is_killed_takes_its_program_along(self):
        self.rows()
        self.coordinator()
        worker = self.worker("--own-models")
        self.submit(self.command_job(fault="hang", limits={"target_timeout": "60s"}))
        wait_until(lambda: self.lines("starts"), "the program is started")
        program = fleet.Pid(int(self.lines("starts")[0].split()[0]))
        worker.signal(9)
        wait_until(lambda: not program.alive(), "the program is gone")

    def test_a_program_that_does_not_begin(self):
        self.rows()
        for params, code, error, text in (
                ({"fault": "init"}, 4, "BAD_PARAMETER", "init: it exited with code 5: nothing to begin with"),
                ({"fault": "protocol"}, 4, "BAD_PARAMETER", 'expected "protocol": 1'),
                ({"argv": ["./nothing"]}, 4, "BAD_PARAMETER", "cannot run './nothing': No such file"),
                ({"folder": "/nowhere/at/all"}, 4, "BAD_PARAMETER", "/nowhere/at/all is not on this worker's host"),
                ({"can": "score"}, 4, "BAD_PARAMETER", "the program cannot fit")):
            result = self.train_json(self.command_job(**params), "--no-reuse", code=code)
            self.assertEqual(result["top"]["t0"]["error"], error, params)
            self.assertIn(text, result["top"]["t0"]["errmsg"])
        self.train(self.command_job(fault="init"), "--no-reuse", "--slots", 1, code=4)
        self.assertIn("nothing to begin with", self.fitfleet("logs", "job", "--state", self.state).out)

    def test_a_program_that_does_not_begin_is_not_started_for_every_target(self):
        self.rows(targets=30)
        result = self.train_json(self.command_job(fault="init"), "--slots", 1, code=4)
        self.assertEqual(result["counts"]["failed"], 30)
        self.assertEqual(len(self.lines("starts")), 1)

    def test_backtests_and_alerts(self):
        self.csv("data.csv", targets=3, rows=1000)
        result = self.fitfleet("backtest", self.command_job(), "--folds", 2, "--horizon", 5)
        self.assertIn("3 series measured", result.out)
        job = self.job(models={"top": {"kind": "command", "argv": [sys.executable, "program.py"]}},
                       alerts={"per_target_per_week": 1})
        self.assertEqual(self.train_json(job)["counts"]["fitted"], 3)
        self.assertGreater(self.exported()["t00"]["metrics"]["value"]["alert_threshold"], 0)

    def test_the_example_in_shell(self):
        self.train(os.path.join(ROOT, "examples", "median.yaml"))
        model = json.loads(self.models("median").splitlines()[0])["metrics"]["value"]
        self.assertEqual(model["median"], 0.134)
        data = os.path.join(ROOT, "examples", "data", "cloudwatch", "ec2_cpu_utilization_24ae8d.csv")
        lines = self.fitfleet("score", "median", data, "--state", self.state).out.splitlines()
        self.assertEqual(len(lines), 4033)
        self.assertEqual(lines[1].split(",")[4], "0.134")

    @unittest.skipUnless(importlib.util.find_spec("sklearn"), "there is no scikit-learn")
    def test_the_example_in_python(self):
        self.train(os.path.join(ROOT, "examples", "forest.yaml"))
        data = os.path.join(ROOT, "examples", "data", "cloudwatch", "ec2_cpu_utilization_24ae8d.csv")
        out = self.fitfleet("score", "forest", data, "--state", self.state).out
        self.assertIn(",1\n", out)

    def test_what_a_job_may_say(self):
        self.rows()
        for model, text in (({"kind": "command"}, "'argv' is missing"),
                            ({"kind": "command", "argv": []}, "expected a list of 1 to 64 texts"),
                            ({"kind": "command", "argv": [["a"]]}, "expected a text"),
                            ({"kind": "command", "argv": "python3"}, "expected a list of texts, found 'python3'"),
                            ({"kind": "command", "argv": ["a"], "shared": "a"}, "expected a list of texts, found 'a'"),
                            ({"kind": "command", "argv": ["a"], "shared": ["a/x", "b/x"]}, "two files called x")):
            self.assertIn(text, self.check_one_message(self.train(self.job(models={"top": model}), code=2)))


if __name__ == "__main__":
    fleet.main()
