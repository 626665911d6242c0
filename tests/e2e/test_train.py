"""fitfleet train: exit codes, what it prints and writes, and that an interrupted job goes on."""
import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
import unittest

import fleet
from fleet import Case, FITFLEET, ROOT, wait_until

RESULT_KEYS = ["job", "state", "generation", "started", "finished", "rows_skipped", "counts", "errno", "error", "errmsg",
               "all", "top", "time_ms"]
ENTRY_KEYS = ["class", "errno", "error", "errmsg", "rows", "steps", "attempts", "worker", "pid", "fit_ms", "cpu_ms",
              "peak_rss_bytes", "model"]
TIME_KEYS = ["load", "prepare", "plan", "wire", "commit", "total", "prepare_sum", "fit_sum"]
CSV_HEADER = ("target,class,errno,error,errmsg,kind,rows,steps,attempts,worker,pid,fit_ms,cpu_ms,peak_rss_bytes,"
              "model_bytes")
ISO_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Output(Case):
    def test_result_document_has_every_documented_key(self):
        self.csv("data.csv", metrics=("a", "b"))
        job = self.job(models={"all": {"kind": "pca"}})
        result = self.train_json(job)
        self.assertEqual([key for key in result if key in RESULT_KEYS], RESULT_KEYS)
        self.assertEqual(result["job"], "job-1")
        self.assertEqual(result["state"], "done")
        self.assertEqual(result["generation"], {"set": "job", "number": 1})
        self.assertRegex(result["started"], ISO_UTC)
        self.assertRegex(result["finished"], ISO_UTC)
        self.assertEqual((result["rows_skipped"], result["errno"], result["error"], result["errmsg"]), (0, 0, "OK", ""))
        self.assertEqual(result["counts"], {"requested": 6, "fitted": 6, "reused": 0, "fallback": 0, "skipped": 0,
                                            "failed": 0, "quarantined": 0, "cancelled": 0})
        self.assertEqual([key for key in TIME_KEYS if key in result["time_ms"]], TIME_KEYS)
        self.assertEqual(list(result["top"]), [f"t{i:02d}" for i in range(6)])
        for name, entry in [*result["top"].items(), ("all", result["all"])]:
            self.assertEqual([key for key in entry if key in ENTRY_KEYS], ENTRY_KEYS, name)
            self.assertEqual((entry["class"], entry["errno"], entry["error"], entry["errmsg"]), ("fitted", 0, "OK", ""))
            self.assertEqual((entry["rows"] if name != "all" else 60, entry["steps"], entry["attempts"]), (60, 60, 1))
            self.assertGreater(entry["pid"], 1)
            self.assertGreater(entry["peak_rss_bytes"], 1 << 20)
            self.assertGreater(entry["model"]["bytes"], 0)
        metrics = result["top"]["t00"]["model"]["summary"]["metrics"]
        self.assertEqual(list(metrics), ["a", "b"])
        self.assertEqual(list(metrics["a"]), ["season", "n", "missing", "scale", "constant"])

    def test_csv_has_the_documented_header_and_a_line_per_target(self):
        self.csv("data.csv")
        result = self.train(self.job(), "--format", "csv")
        lines = result.out.splitlines()
        self.assertEqual(lines[0], CSV_HEADER)
        rows = list(csv.DictReader(io.StringIO(result.out)))
        self.assertEqual([row["target"] for row in rows], [f"t{i:02d}" for i in range(6)])
        self.assertEqual({row["kind"] for row in rows}, {"seasonal"})

    def test_table_is_for_people_and_standard_error_is_quiet(self):
        self.csv("data.csv")
        result = self.train(self.job())
        self.assertIn("job-1: done", result.out)
        self.assertIn("6 fitted", result.out)
        self.assertEqual(result.err, "")
        self.assertEqual(os.listdir(self.env["XDG_RUNTIME_DIR"]), [])

    def test_the_table_of_results_shows_every_target_when_asked_to(self):
        self.csv("data.csv", targets=30)
        self.train(self.job())
        short = self.fitfleet("results", "--state", self.state).out
        whole = self.fitfleet("results", "--state", self.state, "--all").out
        self.assertNotIn("\nt29 ", short)
        for target in range(30):
            self.assertIn(f"\nt{target:02} ", whole)

    def test_out_writes_the_file_and_prints_nothing(self):
        self.csv("data.csv")
        for flag in ("--out", "-o"):
            result = self.train(self.job(), "--format", "json", flag, self.path("result.json"))
            self.assertEqual(result.out, "")
            with open(self.path("result.json")) as file:
                self.check_counts(json.load(file))
            os.unlink(self.path("result.json"))

    def test_out_into_a_missing_folder_fails_but_keeps_the_models(self):
        self.csv("data.csv")
        result = self.train(self.job(), "--out", self.path("missing", "result"), code=1)
        self.assertIn("missing/result", self.check_one_message(result))
        self.assertEqual(self.results()["state"], "done")

    def test_unknown_format_is_bad_usage_before_anything_runs(self):
        self.csv("data.csv")
        result = self.train(self.job(), "--format", "xml", code=2)
        self.assertIn("json", self.check_one_message(result))
        self.assertFalse(os.path.exists(self.state))

    def test_the_examples_run_as_they_are(self):
        for name, targets in (("cloudwatch", 12), ("boutique", 10)):
            result = self.train_json(os.path.join(ROOT, "examples", f"{name}.yaml"))
            self.assertEqual(result["counts"]["fitted"], targets)
        self.assertEqual(result["all"]["class"], "fitted")
        self.assertEqual(len(self.models("boutique").splitlines()), 11)

    def test_export_names_kind_and_every_parameter(self):
        self.csv("data.csv")
        self.train(self.job())
        for line in self.models().splitlines():
            model = json.loads(line)
            self.assertEqual(list(model), ["target", "kind", "metrics"])
            value = model["metrics"]["value"]
            self.assertEqual(len(value["level"]), value["season"])
        one = self.fitfleet("models", "export", "job", "--state", self.state, "--target", "t03", "--out",
                            self.path("one"))
        self.assertEqual(one.out, "")
        with open(self.path("one")) as file:
            self.assertEqual([json.loads(line)["target"] for line in file], ["t03"])


