"""Targets whose rows, preparation and model have not changed are not fitted again."""
import fleet
from fleet import Case


class Reuse(Case):
    def data(self, **changed):
        """Six targets of 200 rows; changed: what is added to the last value of a target."""
        lines = ["time,target,cpu,io"]
        for row in range(200):
            for target in "abcdef":
                bump = changed.get(target, 0) if row == 199 else 0
                lines.append(f"{1_700_000_000 + row * 60},{target},{row % 12 + ord(target) + bump},{row % 7}")
        self.write("data.csv", "\n".join(lines) + "\n")

    def setUp(self):
        super().setUp()
        self.data()
        self.path_of_job = self.job()

    def classes(self, result):
        return {name: entry["class"] for name, entry in result["top"].items()}

    def test_only_what_changed_is_fitted(self):
        self.train_json(self.path_of_job)
        models = self.models()
        self.data(c=5)
        result = self.train_json(self.path_of_job)
        self.assertEqual((result["counts"]["fitted"], result["counts"]["reused"]), (1, 5))
        self.assertEqual(result["top"]["c"]["class"], "fitted")
        reused = result["top"]["a"]
        self.assertEqual((reused["class"], reused["error"], reused["attempts"], reused["fit_ms"]), ("reused", "OK", 0, 0))
        self.assertEqual(reused["model"]["summary"]["metrics"]["cpu"]["season"], 12)
        before, after = ({line.split('"')[3]: line for line in text.splitlines()} for text in (models, self.models()))
        self.assertEqual([name for name in before if before[name] != after[name]], ["c"])

    def test_reuse_goes_on_over_generations_and_survives_a_retry(self):
        self.train_json(self.path_of_job)
        for night in range(2, 5):
            result = self.train_json(self.path_of_job)
            self.assertEqual((result["counts"]["reused"], result["generation"]["number"]), (6, night))
        self.fitfleet("retry", "--state", self.state, "--only", "failed", "--slots", "1")
        self.assertEqual(self.train_json(self.path_of_job)["counts"]["reused"], 6)

    def test_a_retry_on_changed_rows_does_not_pass_old_models_off_as_new(self):
        self.train_json(self.path_of_job)
        self.data(c=5)
        self.fitfleet("retry", "--state", self.state, "--only", "failed", "--slots", "1")
        result = self.train_json(self.path_of_job)
        self.assertEqual((result["top"]["c"]["class"], result["counts"]["reused"]), ("fitted", 5))

    def test_another_parameter_kind_or_preparation_is_another_model(self):
        self.train_json(self.path_of_job)
        for setting in ("models.top={kind: seasonal, season: 6}", "models.top={kind: ewma}", "prepare.step=2m",
                        "models.fallback={kind: ewma}"):
            result = self.train_json(self.path_of_job, "--set", setting)
            self.assertEqual(result["counts"]["fitted"], 6, setting)

    def test_plan_counts_what_would_be_reused(self):
        job = self.job(models={"all": {"kind": "pca"}, "top": [{"match": "*", "metrics": ["io"], "kind": "ewma"}]})

        def plan(*args):
            found = self.fitfleet("plan", job, "--state", self.state, "--format", "json", *args).json()
            return found["to_fit"], found["reused"]

        self.assertEqual(plan(), (6, 0))
        self.train_json(job)
        self.assertEqual(plan(), (0, 6))
        self.assertEqual(plan("--no-reuse"), (6, 0))
        self.assertEqual(plan("--set", "models.top={kind: ewma, alpha: 0.3}"), (6, 0))
        self.assertIn("unchanged since", self.fitfleet("plan", job, "--state", self.state).out)

    def test_what_has_no_effect_on_the_model_costs_nothing(self):
        self.train_json(self.path_of_job)
        for setting in ("plan.chunk=1", "limits.target_timeout=50s", "models.top={kind: seasonal, season: auto}"):
            self.assertEqual(self.train_json(self.path_of_job, "--set", setting)["counts"]["reused"], 6, setting)

    def test_no_reuse_fits_everything_and_a_later_run_reuses_that(self):
        self.train_json(self.path_of_job)
        self.assertEqual(self.train_json(self.path_of_job, "--no-reuse")["counts"]["fitted"], 6)
        self.assertEqual(self.train_json(self.path_of_job)["counts"]["reused"], 6)

    def test_the_model_of_all_is_reused_too(self):
        job = self.job(models={"all": {"kind": "pca"}})
        self.train_json(job)
        self.assertEqual(self.train_json(job)["all"]["class"], "reused")
        self.data(b=1)
        self.assertEqual(self.train_json(job)["all"]["class"], "fitted")

    def test_a_fallback_stays_one_with_its_error(self):
        lines = [f"{1_700_000_000 + i * 60},flat,7,7" for i in range(50)]
        with open(self.path("data.csv"), "a") as file:
            file.write("\n".join(lines) + "\n")
        job = self.job(models={"top": {"kind": "pca"}, "fallback": {"kind": "ewma"}})
        first, second = self.train_json(job), self.train_json(job)
        self.assertEqual((second["counts"]["fallback"], second["counts"]["reused"]), (1, 6))
        for key in ("class", "error", "errmsg", "model"):
            self.assertEqual(first["top"]["flat"][key], second["top"]["flat"][key])
        self.assertEqual(second["top"]["flat"]["attempts"], 0)

    def test_a_target_that_failed_is_tried_again(self):
        lines = [f"{1_700_000_000 + i * 60},flat,7,7" for i in range(50)]
        with open(self.path("data.csv"), "a") as file:
            file.write("\n".join(lines) + "\n")
        job = self.job(models={"top": {"kind": "pca"}})
        for expected in (0, 6):
            result = self.train_json(job, code=3)
            self.assertEqual((result["top"]["flat"]["class"], result["counts"]["reused"]), ("failed", expected))
            self.assertEqual(result["top"]["flat"]["attempts"], 1)


if __name__ == "__main__":
    fleet.main()
