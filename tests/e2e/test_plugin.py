"""kind: plugin: the example built with its one line, plug-ins that do wrong, and who may name which file."""
import csv
import io
import json
import os
import shutil
import subprocess
import unittest

import fleet
from fleet import ROOT, Case, Fleet, is_sanitized

COMPILER = shutil.which("cc") or shutil.which("gcc")
FAULTY = os.path.join(ROOT, "tests", "e2e", "plugins", "faulty.c")


@unittest.skipUnless(COMPILER, "there is no C compiler")
class Plugins(Fleet):
    def build(self, source, name, *flags):
        include = self.path("include")
        os.makedirs(include, exist_ok=True)
        if not os.path.exists(os.path.join(include, "fitfleet")):
            os.symlink(os.path.join(ROOT, "worker", "models"), os.path.join(include, "fitfleet"))
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-I", include, *flags, source, "-o", path],
                       check=True)
        return path

    def rows(self, targets=3, rows=40):
        """Target 0 begins with 0, which spares it the faults of the faulty plug-in."""
        self.write("data.csv", "time,target,value\n" + "".join(
            f"{1_700_000_000 + 60 * i},t{t},{i % 7 + t}\n" for i in range(rows) for t in range(targets)))

    def plugin_job(self, path, **params):
        return self.job(models={"top": {"kind": "plugin", "path": path, **params}}, limits={"target_timeout": "2s"})

    def test_the_example_trains_scores_and_is_exported(self):
        self.build(os.path.join(ROOT, "examples", "plugin", "range.c"), "range.so")
        self.rows()
        self.train(self.plugin_job("./range.so", margin=0.5))
        models = {line["target"]: line for line in map(json.loads, self.models().splitlines())}
        self.assertEqual(models["t1"]["kind"], "plugin")
        self.assertEqual(models["t1"]["metrics"]["value"], {"lowest": 1, "highest": 7, "margin": 0.5})
        self.write("later.csv", "time,target,value\n1700009000,t1,4\n1700009060,t1,11\n")
        lines = list(csv.DictReader(io.StringIO(self.fitfleet("score", "job", "later.csv", "--state", self.state).out)))
        self.assertEqual([(float(line["lower"]), float(line["upper"]), line["anomaly"]) for line in lines],
                         [(-2, 10, "0"), (-2, 10, "1")])
        self.assertIn("range cannot forecast", self.fitfleet("forecast", "job", "--state", self.state, code=3).err)

    def test_what_is_reused_depends_on_the_file_and_its_parameters(self):
        self.build(os.path.join(ROOT, "examples", "plugin", "range.c"), "range.so")
        self.rows()
        self.train(self.plugin_job("./range.so", margin=0.5))
        self.assertEqual(self.train_json(self.plugin_job("./range.so", margin=0.5))["counts"]["reused"], 3)
        self.assertEqual(self.train_json(self.plugin_job("./range.so", margin=0.6))["counts"]["fitted"], 3)
        os.utime(self.path("range.so"), (1, 1))
        self.assertEqual(self.train_json(self.plugin_job("./range.so", margin=0.6))["counts"]["fitted"], 3)

    def test_a_fault_costs_its_targets_only(self):
        self.build(FAULTY, "faulty.so")
        self.rows()
        faults = {"crash": "CRASHED", "hang": "TIMEOUT", "exit": "CRASHED", "length": "OUT_OF_MEMORY"}
        if not is_sanitized():
            faults["memory"] = "OUT_OF_MEMORY"
        for fault, error in faults.items():
            job = self.job(models={"top": {"kind": "plugin", "path": "./faulty.so", "fault": fault}},
                           limits={"target_timeout": "1s", "attempts": 1, "target_memory": "128MiB"})
            result = self.train_json(job, "--slots", 2, code=3)
            self.assertEqual(result["top"]["t0"]["class"], "fitted", fault)
            for target in ("t1", "t2"):
                self.assertEqual((result["top"][target]["class"], result["top"][target]["error"]), ("quarantined", error), fault)

    def test_a_bound_that_is_not_given_is_none_and_a_band_upside_down_is_a_fault(self):
        self.build(FAULTY, "faulty.so")
        self.rows()
        self.write("later.csv", "time,target,value\n1700009000,t1,-1000\n1700009060,t1,11\n")
        self.train(self.plugin_job("./faulty.so", fault="open"))
        lines = list(csv.DictReader(io.StringIO(self.fitfleet("score", "job", "later.csv", "--state", self.state).out)))
        self.assertEqual([(line["lower"], line["upper"], line["score"], line["anomaly"]) for line in lines],
                         [("", "10", "0", "0"), ("", "10", "1.2", "1")])
        self.train(self.plugin_job("./faulty.so", fault="crossed"))
        result = self.fitfleet("score", "job", "later.csv", "--state", self.state, code=3)
        self.assertIn("faulty: lower 0 is above upper -1 at step 0", result.err)
        self.assertEqual({line["anomaly"] for line in csv.DictReader(io.StringIO(result.out))}, {"0"})

    def test_codes_and_files_that_are_no_kinds(self):
        self.rows()
        self.build(FAULTY, "faulty.so")
        entry = self.train_json(self.plugin_job("./faulty.so", fault="code"), code=3)["top"]["t1"]
        self.assertEqual((entry["class"], entry["error"]), ("failed", "BAD_PARAMETER"))
        self.build(FAULTY, "old.so", "-DOLD")
        self.write("empty.so", "")
        self.write("other.c", "int x;\n")
        self.build(self.path("other.c"), "other.so")
        for path, text in (("./old.so", "built for another version of fitfleet/kind.h"), ("./nothing.so", "no such file"),
                           ("./empty.so", "file too short"), ("./other.so", "no symbol fitfleet_kind")):
            entry = self.train_json(self.plugin_job(path), code=4)["top"]["t1"]
            self.assertEqual(entry["error"], "BAD_PARAMETER")
            self.assertIn(text, entry["errmsg"])
        self.assertIn("'path' is missing", self.check_one_message(
            self.train(self.job(models={"top": {"kind": "plugin"}}), code=2)))

    def test_a_worker_decides_which_files_it_takes(self):
        self.build(os.path.join(ROOT, "examples", "plugin", "range.c"), "folder/range.so")
        self.rows()
        self.coordinator()
        worker = self.worker("--plugins", self.path("folder"))
        self.wait_state(self.submit(self.plugin_job("range")), "done")
        self.assertEqual(self.document()["counts"]["fitted"], 3)
        self.wait_state(self.submit(self.plugin_job("./folder/range.so")), "failed")
        self.assertIn("from its own folder only", self.document()["top"]["t0"]["errmsg"])
        worker.stop()
        self.worker("--own-models")
        self.wait_state(self.submit(self.plugin_job("./folder/range.so")), "done")
        self.wait_state(self.submit(self.plugin_job("range")), "failed")
        self.assertIn("has no plug-in folder", self.document()["top"]["t0"]["errmsg"])


if __name__ == "__main__":
    fleet.main()