class Settings(Case):
    def test_set_overrides_and_its_paths_are_relative_to_the_current_folder(self):
        self.csv("data.csv", targets=2)
        self.csv("elsewhere/other.csv", targets=5)
        job = self.job()
        self.assertEqual(self.train_json(job)["counts"]["requested"], 2)
        result = self.train_json(job, "--set", "data.files=[other.csv]", "--set", "targets.top=4",
                                 cwd=self.path("elsewhere"))
        self.assertEqual(result["counts"]["requested"], 4)
        self.assertEqual(result["job"], "job-2")

    def test_set_of_an_unknown_key_suggests_the_right_one(self):
        self.csv("data.csv")
        result = self.train(self.job(), "--set", "targets.topp=4", code=2)
        self.assertIn("top", self.check_one_message(result))

    def test_state_comes_from_the_flag_the_environment_or_the_current_folder(self):
        self.csv("data.csv")
        job = self.job()
        self.fitfleet("train", job, env={"FITFLEET_STATE": self.path("from-environment")})
        self.fitfleet("train", job)
        self.fitfleet("train", job, "--state", self.path("from-flag"), env={"FITFLEET_STATE": self.path("unused")})
        self.assertEqual([os.path.isdir(self.path(name))
                          for name in ("from-environment", ".fitfleet", "from-flag", "unused")],
                         [True, True, True, False])

    def test_slots_in_every_form(self):
        self.csv("data.csv")
        job = self.job()
        for arguments, env in ((("--slots", "2"), {}), (("--workers", "3"), {}), (("--slots", "1.0"), {}),
                               (("--slots=0.01",), {}), (("--slots", "0.5"), {}), ((), {"FITFLEET_SLOTS": "2"}),
                               (("--slots", "1", "--affinity"), {})):
            self.assertEqual(self.train_json(job, "--no-reuse", *arguments, env=env)["counts"]["fitted"], 6, arguments)

    def test_slots_is_the_number_of_executors(self):
        job = self.slow_job(targets=6, cpu_ms=500)
        train = self.start([FITFLEET, "train", job, "--state", self.state, "--slots", "3"])
        wait_until(lambda: len(fleet.executors_of(train.pid)) == 3, "three executors")
        self.assertEqual(train.wait().code, 0)

    def test_slots_that_make_no_sense_are_refused(self):
        self.csv("data.csv")
        job = self.job()
        for slots in ("0", "-1", "1.5", "0.0", "many", "", "2x", "99999", "1e9"):
            message = self.check_one_message(self.train(job, "--slots", slots, code=2))
            self.assertIn("slots", message)
        message = self.check_one_message(self.train(job, env={"FITFLEET_SLOTS": "none"}, code=2))
        self.assertIn("none", message)

    def test_usage_errors(self):
        for args in (("train",), ("train", "a", "b"), ("train", "--nonsense", "a"), ("trian", "a"), ("train", "a", "--set"),
                     ("status", "--format", "xml", "--state", "s"), ()):
            result = self.fitfleet(*args, code=2)
            self.assertEqual(result.out, "", str(result))
            self.assertNotEqual(result.err, "", str(result))
        self.assertIn("did you mean 'train'", self.fitfleet("trian", "a", code=2).err)

    def test_help_and_version_go_to_standard_output(self):
        for args in (("--help",), ("train", "--help"), ("results", "-h"), ("version",), ("--version",)):
            result = self.fitfleet(*args)
            self.assertNotEqual(result.out, "")
            self.assertEqual(result.err, "")
        for args in (("--help",), ("--version",)):
            self.assertEqual(self.run_program([fleet.WORKER, *args], code=0).err, "")


