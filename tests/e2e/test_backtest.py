"""backtest and forecast: figures computed here again, with the organisers' definitions of the M4 competition."""
import csv
import io
import json
import math
import unittest

import fleet
from fleet import Case

START = 1_700_000_000


def smape(values, forecast):
    return sum(200 * abs(y - f) / (abs(y) + abs(f)) for y, f in zip(values, forecast)) / len(values)


def mase(known, values, forecast, m):
    scale = sum(abs(known[i] - known[i - m]) for i in range(m, len(known))) / (len(known) - m)
    return sum(abs(y - f) for y, f in zip(values, forecast)) / len(values) / scale


def is_seasonal(known, m):
    mean = sum(known) / len(known)
    below = sum((y - mean) ** 2 for y in known)
    acf = [sum((known[i] - mean) * (known[i - lag] - mean) for i in range(lag, len(known))) / below for lag in range(1, m + 1)]
    limit = 1.645 * math.sqrt((1 + 2 * sum(r * r for r in acf[:-1])) / len(known))
    return abs(acf[-1]) > limit


def naive2(known, m, horizon):
    if m < 2 or len(known) < 3 * m or not is_seasonal(known, m):
        return [known[-1]] * horizon
    ratios = [[] for _ in range(m)]
    half = m // 2
    for i in range(half, len(known) - half):
        window = known[i - half:i + half + 1]
        trend = sum(window) / m if m % 2 else (sum(window) - (window[0] + window[-1]) / 2) / m
        ratios[i % m].append(known[i] / trend)
    indices = [sum(group) / len(group) for group in ratios]
    indices = [index * m / sum(indices) for index in indices]
    level = known[-1] / indices[(len(known) - 1) % m]
    return [level * indices[(len(known) + h) % m] for h in range(horizon)]


class Backtest(Case):
    def backtest(self, job, *args, code=0):
        return self.fitfleet("backtest", job, *args, code=code)

    def series(self):
        """{target: values} of data.csv."""
        with open(self.path("data.csv")) as file:
            out = {}
            for row in csv.DictReader(file):
                out.setdefault(row["target"], []).append(float(row["value"]))
        return out

    def test_figures_are_those_of_the_definitions(self):
        horizon, folds = 7, 4
        for m in (12, 5, 1):
            self.csv("data.csv", targets=3, rows=120)
            job = self.job(models={"top": {"kind": "ewma", "alpha": 1}})
            document = self.backtest(job, "--horizon", horizon, "--folds", folds, "--season", m, "--format", "json").json()
            self.assertEqual(document["series"], 3)
            sums = dict.fromkeys(("smape", "mase", "naive2_smape", "naive2_mase"), 0)
            for entry in document["by_series"]:
                values = self.series()[entry["target"]]
                wanted = dict.fromkeys(sums, 0)
                for fold in range(folds):
                    origin = len(values) - (folds - fold) * horizon
                    known, later = values[:origin], values[origin:origin + horizon]
                    last, naive = [known[-1]] * horizon, naive2(known, m, horizon)
                    wanted["smape"] += smape(later, last) / folds
                    wanted["mase"] += mase(known, later, last, m) / folds
                    wanted["naive2_smape"] += smape(later, naive) / folds
                    wanted["naive2_mase"] += mase(known, later, naive, m) / folds
                for key, value in wanted.items():
                    self.assertAlmostEqual(entry[key], value, places=8, msg=f"{entry['target']} {key} {m}")
                    sums[key] += value / 3
                self.assertEqual((entry["folds"], entry["season"]), (folds, m))
            for key, value in sums.items():
                self.assertAlmostEqual(document[key], value, places=8)
            owa = (sums["smape"] / sums["naive2_smape"] + sums["mase"] / sums["naive2_mase"]) / 2
            self.assertAlmostEqual(document["owa"], owa, places=8)

    def test_bands_hold_what_they_promise(self):
        self.csv("data.csv", targets=20, rows=600)
        job = self.job(models={"top": {"kind": "seasonal", "season": 12}})
        for coverage in (0.5, 0.9):
            document = self.backtest(job, "--horizon", 24, "--folds", 5, "--coverage", coverage, "--format", "json").json()
            self.assertLess(abs(document["coverage"] - coverage), 0.12)

    def test_a_series_that_is_too_short_is_named_and_the_rest_goes_on(self):
        self.csv("data.csv", targets=2, rows=100)
        with open(self.path("data.csv"), "a") as file:
            file.writelines(f"{START + 60 * i},short,{i}\n" for i in range(12))
        result = self.backtest(self.job(models={"top": {"kind": "ewma"}}), "--horizon", 5, "--folds", 3, code=3)
        self.assertIn("2 series measured", result.out)
        self.assertIn("12 steps, 3 folds of 5 need more", result.out)
        lines = list(csv.DictReader(io.StringIO(
            self.backtest(self.job(models={"top": {"kind": "ewma"}}), "--horizon", 5, "--format", "csv", code=3).out)))
        self.assertEqual([line["error"] for line in lines], ["NOT_ENOUGH_DATA", "OK", "OK"])

    def test_nothing_that_can_be_measured_is_exit_code_4(self):
        self.csv("data.csv", targets=2, rows=20)
        self.assertIn("0 series measured",
                      self.backtest(self.job(models={"top": {"kind": "ewma"}}), "--horizon", 50, code=4).out)

    def test_wrong_requests_are_one_message(self):
        self.csv("data.csv")
        job = self.job()
        for args, text in ((("--horizon", "0"), "--horizon: expected a whole number from 1 to 1000000, found '0'"),
                           (("--folds", "x"), "--folds: expected a whole number from 1 to 1000, found 'x'"),
                           (("--coverage", "95"), "--coverage: expected a share between 0 and 1 such as 0.95, found '95'")):
            self.assertEqual(self.check_one_message(self.backtest(job, *args, code=2)), "fitfleet: " + text)
        self.assertIn("did you mean 'season'", self.check_one_message(
            self.backtest(self.job(models={"top": {"kind": "seasonal", "seson": 3}}), code=2)))


class Forecast(Case):
    def test_the_band_behind_the_rows(self):
        self.csv("data.csv", targets=2, rows=240)
        self.train(self.job(models={"top": {"kind": "seasonal", "season": 12}}))
        result = self.fitfleet("forecast", "job", "--horizon", 30, "--coverage", 0.9, "--state", self.state)
        lines = list(csv.DictReader(io.StringIO(result.out)))
        models = {line["target"]: line["metrics"]["value"] for line in map(json.loads, self.models().splitlines())}
        self.assertEqual(len(lines), 60)
        step = (START + 240 * 60) // 60
        for i, line in enumerate(lines):
            model = models[line["target"]]
            level = model["level"][(step + i % 30) % 12]
            self.assertEqual(float(line["expected"]), level)
            self.assertAlmostEqual(float(line["upper"]) - level, 1.6448536269514722 * model["scale"], places=6)
            self.assertAlmostEqual(level - float(line["lower"]), 1.6448536269514722 * model["scale"], places=6)
        self.assertEqual(result.err.count("fitfleet:"), 0, result.err)

    def test_only_some_targets(self):
        self.csv("data.csv", targets=3, rows=40)
        self.train(self.job(models={"top": {"kind": "ewma"}, "all": {"kind": "pca"}}))
        out = self.fitfleet("forecast", "job", "--target", "t01", "--horizon", 2, "--state", self.state).out
        self.assertEqual({line["target"] for line in csv.DictReader(io.StringIO(out))}, {"t01"})


if __name__ == "__main__":
    fleet.main()
