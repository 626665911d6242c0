"""alerts: as often as the job allows on rows that nobody has seen, and the options that thin them out."""
import csv
import io
import json
import random
import unittest

import fleet
from fleet import Case

START, STEP = 1_700_006_400, 600
WEEK = 7 * 86400


def runs(flags):
    """Stretches of true values."""
    return sum(flag and not before for flag, before in zip(flags, [False] + flags[:-1]))


class Alerts(Case):
    TARGETS = 24

    def rows(self, name, first, count, noise, seed):
        rng = random.Random(seed)
        lines = ["time,target,value"]
        for i in range(first, first + count):
            for target in range(self.TARGETS):
                value = 100 + 10 * (i % 144 // 36) + noise(rng)
                lines.append(f"{START + i * STEP},t{target:02d},{value:.5f}")
        return self.write(name, "\n".join(lines) + "\n")

    def per_week(self, alerts, noise, kind="seasonal", weeks=4, **more):
        """Alerts per target and week on held-out rows."""
        steps = weeks * WEEK // STEP
        self.rows("data.csv", 0, steps, noise, 1)
        self.rows("later.csv", steps, steps, noise, 2)
        self.train(self.job(models={"top": {"kind": kind, "season": 144}}, alerts=alerts, **more), "--no-reuse")
        flags = {}
        for line in csv.DictReader(io.StringIO(self.fitfleet("score", "job", "later.csv", "--state", self.state).out)):
            flags.setdefault(line["target"], []).append(line["anomaly"] == "1")
        return sum(map(runs, flags.values())) / self.TARGETS / weeks

    def test_one_a_week_is_about_one_a_week_whatever_the_tail(self):
        def heavy(rng):
            return rng.gauss(0, 1) / (rng.random() ** 0.3)
        for noise in (lambda rng: rng.gauss(0, 1), heavy):
            self.assertTrue(0.4 <= self.per_week({"per_target_per_week": 1}, noise) <= 2.2)

    def test_a_level_that_wanders_keeps_to_what_is_allowed(self):
        rng, steps = random.Random(5), 4 * WEEK // STEP
        levels = {f"t{i:02d}": 100.0 for i in range(self.TARGETS)}
        for name, first in (("data.csv", 0), ("later.csv", steps)):
            lines = ["time,target,value"]
            for i in range(first, first + steps):
                for target in levels:
                    levels[target] += rng.gauss(0, 0.3)
                    lines.append(f"{START + i * STEP},{target},{levels[target] + rng.gauss(0, 1):.5f}")
            self.write(name, "\n".join(lines) + "\n")
        self.train(self.job(models={"top": {"kind": "ewma"}}, alerts={"per_target_per_week": 1}))
        flags = {}
        for line in csv.DictReader(io.StringIO(self.fitfleet("score", "job", "later.csv", "--state", self.state).out)):
            flags.setdefault(line["target"], []).append(line["anomaly"] == "1")
        self.assertTrue(0.4 <= sum(map(runs, flags.values())) / self.TARGETS / 4 <= 2.2)

    def test_a_threshold_that_cannot_be_told_is_null(self):
        self.rows("data.csv", 0, 59, lambda rng: rng.gauss(0, 1), 1)
        result = self.train_json(self.job(models={"top": {"kind": "ewma"}}, alerts={"per_target_per_week": 1}))
        models = [json.loads(line)["metrics"]["value"] for line in self.models().splitlines()]
        models += [entry["model"]["summary"]["metrics"]["value"] for entry in result["top"].values()]
        self.assertEqual([model["alert_threshold"] for model in models], [None] * len(models))

    def test_twenty_a_day_in_all(self):
        found = self.per_week({"total_per_day": 20}, lambda rng: rng.gauss(0, 1)) * self.TARGETS / 7
        self.assertTrue(11 <= found <= 34, found)

    def test_without_alerts_the_band_of_the_kind_counts(self):
        self.rows("data.csv", 0, 1000, lambda rng: rng.gauss(0, 1), 1)
        self.train(self.job(models={"top": {"kind": "seasonal", "season": 144}}))
        self.assertNotIn("alert_threshold", self.models())
        self.train(self.job(models={"top": {"kind": "seasonal", "season": 144}}, alerts={"per_target_per_week": 1}))
        self.assertIn("alert_threshold", self.models()) # fitted again, not reused

    def score_values(self, alerts, values):
        """Scores of one target, trained on noise around 100."""
        rng = random.Random(4)
        self.write("data.csv", "time,target,value\n" + "".join(
            f"{START + i * STEP},t,{100 + rng.gauss(0, 1):.4f}\n" for i in range(2000)))
        self.write("later.csv", "time,target,value\n" + "".join(
            f"{START + (2000 + i) * STEP},t,{value}\n" for i, value in enumerate(values)))
        self.train(self.job(models={"top": {"kind": "ewma", "alpha": 0.01}}, alerts=alerts), "--no-reuse")
        return list(csv.DictReader(io.StringIO(self.fitfleet("score", "job", "later.csv", "--state", self.state).out)))

    def test_only_above_or_below(self):
        for direction, wanted in (("both", ["1", "1", "0"]), ("above", ["1", "0", "0"]), ("below", ["0", "1", "0"])):
            lines = self.score_values({"direction": direction}, (150, 50, 100))
            self.assertEqual([line["anomaly"] for line in lines], wanted)
            self.assertEqual(lines[0]["lower"] == "", direction == "above")
            self.assertEqual(lines[0]["upper"] == "", direction == "below")

    def test_a_least_deviation_in_the_metrics_unit(self):
        lines = self.score_values({"min_deviation": 20}, (115, 125, 85, 75))
        self.assertEqual([line["anomaly"] for line in lines], ["0", "1", "0", "1"])
        self.assertAlmostEqual(float(lines[0]["upper"]) - float(lines[0]["expected"]), 20, places=9)

    def test_a_least_deviation_is_not_undone_by_a_threshold(self):
        self.assertEqual(self.per_week({"per_target_per_week": 1, "min_deviation": 20}, lambda rng: rng.gauss(0, 1)), 0)

    def test_a_least_duration(self):
        lines = self.score_values({"min_duration": "30m"}, (150, 100, 150, 150, 150, 150, 100))
        self.assertEqual([line["anomaly"] for line in lines], ["0", "0", "0", "0", "1", "1", "0"])
        self.assertEqual([float(line["score"]) for line in lines[2:4]], [1, 1])

    def test_masked_rows_are_not_learned_but_judged(self):
        spoiled = range(300, 420)
        self.write("data.csv", "time,target,value\n" + "".join(
            f"{START + i * STEP},{target},{1000 if i in spoiled else 100 + i % 3}\n" for i in range(600) for target in "ab"))
        self.write("outages.csv", f"start,end,target\n{START + 300 * STEP},{START + 419 * STEP},a\n")
        self.train(self.job(models={"top": {"kind": "seasonal", "season": 1}}, prepare={"mask": "outages.csv"}))
        models = {line["target"]: line["metrics"]["value"] for line in map(json.loads, self.models().splitlines())}
        self.assertEqual((models["a"]["missing"], models["b"]["missing"]), (120, 0))
        self.write("outages.csv", f"start,end,target\n{START},{START},a\n{START},{START},A\n")
        self.assertIn("1 of 2 windows in " + self.path("outages.csv") + " names no target of the data, such as 'A'", self.train(
            self.job(models={"top": {"kind": "seasonal", "season": 1}}, prepare={"mask": "outages.csv"})).err)
        self.write("outages.csv", f"start,end\n{START + 300 * STEP},{START + 419 * STEP}\n")
        self.train(self.job(models={"top": {"kind": "seasonal", "season": 1}}, prepare={"mask": "outages.csv"}))
        models = {line["target"]: line["metrics"]["value"] for line in map(json.loads, self.models().splitlines())}
        self.assertEqual((models["a"]["missing"], models["b"]["missing"]), (120, 120))
        lines = list(csv.DictReader(io.StringIO(self.fitfleet("score", "job", "data.csv", "--state", self.state).out)))
        self.assertEqual(sum(line["anomaly"] == "1" for line in lines), 240)
        self.write("outages.csv", "start,end\nx,y\n")
        self.assertIn("outages.csv:2: expected a time, found 'x'", self.train(
            self.job(models={"top": {"kind": "ewma"}}, prepare={"mask": "outages.csv"}), code=2).err)

    def test_wrong_options_are_named(self):
        self.csv("data.csv")
        for alerts, text in (({"per_week": 1}, "unknown key 'per_week' in alerts"),
                             ({"per_target_per_week": 1, "total_per_day": 5}, "exclude each other"),
                             ({"per_target_per_week": 0}, "alerts.per_target_per_week: expected a number"),
                             ({"direction": "up"}, "alerts.direction: expected")):
            self.assertIn(text, self.check_one_message(self.train(self.job(alerts=alerts), code=2)))


if __name__ == "__main__":
    fleet.main()
