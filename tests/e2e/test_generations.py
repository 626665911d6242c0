"""Generations of a set: compared, activated, rolled back, dropped by count; with a coordinator and without one."""
import json
import signal

import fleet
from fleet import Case, Fleet


def names(listing):
    return [f"{row['number']}{'*' if row['active'] else ''}" for row in listing]


class Embedded(Case):
    def setUp(self):
        super().setUp()
        self.csv("data.csv", targets=3)
        self.file = self.job()

    def model_command(self, *args, code=0):
        return self.fitfleet("models", *args, "--state", self.state, code=code)

    def generations(self):
        return json.loads(self.model_command("--format", "json").out)

    def exported(self):
        return [json.loads(line) for line in self.models().splitlines()]

    def test_diff_activate_and_rollback(self):
        self.train(self.file)
        self.train(self.file, "--set", "models.top.kind=ewma", "--set", "targets.top=2")
        diff = json.loads(self.model_command("diff", "job", "1", "2", "--format", "json").out)
        self.assertEqual(diff["counts"], {"same": 0, "changed": 2, "added": 0, "removed": 1})
        self.assertEqual([(target["before"]["kind"], target["after"] and target["after"]["kind"])
                          for target in diff["targets"]], [("seasonal", "ewma")] * 2 + [("seasonal", None)])
        self.assertIn("changed", self.model_command("diff", "job", "1", "2").out)
        self.model_command("rollback", "job")
        self.assertEqual(names(self.generations()), ["1*", "2"])
        self.assertEqual({model["kind"] for model in self.exported()}, {"seasonal"})
        self.model_command("activate", "job", "2")
        self.assertEqual(names(self.generations()), ["1", "2*"])
        self.model_command("rollback", "job", "--target", "t00")
        self.assertEqual(names(self.generations()), ["1", "2", "3*"])
        self.assertEqual([(model["kind"], model["from"]) for model in self.exported()], [("seasonal", 1), ("ewma", 2)])

    def test_what_is_not_there_is_said_with_what_there_is(self):
        self.train(self.file)
        for args, text in ((("activate", "job", "7"), "it has 1 (active)"),
                           (("activate", "jbo", "1"), "no set 'jbo'; sets: job"),
                           (("activate", "job", "first"), "found 'first'"),
                           (("rollback", "job"), "no generation before the active one"),
                           (("rollback", "job", "--target", "x*"), "no target of set 'job' matches 'x*'"),
                           (("diff", "job", "1", "8"), "no such generation as 8"),
                           (("rollback", "job", "extra"), "usage")):
            if args == ("rollback", "job", "--target", "x*"):
                self.train(self.file)
            with self.subTest(args):
                result = self.model_command(*args, code=2)
                self.assertIn(text, result.err)
                self.assertEqual(len(result.err.splitlines()), 1)

    def test_a_state_that_is_not_there_is_not_made(self):
        result = self.model_command("activate", "job", "1", code=2)
        self.assertIn("no state in", result.err)
        with self.assertRaises(FileNotFoundError):
            open(self.path("state", "fitfleet.db"))

    def test_keep_drops_older_generations_but_not_the_active_one(self):
        for _ in range(4):
            self.train(self.file, "--set", "output.keep=2")
        self.assertEqual(names(self.generations()), ["3", "4*"])
        self.model_command("activate", "job", "3")
        self.train(self.file, "--set", "output.keep=1")
        self.assertEqual(names(self.generations()), ["5*"])
        old = self.results("job-1")
        self.assertEqual(old["counts"]["fitted"], 3)
        self.assertEqual(len(self.exported()), 3)

    def test_a_retry_of_a_job_whose_models_are_gone_fits_them_again(self):
        for _ in range(3):
            self.train(self.file, "--set", "output.keep=1", "--no-reuse")
        before = self.models()
        self.fitfleet("retry", "job-1", "--state", self.state)
        self.assertEqual(self.models(), before)
        self.assertEqual(self.results()["counts"]["fitted"], 3)


class Remote(Fleet):
    def cancelled_with_some(self, *args):
        job = self.slow_job(targets=12, cpu_ms=200, name="slow.yaml")
        self.coordinator()
        self.worker()
        name = self.submit(job, *args)
        self.wait_fitted(2)
        self.fitfleet("cancel", name)
        document = self.document(name)
        self.assertEqual(document["state"], "cancelled")
        self.assertEqual(document["counts"], self.status(name)["counts"])
        self.assertGreater(document["counts"]["cancelled"], 0)
        return document

    def test_a_cancelled_job_publishes_nothing(self):
        self.assertIsNone(self.cancelled_with_some()["generation"])
        self.assertEqual(self.fitfleet("models", "--format", "json").json(), [])

    def test_a_cancelled_job_publishes_what_it_has_when_it_says_so(self):
        document = self.cancelled_with_some("--set", "output.publish=partial")
        self.assertEqual(document["generation"], {"set": "slow", "number": 1})
        exported = self.fitfleet("models", "export", "slow").out.splitlines()
        self.assertEqual(len(exported), document["counts"]["fitted"])

    def test_a_job_with_too_many_failures_publishes_what_it_has_when_it_says_so(self):
        rows = [f"{1_700_000_000 + 60 * i},{'good' if n == 0 else f'odd{n}'},{i},{5 if n == 0 or i == 7 else ''}"
                for n in range(4) for i in range(40)]
        self.write("data.csv", "time,target,a,b\n" + "\n".join(rows) + "\n")
        self.coordinator()
        self.worker()
        name = self.submit(self.job(models={"top": [{"match": "*", "metrics": ["b"], "kind": "ewma"}]},
                                    plan={"chunk": 1}, limits={"max_failed": "20%"}, output={"publish": "partial"}))
        self.assertEqual(self.wait_state(name, "failed", "done")["error"], "TOO_MANY_FAILED")
        document = self.document(name)
        self.assertEqual(document["counts"], self.status(name)["counts"])
        models = self.run_program([fleet.FITFLEET, "models", "export", "job"]).out.splitlines()
        self.assertEqual(len(models), document["counts"]["fitted"])

    def test_the_running_coordinator_makes_the_switch(self):
        self.csv("data.csv", targets=3)
        job = self.job()
        coordinator = self.coordinator()
        self.worker()
        for _ in range(2):
            self.wait_state(self.submit(job), "done")
        self.assertIn("generation 1 is active", self.fitfleet("models", "rollback", "job").out)
        self.assertEqual(names(self.fitfleet("models", "--format", "json").json()), ["1*", "2"])
        self.assertEqual(self.fitfleet("models", "diff", "job", "1", "2", "--format", "json").json()["counts"]["same"], 3)
        result = self.fitfleet("models", "activate", "job", "9", code=2)
        self.assertIn("it has 1 (active), 2", self.check_one_message(result))
        locked = self.fitfleet("models", "activate", "job", "2", "--state", self.state, code=1)
        self.assertIn("in use by another coordinator", self.check_one_message(locked))
        self.fitfleet("models", "rollback", "job", code=2)
        self.fitfleet("models", "activate", "job", "2")
        self.fitfleet("models", "rollback", "job", "--target", "t0[12]")
        self.assertEqual(names(self.fitfleet("models", "--format", "json").json()), ["1", "2", "3*"])
        coordinator.signal(signal.SIGTERM)
        self.assertEqual(coordinator.wait().code, 0)
        self.assertEqual(names(self.fitfleet("models", "--format", "json", "--state", self.state).json()),
                         ["1", "2", "3*"])


if __name__ == "__main__":
    fleet.main()