class Outcomes(Case):
    def lines(self, *targets):
        """targets: (name, [value, …]); one row a minute."""
        rows = ["time,target,value"]
        for name, values in targets:
            rows += [f"{1_700_000_000 + 60 * i},{name},{value}" for i, value in enumerate(values)]
        return self.write("data.csv", "\n".join(rows) + "\n")

    def test_skipped_targets_do_not_change_the_exit_code(self):
        self.lines(("good", range(40)), ("short", range(3)), ("empty", [""] * 40), ("other", range(40)))
        job = self.job(models={"top": [{"match": "other", "kind": None}, {"match": "*", "kind": "seasonal"}]})
        result = self.train_json(job)
        found = {name: (entry["class"], entry["errno"], entry["error"]) for name, entry in result["top"].items()}
        self.assertEqual(found, {"good": ("fitted", 0, "OK"), "short": ("skipped", 1, "TOO_FEW_ROWS"),
                                 "empty": ("skipped", 2, "ALL_MISSING"), "other": ("skipped", 3, "NO_MODEL")})
        for name in ("short", "empty", "other"):
            self.assertIsNone(result["top"][name]["model"])
            self.assertNotEqual(result["top"][name]["errmsg"], "")

    def two_metrics(self, *targets):
        """targets: (name, function of the row that gives the cells a,b)."""
        rows = ["time,target,a,b"]
        for name, cells in targets:
            rows += [f"{1_700_000_000 + 60 * i},{name},{cells(i)}" for i in range(40)]
        return self.write("data.csv", "\n".join(rows) + "\n")

    def test_failed_targets_give_exit_code_3_and_the_others_are_saved(self):
        self.two_metrics(("bad", lambda i: f"{i}," + ("5" if i == 7 else "")), ("good", lambda i: f"{i},{i % 5}"))
        result = self.train_json(self.job(models={"top": [{"match": "*", "metrics": ["b"], "kind": "ewma"}]}), code=3)
        bad = result["top"]["bad"]
        self.assertEqual((bad["class"], bad["errno"], bad["error"], bad["model"]),
                         ("failed", 10, "NOT_ENOUGH_DATA", None))
        self.assertEqual(result["top"]["good"]["class"], "fitted")
        self.assertEqual([json.loads(line)["target"] for line in self.models().splitlines()], ["good"])
        shown = self.fitfleet("explain", "job", "bad", "--state", self.state).out
        self.assertIn("bad", shown)
        only = self.fitfleet("results", "--state", self.state, "--class", "failed", "--format", "json").json()
        self.assertEqual(list(only["top"]), ["bad"])

    def test_the_commands_that_are_named_work_as_they_are(self):
        """Where the state is, is part of them, whether it was given, comes from the environment or is the default."""
        self.two_metrics(("bad", lambda i: f"{i}," + ("5" if i == 7 else "")), ("good", lambda i: f"{i},{i % 5}"))
        job = self.job(models={"top": [{"match": "*", "metrics": ["b"], "kind": "ewma"}]})
        for args, env, where in ((["--state", "it's here"], {}, r" --state 'it'\\\''s here'"),
                                 ([], {"FITFLEET_STATE": "other"}, " --state other"), ([], {}, r" --state \.fitfleet")):
            out = self.fitfleet("train", job, *args, env=env, code=3).out
            why = re.search(rf"(?m)^Why: fitfleet (explain job-\d+ TARGET{where})$", out)
            again = re.search(rf"(?m)^Again: fitfleet (retry job-\d+ --only failed{where})$", out)
            self.assertTrue(why and again, out)
            told = self.fitfleet(*shlex.split(why[1].replace("TARGET", "bad"))).out
            self.assertIn(f"To try again: fitfleet {again[1]}\n", told)
            self.fitfleet(*shlex.split(again[1]), code=3)

    def test_fallback_keeps_the_error_of_the_first_kind_and_the_exit_code_0(self):
        self.two_metrics(("flat", lambda i: "1,2"), ("good", lambda i: f"{i % 7},{i % 5}"))
        result = self.train_json(self.job(models={"top": {"kind": "pca"}, "fallback": {"kind": "ewma"}}))
        flat = result["top"]["flat"]
        self.assertEqual((flat["class"], flat["error"], flat["model"]["kind"]), ("fallback", "CONSTANT", "ewma"))
        self.assertEqual(result["top"]["good"]["model"]["kind"], "pca")

    def test_too_many_failed_targets_end_the_job(self):
        self.two_metrics(*((f"bad{n}", lambda i: f"{i},{5 if i == 7 else ''}") for n in range(3)),
                         ("good", lambda i: f"{i},{i % 5}"))
        job = self.job(models={"top": [{"match": "*", "metrics": ["b"], "kind": "ewma"}]}, limits={"max_failed": "20%"})
        result = self.train_json(job, code=4)
        self.assertEqual((result["state"], result["error"], result["generation"]), ("failed", "TOO_MANY_FAILED", None))

    def test_a_job_without_any_model_fails_and_publishes_nothing(self):
        self.lines(("short", range(3)), ("shorter", range(2)))
        result = self.train(self.job(), "--format", "json", code=4)
        document = result.json()
        self.check_counts(document)
        self.assertEqual((document["state"], document["error"], document["errno"]), ("failed", "NO_MODELS", 43))
        self.assertIsNone(document["generation"])
        self.assertEqual(len(result.err.splitlines()), 1, result.err)
        self.fitfleet("models", "export", "job", "--state", self.state, code=2)

    def test_all_alone_can_fail(self):
        self.lines(("a", [1] * 40), ("b", [2] * 40))
        result = self.train_json(self.job(models={"all": {"kind": "pca"}}), code=3)
        self.assertEqual((result["all"]["class"], result["all"]["error"]), ("failed", "CONSTANT"))
        self.assertEqual(result["counts"]["fitted"], 2)

    def test_unchanged_data_is_trained_again_as_a_new_generation(self):
        self.csv("data.csv")
        job = self.job()
        first, second = self.train_json(job), self.train_json(job)
        self.assertEqual((first["generation"]["number"], second["generation"]["number"]), (1, 2))
        self.assertEqual(second["counts"]["fitted"] + second["counts"]["reused"], 6)


