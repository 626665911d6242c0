"""score: lines in the order of the rows, values of CONTRACT.md computed here from the exported models."""
import calendar
import csv
import gzip
import io
import json
import os
import random
import signal
import stat
import subprocess
import time
import unittest

import fleet
from fleet import Case, Fleet

FIELDS = "time,target,metric,value,expected,lower,upper,score,anomaly"
START = 1_700_000_000


def parse(text):
    lines = text.splitlines()
    assert lines[0] == FIELDS, lines[0]
    return list(csv.DictReader(io.StringIO(text)))


def milliseconds(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 1000 + int(text[20:23])


class Scored(Case):
    def exported(self, name="job"):
        return {line["target"]: line for line in map(json.loads, self.models(name).splitlines())}

    def score(self, *args, code=0, name="job"):
        return self.fitfleet("score", name, *args, "--state", self.state, code=code)

    def check_seasonal(self, line, model):
        """One line against the formulas of the contract."""
        value, time_ms = float(line["value"]), milliseconds(line["time"])
        if model["season_ms"]:
            phase = time_ms % model["season_ms"] // model["step_ms"] % model["season"]
        else:
            phase = time_ms // model["step_ms"] % model["season"]
        expected, band = model["level"][phase], 4 * model["scale"]
        for key, wanted in (("expected", expected), ("lower", expected - band), ("upper", expected + band),
                            ("score", abs(value - expected) / band)):
            self.assertAlmostEqual(float(line[key]), wanted, delta=1e-9 * max(1, abs(wanted)), msg=str((key, line)))
        self.assertEqual(line["anomaly"], str(int(abs(value - expected) / band > 1)), line)


class Long(Scored):
    METRICS = ("count", "ms")

    def setUp(self):
        super().setUp()
        self.csv("data.csv", targets=3, rows=240, metrics=self.METRICS)

    def test_each_row_and_metric_has_its_line_in_the_order_of_the_rows(self):
        self.train(self.job(models={"top": {"kind": "seasonal", "season": 12}}))
        later = self.csv("later.csv", targets=3, rows=50, metrics=self.METRICS, start=START + 504 * 60, seed=2)
        with open(later) as file:
            rows = list(csv.reader(file))[1:]
        rows[7][2] = "9999"
        text = "time,target,count,ms\n" + "".join(",".join(row) + "\n" for row in rows)
        result = self.score(self.write("later.csv", text))
        lines, models = parse(result.out), self.exported()
        self.assertEqual(len(lines), 300)
        for i, line in enumerate(lines):
            row = rows[i // 2]
            self.assertEqual((line["target"], line["metric"]), (row[1], self.METRICS[i % 2]))
            self.assertEqual(milliseconds(line["time"]), int(row[0]) * 1000)
            self.assertEqual(float(line["value"]), float(row[2 + i % 2]))
            self.check_seasonal(line, models[line["target"]]["metrics"][line["metric"]])
        self.assertEqual([i for i, line in enumerate(lines) if line["anomaly"] == "1"], [14])
        self.assertIn("300 lines, 1 anomaly", result.err)

    def test_lines_of_many_blocks_are_in_the_order_of_the_rows(self):
        self.train(self.job(models={"top": {"kind": "ewma"}}))
        files = [self.csv(f"later-{i}.csv", targets=30, rows=2000, metrics=self.METRICS, start=START + 504 * 60 * (1 + i), seed=i)
                 for i in range(2)]
        self.assertGreater(min(map(os.path.getsize, files)), 1 << 20)
        wanted = []
        for path in files:
            with open(path) as file:
                wanted += [(int(row["time"]) * 1000, row["target"], metric, float(row[metric]))
                           for row in csv.DictReader(file) for metric in self.METRICS]
        result = self.score(*files)
        lines = [(milliseconds(line["time"]), line["target"], line["metric"], float(line["value"])) for line in parse(result.out)]
        self.assertTrue(lines == wanted)
        self.assertIn("27 unknown targets (108000 rows), such as 't03'", result.err)

    def test_a_season_given_as_a_duration_and_rows_between_the_steps(self):
        self.train(self.job(models={"top": {"kind": "seasonal", "season": "1h"}}))
        self.write("later.csv", "time,target,count,ms\n" + "".join(
            f"{START + 60_000 + 37 * i},t01,{i},{i / 7}\n" for i in range(200)))
        lines, models = parse(self.score("later.csv").out), self.exported()
        self.assertEqual(len(lines), 400)
        self.assertEqual(models["t01"]["metrics"]["count"]["season_ms"], 3_600_000)
        for line in lines:
            self.check_seasonal(line, models["t01"]["metrics"][line["metric"]])

    def test_missing_values_and_unknown_targets(self):
        self.train(self.job(models={"top": {"kind": "seasonal"}}))
        self.write("later.csv", f"time,target,count,ms\n{START},t00,,5\n{START},new,1,2\n{START + 60},new,,2\n{START},t02,1,nan\n")
        result = self.score("later.csv")
        lines = parse(result.out)
        self.assertEqual([(line["target"], line["metric"], line["value"]) for line in lines],
                         [("t00", "count", ""), ("t00", "ms", "5"), ("new", "count", "1"), ("new", "ms", "2"),
                          ("new", "count", ""), ("new", "ms", "2"), ("t02", "count", "1"), ("t02", "ms", "")])
        for line, known in zip(lines, (False, True, False, False, False, False, True, False)):
            self.assertEqual([line[key] != "" for key in ("expected", "lower", "upper", "score")], [known] * 4, line)
            if not known:
                self.assertEqual(line["anomaly"], "0")
        self.assertIn("1 unknown target (2 rows)", result.err)

    def test_metrics_without_a_model_are_counted(self):
        rows = "".join(f"{START + 60 * i},{t},{5 if t != 't1' else i % 9},{i % 7}\n" for i in range(120) for t in ("t0", "t1", "t2"))
        self.write("data.csv", "time,target,count,ms\n" + rows)
        self.train(self.job(models={"top": {"kind": "stl"}}))
        for command in (("score", "job", "data.csv"), ("forecast", "job", "--horizon", 2)):
            err = self.fitfleet(*command, "--state", self.state).err
            self.assertIn("fitfleet: 2 metrics of 2 targets have no model: count of t0: NOT_ENOUGH_DATA: ", err)
            err = self.fitfleet(*command, "--state", self.state, "--target", "t2").err
            self.assertIn("fitfleet: 1 metric of 1 target has no model: count of t2: NOT_ENOUGH_DATA: ", err)
            self.assertNotIn("no model", self.fitfleet(*command, "--state", self.state, "--target", "t1").err)

    def test_only_some_targets_and_packed_files_and_a_file_for_the_output(self):
        self.train(self.job(models={"top": {"kind": "ewma"}}))
        self.write("later.csv.gz", gzip.compress(f"time,target,count,ms\n{START},t00,1,5\n{START},t01,1,2\n".encode()))
        result = self.score("later.csv.gz", "--target", "t01", "--out", self.path("scores.csv"))
        self.assertEqual(result.out, "")
        with open(self.path("scores.csv")) as file:
            self.assertEqual([line["target"] for line in parse(file.read())], ["t01", "t01"])

    def test_metrics_that_are_judged_together_share_a_score(self):
        self.train(self.job(models={"top": {"kind": "ecod"}}))
        with open(self.csv("later.csv", targets=3, rows=30, metrics=self.METRICS, start=START + 600 * 60, seed=5)) as file:
            rows = file.read().splitlines()
        odd = rows[1 + 20].split(",")
        rows[1 + 20] = ",".join(odd[:3] + ["9999"])
        lines = parse(self.score(self.write("later.csv", "\n".join(rows) + "\n")).out)
        self.assertEqual(len(lines), 180)
        for one, other in zip(lines[::2], lines[1::2]):
            self.assertEqual((one["score"], one["expected"], one["lower"]), (other["score"], "", ""))
            self.assertGreaterEqual(float(one["score"]), 0)
        self.assertEqual([line["anomaly"] for line in lines[40:42]], ["1", "1"])

    def test_a_pipe_for_the_output_stays_one(self):
        self.train(self.job(models={"top": {"kind": "ewma"}}))
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        for command in (("score", "job", "data.csv"), ("results",)):
            with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
                program = self.start([fleet.FITFLEET, *command, "--state", self.state, "--out", pipe])
                self.assertTrue(reader.stdout.read())
                self.assertEqual(program.wait().code, 0)
            self.assertTrue(stat.S_ISFIFO(os.stat(pipe).st_mode))

    def test_a_signal_ends_it_while_lines_are_written(self):
        self.train(self.job(models={"top": {"kind": "ewma"}}))
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        program = self.start([fleet.FITFLEET, "score", "job", "data.csv", "--state", self.state, "--out", pipe])
        with open(pipe) as reader:
            self.assertEqual(reader.read(4), "time")
            program.signal(signal.SIGINT)
            self.assertEqual(program.wait().code, -signal.SIGINT)

    def test_columns_that_came_later_do_not_matter(self):
        self.train(self.job(models={"top": {"kind": "ewma"}}))
        self.write("later.csv", f"label,ms,time,target,count\nx,1,{START},t00,2\n")
        self.assertEqual([(line["metric"], line["value"]) for line in parse(self.score("later.csv").out)],
                         [("count", "2"), ("ms", "1")])

    def test_sums_are_judged_by_step(self):
        for aggregate in ("sum", "count"):
            self.train(self.job(prepare={"aggregate": aggregate, "step": "10m"}, models={"top": {"kind": "seasonal", "season": 6}}),
                       "--no-reuse")
            self.csv("later.csv", targets=2, rows=60, metrics=self.METRICS, start=START + 600 * 60, seed=3)
            lines, models = parse(self.score("later.csv").out), self.exported()
            with open(self.path("later.csv")) as file:
                rows = list(csv.DictReader(file))
            first, last = (int(rows[i]["time"]) // 600 for i in (0, -1))
            self.assertEqual(len(lines), 2 * 2 * (last - first + 1))
            for line in lines:
                step = milliseconds(line["time"]) // 600_000
                cells = [float(row[line["metric"]]) for row in rows
                         if row["target"] == line["target"] and int(row["time"]) // 600 == step]
                wanted = len(cells) if aggregate == "count" else sum(cells)
                self.assertAlmostEqual(float(line["value"]), wanted, places=6)
                self.check_seasonal(line, models[line["target"]]["metrics"][line["metric"]])

    def test_the_model_of_all_and_what_made_it_exceed_its_limits(self):
        self.train(self.job(models={"top": {"kind": "seasonal", "season": 12}, "all": {"kind": "pca"}}))
        self.csv("later.csv", targets=3, rows=30, metrics=self.METRICS, start=START + 600 * 60, seed=5)
        with open(self.path("later.csv")) as file:
            text = file.read().splitlines()
        spoiled = text[1 + 3 * 20 + 1].split(",")
        spoiled[3] = "500"
        text[1 + 3 * 20 + 1] = ",".join(spoiled)
        self.write("later.csv", "\n".join(text) + "\n")
        self.score("later.csv", "--all-out", self.path("all.csv"), "--causes-out", self.path("why.csv"))
        self.assertEqual(len(parse(self.score("later.csv").out)), 3 * 30 * 2, "it is not asked for")
        with open(self.path("all.csv")) as file:
            lines = parse(file.read())
        model = self.exported()["all"]["model"]
        self.assertEqual([line["metric"] for line in lines[:4]], ["Q", "T2", "Q", "T2"])
        self.assertEqual(len(lines), 60)
        for line in lines:
            limit = model["limit_q" if line["metric"] == "Q" else "limit_t2"]
            self.assertEqual((line["target"], float(line["lower"]), float(line["upper"])), ("all", 0, limit))
            self.assertAlmostEqual(float(line["score"]), float(line["value"]) / limit, places=9)
        self.check_statistics(lines, text, model)
        self.assertIn("1", {line["anomaly"] for line in lines[40:42]})
        with open(self.path("why.csv")) as file:
            causes = list(csv.DictReader(file))
        worst = [cause for cause in causes if cause["time"] == lines[40]["time"]]
        self.assertEqual(worst[0]["column"], "t01/ms")
        for line in lines[40:42]:
            shares = [float(cause["share"]) for cause in worst if cause["statistic"] == line["metric"]]
            if line["anomaly"] == "1":
                self.assertEqual((len(shares), shares), (6, sorted(shares, reverse=True)))
                self.assertAlmostEqual(sum(shares), float(line["value"]), delta=1e-8 * float(line["value"]))

    def test_what_each_column_contributes_at_any_time(self):
        self.train(self.job(models={"top": {"kind": "seasonal", "season": 12}, "all": {"kind": "pca"}}))
        self.csv("later.csv", targets=3, rows=30, metrics=self.METRICS, start=START + 600 * 60, seed=5)
        out = ("--all-out", self.path("all.csv"), "--causes-out", self.path("why.csv"))
        at = START + 605 * 60
        for time_text in (str(at), time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))):
            self.assertEqual(self.score("later.csv", *out, "--causes-at", time_text).err.count("fitfleet:"), 0)
            with open(self.path("all.csv")) as file:
                values = {line["metric"]: line for line in parse(file.read()) if milliseconds(line["time"]) == at // 60 * 60_000}
            with open(self.path("why.csv")) as file:
                causes = list(csv.DictReader(file))
            self.assertEqual({cause["time"] for cause in causes}, {values["Q"]["time"]})
            for metric, line in values.items():
                self.assertEqual(line["anomaly"], "0")
                shares = {cause["column"]: float(cause["share"]) for cause in causes if cause["statistic"] == metric}
                self.assertEqual(set(shares), {f"t0{i}/{name}" for i in range(3) for name in self.METRICS})
                self.assertAlmostEqual(sum(shares.values()), float(line["value"]), delta=1e-8)
        far = self.score("later.csv", *out, "--causes-at", str(START))
        self.assertIn(f"--causes-at {START}: nothing is known of that time", far.err)
        for flags, words in (((*out, "--causes-at", "noon"), "expected a time such as"),
                             (("--causes-at", str(at)), "--causes-at needs --causes-out")):
            self.assertIn(words, self.check_one_message(self.score("later.csv", *flags, code=2)))

    def check_statistics(self, lines, text, model):
        """T² and Q of each step, from the exported model."""
        k, p = len(model["eigenvalues"]), len(model["names"])
        for step in range(30):
            values = {}
            for row in text[1 + 3 * step:4 + 3 * step]:
                _, target, count, ms = row.split(",")
                values[f"{target}/count"], values[f"{target}/ms"] = float(count), float(ms)
            z = [(values[name] - mean) / sd for name, mean, sd in zip(model["names"], model["means"], model["sds"])]
            rest, t2 = list(z), 0
            for j in range(k):
                loading = model["loadings"][j * p:(j + 1) * p]
                t = sum(a * b for a, b in zip(z, loading))
                t2 += t * t / model["eigenvalues"][j]
                rest = [a - t * b for a, b in zip(rest, loading)]
            q = sum(value * value for value in rest)
            self.assertAlmostEqual(float(lines[2 * step]["value"]), q, delta=1e-8 * max(1, q))
            self.assertAlmostEqual(float(lines[2 * step + 1]["value"]), t2, delta=1e-8 * max(1, t2))

    def test_wrong_requests_are_one_message_and_exit_code_2(self):
        self.train(self.job(models={"top": {"kind": "ewma"}}))
        self.write("later.csv", f"time,target,count,ms\n{START},t00,1,x\n")
        self.write("short.csv", f"time,target,count\n{START},t00,1\n")
        for args, text in ((("later.csv",), "later.csv:2: expected a number in column 'ms', found 'x'"),
                           (("short.csv",), "no column 'ms'"),
                           (("nothing.csv",), "nothing.csv: data.files: no file matches"),
                           (("data.csv", "--target", "zz*"), "no model matches 'zz*'"),
                           (("data.csv", "--all-out", "all.csv"), "set 'job' has no model of all")):
            self.assertIn(text, self.check_one_message(self.score(*args, code=2)))
        self.assertIn("no set 'other'", self.check_one_message(self.score("data.csv", name="other", code=2)))

    def test_nothing_is_left_behind(self):
        self.train(self.job(models={"top": {"kind": "ewma"}}))
        before = self.fitfleet("jobs", "--state", self.state, "--format", "json").out
        os.mkdir(self.path("tmp"))
        self.env["TMPDIR"] = self.path("tmp")
        self.score("data.csv")
        self.assertEqual(os.listdir(self.path("tmp")), [])
        self.assertEqual(self.fitfleet("jobs", "--state", self.state, "--format", "json").out, before)


class OtherLayouts(Scored):
    def test_wide(self):
        header = "time,a,b,note\n"
        self.write("data.csv", header + "".join(f"{START + 60 * i},{i % 4},{10 + i % 3},hm\n" for i in range(120)))
        self.write("job.yaml", json.dumps({"data": {"files": ["data.csv"], "layout": "wide"},
                                           "models": {"top": {"kind": "seasonal", "season": 12}}}))
        self.train("job.yaml")
        self.write("later.csv", "time,b,c,a,note\n" + "".join(f"{START + 7200 + 60 * i},{10 + i % 3},7,,hm\n" for i in range(3)))
        result = self.score("later.csv")
        lines, models = parse(result.out), self.exported()
        self.assertEqual([(line["target"], line["metric"], line["value"]) for line in lines[:3]],
                         [("b", "value", "10"), ("c", "value", "7"), ("a", "value", "")])
        for line in lines[::3]:
            self.check_seasonal(line, models["b"]["metrics"]["value"])
        self.assertIn("1 unknown target (3 rows)", result.err)

    def test_a_model_of_all_that_is_larger_than_a_message(self):
        source = random.Random(1)
        columns, rows = 1500, 300
        text = "time," + ",".join(f"c{i}" for i in range(columns)) + "\n" + "".join(
            f"{START + 60 * step}," + ",".join(f"{source.gauss(0, 1):.2f}" for _ in range(columns)) + "\n"
            for step in range(rows))
        self.write("data.csv", text)
        result = self.train_json(self.job(data={"files": ["data.csv"], "layout": "wide"},
                                          models={"top": {"kind": "ewma"}, "all": {"kind": "pca"}}))
        self.assertGreater(result["all"]["model"]["bytes"], 2 << 20)
        self.score("data.csv", "--out", self.path("scores.csv"), "--all-out", self.path("all.csv"))
        with open(self.path("all.csv")) as file:
            lines = list(csv.DictReader(file))
        self.assertEqual(len(lines), 2 * rows)
        self.assertTrue(all(line["score"] for line in lines))

    def test_files_keep_the_names_of_training(self):
        for name in ("web/one.csv", "web/two.csv"):
            self.write(name, "time,load\n" + "".join(f"{START + 60 * i},{i % 5}\n" for i in range(60)))
        self.write("job.yaml", json.dumps({"data": {"files": ["web/*.csv"], "layout": "file"},
                                           "models": {"top": {"kind": "ewma"}}}))
        self.train("job.yaml")
        self.write("web/one.csv", f"time,load\n{START},3\n")
        lines = parse(self.score("web/one.csv").out)
        self.assertEqual([(line["target"], line["metric"]) for line in lines], [("web/one", "load")])
        self.assertNotEqual(lines[0]["expected"], "")


class Remote(Fleet, Scored):
    def test_models_of_a_coordinator(self):
        self.coordinator()
        self.worker()
        self.csv("data.csv", targets=2, rows=60)
        job = self.job(models={"top": {"kind": "seasonal", "season": 12}})
        self.wait_state(self.submit(job), "done")
        there = self.fitfleet("score", "job", self.path("data.csv")).out
        here = self.score(self.path("data.csv")).out
        self.assertEqual(there, here)
        self.assertEqual(len(parse(there)), 120)


if __name__ == "__main__":
    fleet.main()
