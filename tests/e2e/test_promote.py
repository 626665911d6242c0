"""output.promote: a new model that is worse on the last rows than the one in use does not take its place."""
import unittest

from fleet import Case

START = 1_700_000_000
SEASONAL, LEVEL = {"kind": "seasonal", "season": 12}, {"kind": "ewma"}


class Promote(Case):
    def rows(self, spikes=(), targets=3, count=600):
        """Target 0 has the spikes; all have a season of 12 steps."""
        return "time,target,count\n" + "".join(
            f"{START + 60 * step},T{target},{10 * (step % 12) + step % 5 + (900 if target == 0 and step in spikes else 0)}\n"
            for step in range(count) for target in range(targets))

    def nightly(self, model, code=0, **promote):
        output = {"promote": {"last": "1h", **promote}} if promote else {}
        result = self.train_json(self.job(models={"top": model}, output=output), "--no-reuse", code=code)
        return {name: (entry["class"], entry["error"], entry.get("from")) for name, entry in result["top"].items()}, result

    def test_one_that_alerts_more_than_allowed_is_not_taken(self):
        self.write("data.csv", self.rows())
        self.nightly(SEASONAL, max_alerts=3)
        self.write("data.csv", self.rows(spikes=range(541, 600, 10)))
        found, result = self.nightly(SEASONAL, code=3, max_alerts=3)
        self.assertEqual(found, {"T0": ("failed", "NOT_PROMOTED", 1), "T1": ("fitted", "OK", None), "T2": ("fitted", "OK", None)})
        self.assertIn("raises 6 alerts in the last 1 h, at most 3 are allowed", result["top"]["T0"]["errmsg"])
        self.assertEqual(result["top"]["T0"]["errno"], 21)
        found, _ = self.nightly(SEASONAL, max_alerts=6)
        self.assertEqual(set(found.values()), {("fitted", "OK", None)})

    def test_one_that_predicts_worse_than_allowed_is_not_taken(self):
        self.write("data.csv", self.rows())
        self.nightly(SEASONAL)
        found, result = self.nightly([{"match": "T0", **LEVEL}, {"match": "*", **SEASONAL}], code=3, max_worse="10%")
        self.assertEqual(found, {"T0": ("failed", "NOT_PROMOTED", 1), "T1": ("fitted", "OK", None), "T2": ("fitted", "OK", None)})
        self.assertRegex(result["top"]["T0"]["errmsg"],
                         r"^count: the new model's mean error in the last 1 h is \S+, \S+ for the one in use: at most 10 % more")
        self.assertEqual(self.models().count('"kind":"seasonal"'), 3, "the old one stays in use")
        self.nightly(LEVEL, code=4, max_worse="10%")  # none is taken: NO_MODELS, nothing is published
        self.assertEqual(self.models().count('"kind":"seasonal"'), 3)

    def test_one_that_predicts_better_is_taken_and_so_is_the_first(self):
        self.write("data.csv", self.rows())
        found, _ = self.nightly(LEVEL, max_worse="0%", max_alerts=0)
        self.assertEqual(set(found.values()), {("fitted", "OK", None)}, "there is no other")
        found, _ = self.nightly(SEASONAL, max_worse="0%")
        self.assertEqual(set(found.values()), {("fitted", "OK", None)})

    def test_one_that_predicts_nothing_cannot_predict_worse(self):
        self.write("data.csv", self.rows())
        self.nightly(SEASONAL)
        for model in ({"kind": "iforest"}, SEASONAL):
            found, _ = self.nightly(model, max_worse="0%")
            self.assertEqual(set(found.values()), {("fitted", "OK", None)}, model)

    def test_what_is_written_wrong_is_named(self):
        self.write("data.csv", self.rows())
        for promote, words in (({"max_alerts": 3}, "output.promote needs last, and max_alerts or max_worse"),
                               ({"last": "1d"}, "output.promote needs last, and max_alerts or max_worse"),
                               ({"last": "soon", "max_alerts": 3}, "expected a duration"),
                               ({"last": "1d", "max_alerts": -1}, "found '-1'"),
                               ({"last": "1d", "max_worse": "much"}, "expected a share from 0% to 100%"),
                               ({"last": "1d", "max_alert": 3}, "did you mean 'max_alerts'")):
            done = self.fitfleet("train", self.job(output={"promote": promote}), "--state", self.state, code=2)
            self.assertIn(words, self.check_one_message(done))


if __name__ == "__main__":
    unittest.main()
