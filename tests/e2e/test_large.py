"""Whole real data sets (FITFLEET_TEST_DATA/dev, or that folder itself): every target is counted, every model exported."""
import glob
import json
import os
import unittest

import fleet
from fleet import DATA, Case


@fleet.needs_data
class Large(Case):
    def train_data(self, name, requested, code=0, **sections):
        files = [os.path.join(DATA, name, pattern) for pattern in sections.pop("files")]
        data = {"files": files, **sections.pop("data")}
        job = self.write(f"{name}.yaml", json.dumps({"data": data, **sections}))
        result = self.train_json(job, code=code, timeout=300)
        counts = result["counts"]
        self.assertEqual(counts["requested"], requested, counts)
        models = counts["fitted"] + counts["fallback"] + (1 if result["all"] else 0)
        self.assertEqual(len(self.models(name).splitlines()), models)
        return result

    def columns(self, pattern, column):
        names = set()
        for path in glob.glob(os.path.join(DATA, pattern)):
            with open(path) as file:
                at = next(file).rstrip("\n").split(",").index(column)
                names |= {line.split(",")[at] for line in file}
        return len(names)

    def test_nab(self):
        files = glob.glob(os.path.join(DATA, "nab/data/*/*.csv"))
        result = self.train_data("nab", len(files), files=["data/*/*.csv"], data={"layout": "file"},
                                 models={"top": {"kind": "seasonal", "season": "1d"}, "fallback": {"kind": "ewma"}})
        self.assertEqual(result["counts"]["fitted"], len(files))

    def test_m4(self):
        for name in ("hourly", "weekly"):
            with self.subTest(name):
                requested = self.columns(f"m4/{name}_train.csv", "target")
                result = self.train_data("m4", requested, files=[f"{name}_train.csv"],
                                         data={"target": "target", "time": "index", "time_format": "index"},
                                         prepare={"step": "1h" if name == "hourly" else "7d"})
                self.assertEqual(result["counts"]["fitted"], requested)

    def test_mcmd(self):
        result = self.train_data("mcmd", self.columns("mcmd/mcmd.csv", "target"), files=["mcmd.csv"],
                                 data={"target": "target", "ignore": ["label"]})
        self.assertEqual(result["counts"]["fitted"], result["counts"]["requested"])

    def test_nn5(self):
        requested = self.columns("nn5/nn5.csv", "target")
        result = self.train_data("nn5", requested, files=["nn5.csv"],
                                 data={"target": "target", "time": "index", "time_format": "index"},
                                 prepare={"step": "1d"}, models={"all": {"kind": "pca"}, "top": {"kind": "seasonal", "season": 7}})
        self.assertEqual(result["counts"]["fitted"], requested)
        self.assertEqual(result["all"]["class"], "fitted")

    def test_jumpstarter(self):
        """A service is a file with 19 metrics of its own: layout file makes it one target with 19 of them."""
        result = self.train_data("jumpstarter", 30, files=["service*.csv"],
                                 data={"layout": "file", "time": "step", "time_format": "index", "ignore": ["part", "label"]},
                                 prepare={"step": "5m"})
        self.assertEqual(result["counts"]["fitted"], 30)
        entry = next(iter(result["top"].values()))
        self.assertEqual((entry["rows"], len(entry["model"]["summary"]["metrics"])), (12960, 19))

    def test_nezha(self):
        requested = self.columns("nezha/boutique.csv", "target")
        result = self.train_data("nezha", requested, files=["boutique.csv"], data={"target": "target"},
                                 models={"all": {"kind": "pca"}})
        self.assertEqual(result["counts"]["fitted"], requested)
        self.assertEqual(result["all"]["class"], "fitted")

    def test_exathlon(self):
        """2,283 targets and the model of all of them together."""
        result = self.train_data("exathlon", 2283, files=["*.csv"], data={"layout": "wide", "time": "t"},
                                 models={"all": {"kind": "pca"}})
        self.assertEqual(result["counts"]["fitted"], 2283)
        self.assertEqual(result["all"]["class"], "fitted")
        summary = result["all"]["model"]["summary"]
        self.assertEqual(summary["columns"] + summary["dropped"], 2283)


if __name__ == "__main__":
    fleet.main()