class Interrupted(Case):
    """kind busy makes the fits slow: 8 targets of 300 ms of CPU time each."""

    def begin(self, job, *args):
        train = self.start([FITFLEET, "train", job, "--state", self.state, "--slots", "2", "--set", "plan.chunk=1", *args])
        self.wait_committed(2)
        self.assertTrue(train.running())
        return train

    def check_resumed(self, job, kept):
        result = self.train_json(job, "--slots", "2", "--set", "plan.chunk=1")
        self.assertEqual(result["job"], "job-1")
        self.assertEqual(result["counts"]["fitted"], 8)
        for name, entry in kept.items():
            self.assertEqual(result["top"][name], entry, "a committed outcome was fitted again")
        return result

    def stop_and_resume(self, number, code):
        job = self.slow_job()
        train = self.begin(job)
        train.signal(number)
        began = time.monotonic()
        stopped = train.wait(10)
        self.assertEqual(stopped.code, code, str(stopped))
        self.assertLess(time.monotonic() - began, 3)
        kept = self.committed()
        self.assertIn(len(kept), range(2, 8))
        if code > 0:
            self.assertIn("goes on", self.check_one_message(stopped))
            self.assertEqual(os.listdir(self.env["XDG_RUNTIME_DIR"]), [])
        self.check_resumed(job, kept)

    def test_sigint_exits_130_and_the_same_command_goes_on(self):
        self.stop_and_resume(signal.SIGINT, 130)

    def test_sigterm_exits_143_and_the_same_command_goes_on(self):
        self.stop_and_resume(signal.SIGTERM, 143)

    def test_kill_9_loses_nothing_that_was_committed(self):
        self.stop_and_resume(signal.SIGKILL, -signal.SIGKILL)

    def test_kill_9_again_and_again(self):
        job = self.slow_job(cpu_ms=200)
        before = 0
        for _ in range(3):
            train = self.start([FITFLEET, "train", job, "--state", self.state, "--slots", "2", "--set", "plan.chunk=1"])
            before = len(self.wait_committed(before + 1))
            train.signal(signal.SIGKILL)
            train.wait()
        self.check_resumed(job, self.committed())

    def test_ctrl_c_reaches_the_whole_group_and_charges_nothing(self):
        job = self.slow_job()
        train = subprocess.Popen([FITFLEET, "train", job, "--state", self.state, "--slots", "2", "--set", "plan.chunk=1"],
                                 env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 start_new_session=True)
        self.addCleanup(train.kill)
        self.wait_committed(2)
        os.killpg(train.pid, signal.SIGINT)
        out, err = train.communicate(timeout=10)
        self.assertEqual((train.returncode, out), (130, b""), err)
        result = self.check_resumed(job, self.committed())
        self.assertEqual({entry["attempts"] for entry in result["top"].values()}, {1})

    def test_changed_data_begins_a_new_job(self):
        job = self.slow_job()
        train = self.begin(job)
        train.signal(signal.SIGTERM)
        train.wait()
        self.csv("data.csv", targets=8, rows=21)
        result = self.train_json(job, "--slots", "2", "--set", "plan.chunk=1", "--set", "models.top.cpu_ms=1")
        self.assertEqual((result["job"], result["counts"]["fitted"]), ("job-2", 8))
        self.assertEqual(self.results("job-1")["state"], "cancelled")

    def test_another_setting_begins_a_new_job(self):
        job = self.slow_job()
        train = self.begin(job)
        train.signal(signal.SIGTERM)
        train.wait()
        result = self.train_json(job, "--slots", "2", "--set", "models.top.cpu_ms=1")
        self.assertEqual((result["job"], result["counts"]["fitted"]), ("job-2", 8))

    def test_a_state_in_use_is_refused_and_the_job_in_it_goes_on(self):
        job = self.slow_job()
        train = self.begin(job)
        result = self.train(job, code=1)
        self.assertIn("in use", self.check_one_message(result))
        self.assertEqual(self.fitfleet("results", "--state", self.state, "--format", "json").json()["state"], "running")
        self.assertEqual(train.wait().code, 0)

    def test_the_full_disk_of_standard_output_is_an_error(self):
        self.csv("data.csv")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([FITFLEET, "train", self.job(), "--state", self.state], stdout=full,
                                  stderr=subprocess.PIPE, env=self.env, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"fitfleet: ", done.stderr)
        self.assertEqual(self.results()["state"], "done")


if __name__ == "__main__":
    fleet.main()
