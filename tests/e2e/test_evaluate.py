"""evaluate: labels in each of their forms beside scores, and what is wrong with either."""
import json
import unittest

import fleet
from fleet import Case

START = 1_700_000_000


class Evaluate(Case):
    def setUp(self):
        super().setUp()
        lines = ["time,target,metric,value,expected,lower,upper,score,anomaly"]
        for i in range(200):
            for target in ("a", "b"):
                alarm = target == "a" and 50 <= i < 55 or i == 120
                lines.append(f"{START + 60 * i},{target},count,1,1,0,2,{2 if alarm else 0.1 + i % 7 / 20},{int(alarm)}")
                lines.append(f"{START + 60 * i},{target},ms,,,,,,0")
        self.write("scores.csv", "\n".join(lines) + "\n")

    def evaluate(self, *args, code=0):
        return self.fitfleet("evaluate", "scores.csv", *args, code=code)

    def at(self, row):
        return START + 60 * row

    def forms(self):
        """The same labels: rows 52 to 60 of a, 10 to 12 of b."""
        def text(row):
            return self.iso(self.at(row))
        yield self.write("windows.json", json.dumps({"a": [[text(52), text(60)]], "b.csv": [[text(10), text(12)]]}))
        yield self.write("windows.csv", f"start,end,target\n{text(10)},{text(12)},b\n{text(52)},{text(60)},a\n")
        yield self.write("points.csv", "target,timestamp,label\n" + "".join(
            f"{target},{self.at(i)},{int(target == 'a' and 52 <= i <= 60 or target == 'b' and 10 <= i <= 12)}\n"
            for i in range(200) for target in "ab"))
        yield self.write("points.json", json.dumps({"a": [text(i) for i in range(52, 61)], "b": [text(i) for i in (12, 10, 11)]}))

    def iso(self, seconds):
        import datetime
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")

    def test_every_form_of_labels_gives_the_same(self):
        documents = [self.evaluate("--labels", path, "--format", "json").json() for path in self.forms()]
        for document in documents[1:]:
            self.assertEqual(document, documents[0])
        whole = documents[0]
        self.assertEqual((whole["events"], whole["detected"], whole["alarms"], whole["true_alarms"]), (2, 1, 3, 1))
        self.assertEqual((whole["rows"], whole["anomalous_rows"]), (400, 12))
        self.assertAlmostEqual(whole["by_event"]["precision"], 1 / 3)
        self.assertAlmostEqual(whole["by_event"]["recall"], 1 / 2)
        self.assertAlmostEqual(whole["by_row"]["recall"], 3 / 12)
        self.assertEqual(whole["mean_delay_s"], 0)
        self.assertAlmostEqual(whole["false_alarms_per_target_and_day"], 2 / (2 * 199 / 1440))
        self.assertGreater(whole["by_target"]["a"]["vus_pr"], whole["by_target"]["b"]["vus_pr"])
        self.assertEqual(whole["nab"]["standard"].keys(), {"at_threshold", "best", "best_threshold"})

    def test_threshold_metric_and_tables(self):
        labels = next(self.forms())
        self.assertEqual(self.evaluate("--labels", labels, "--threshold", 3, "--format", "json").json()["alarms"], 0)
        self.assertEqual(self.evaluate("--labels", labels, "--metric", "ms", "--format", "json").json()["alarms"], 0)
        self.assertIn("2 targets, 400 rows, 2 events; alarm above 1", self.evaluate("--labels", labels).out)
        one = self.write("one.csv", f"time,score\n{self.at(52)},2\n")
        self.assertIn("1 target, 1 row, 1 event; alarm above 1", self.fitfleet("evaluate", one, "--labels", self.write(
            "l.csv", f"time\n{self.at(52)}\n")).out)
        lines = self.evaluate("--labels", labels, "--format", "csv").out.splitlines()
        self.assertEqual([line.split(",")[0] for line in lines], ["target", "a", "b", "all"])
        whole = dict(zip(lines[0].split(","), lines[-1].split(",")))
        document = self.evaluate("--labels", labels, "--format", "json").json()
        for key in ("rows", "events", "detected", "alarms", "true_alarms", "mean_delay_s", "vus_roc", "vus_pr"):
            self.assertEqual(float(whole[key]), document[key], key)
        self.assertEqual(float(whole["event_f1"]), document["by_event"]["f1"])

    def test_labels_outside_the_rows_are_counted(self):
        labels = self.write("l.csv", f"start,end\n{self.at(500)},{self.at(510)}\n")
        self.assertIn("2 labels lie outside the scored rows", self.evaluate("--labels", labels).err)
        labels = self.write("l.csv", f"target,start,end\na,{self.at(500)},{self.at(510)}\n")
        self.assertIn("1 label lies outside the scored rows", self.evaluate("--labels", labels).err)

    def test_labels_of_targets_that_are_not_scored_are_told(self):
        window = f"{self.at(52)},{self.at(60)}"
        labels = self.write("l.csv", f"target,start,end\na,{window}\nA,{window}\nx/b,{window}\nx/b,{window}\n")
        result = self.evaluate("--labels", labels, "--format", "json")
        self.assertEqual(result.err, "fitfleet: 3 of 4 labels name targets that are not in scores.csv, such as 'A'\n")
        self.assertEqual(result.json()["events"], 1)
        labels = self.write("l.csv", f"target,start,end\na,{window}\nA,{window}\n")
        self.assertEqual(self.evaluate("--labels", labels).err,
                         "fitfleet: 1 of 2 labels names a target that is not in scores.csv: 'A'\n")
        self.assertEqual(self.evaluate("--labels", self.write("l.json", '{"a": [], "c": []}')).err, "")
        for name, content, text in (
                ("l.csv", f"target,start,end\nx/a.csv,{window}\n",
                 f"no label names a target of scores.csv: {self.path('l.csv')} has 'x/a.csv', the scores have 'a'"),
                ("l.json", "[]", "l.json: no labels"), ("l.json", "{}", "l.json: no labels")):
            self.assertIn(text, self.check_one_message(self.evaluate("--labels", self.write(name, content), code=2)))

    def test_wrong_files_are_one_message(self):
        good = next(self.forms())
        for name, content, text in (
                ("l.csv", "target,start\na,1\n", "l.csv:1: expected the columns start and end, or time"),
                ("l.csv", "target,time,label\na,5,2\n", "l.csv:2: expected 0 or 1 in column 'label', found '2'"),
                ("l.csv", "start,end\nx,5\n", "l.csv:2: expected a time, found 'x'"),
                ("l.csv", "start,end\n9,5\n", "l.csv:2: expected a time behind the start, found '5'"),
                ("l.csv", "", "the file is empty"),
                ("l.json", '{"a": [["2026-01-01"]]}', "expected two times: start and end"),
                ("l.json", '{"a": 5}', "expected a list of windows or times")):
            self.assertIn(text, self.check_one_message(self.evaluate("--labels", self.write(name, content), code=2)))
        self.assertIn("evaluate needs --labels FILE", self.check_one_message(self.evaluate(code=2)))
        self.assertIn("--buffer: expected rows from 0 to 10000, found 'x'",
                      self.check_one_message(self.evaluate("--labels", good, "--buffer", "x", code=2)))
        self.write("scores.csv", "time,target\n1,a\n")
        self.assertIn("scores.csv:1: no column 'score'", self.check_one_message(self.evaluate("--labels", good, code=2)))
        self.write("scores.csv", "time,target,score\n1,a,high\n")
        self.assertIn("scores.csv:2: expected a number in column 'score', found 'high'",
                      self.check_one_message(self.evaluate("--labels", good, code=2)))


if __name__ == "__main__":
    fleet.main()
