"""score, forecast and backtest at a coordinator: what its workers find is what this machine would have found."""
import filecmp
import os
import signal
import sqlite3
import unittest

import fleet
from fleet import Fleet, free_port, wait_until

HERE = ("--slots", "1")
METRICS = ("count", "ms")


class Errands(Fleet):
    def trained(self, targets=8, rows=240, **more):
        """A set at the coordinator, and rows that come later."""
        self.csv("data.csv", targets=targets, rows=rows, metrics=METRICS)
        self.csv("later.csv", targets=targets, rows=rows // 2, metrics=METRICS, start=1_700_000_000 + rows * 60, seed=2)
        self.submit(self.job(**more), "--wait")

    def bytes_kept(self, job):
        """Of what the outcomes of a job came to."""
        name, number = job.rsplit("-", 1)
        with sqlite3.connect(f"file:{self.state}/fitfleet.db?mode=ro", uri=True) as db:
            return db.execute("SELECT coalesce(sum(length(models)), 0) FROM reports WHERE job = (SELECT id FROM jobs"
                              " WHERE name = ? AND number = ?)", (name, int(number))).fetchone()[0]

    def generations(self):
        return self.fitfleet("models", "--format", "json").out


class Everywhere(Errands):
    def setUp(self):
        super().setUp()
        self.coordinator()
        self.workers = [self.worker(), self.worker()]

    def test_scores_come_from_the_workers_and_are_the_same(self):
        self.trained(models={"all": {"kind": "pca"}, "top": {"kind": "seasonal", "season": 12}})
        before = self.generations()
        away = self.fitfleet("score", "job", "later.csv", "--all-out", self.path("away"))
        here = self.fitfleet("score", "job", "later.csv", "--all-out", self.path("here"), *HERE)
        self.assertEqual(len(away.out.splitlines()), 1 + 8 * 120 * 2)
        self.assertEqual(away.out, here.out)
        self.assertGreater(os.path.getsize(self.path("away")), 1000)
        self.assertTrue(filecmp.cmp(self.path("away"), self.path("here"), shallow=False))
        document = self.document("score-job-1")
        self.assertEqual((document["state"], document["counts"]["fitted"], document["generation"]), ("done", 8, None))
        self.assertEqual(self.bytes_kept("score-job-1"), 0)
        self.assertEqual(self.generations(), before)
        self.assertEqual(self.status()["job"], "job-1")
        self.assertEqual(self.fitfleet("fsck", "--state", self.state).code, 0)

    def test_only_some_targets_and_a_pattern_of_files(self):
        self.trained()
        one = self.fitfleet("score", "job", "lat*.csv", "--target", "t0[13]")
        self.assertEqual(one.out, self.fitfleet("score", "job", "later.csv", "--target", "t0[13]", *HERE).out)
        self.assertEqual({line.split(",")[1] for line in one.out.splitlines()[1:]}, {"t01", "t03"})

    def test_many_pages(self):
        self.trained(targets=60, rows=8000, models={"top": {"kind": "ewma"}})
        away = self.fitfleet("score", "job", "later.csv")
        self.assertEqual(len(away.out.splitlines()), 1 + 60 * 4000 * 2)
        self.assertTrue(away.out == self.fitfleet("score", "job", "later.csv", *HERE).out)

    def test_forecasts_need_no_rows(self):
        self.trained(models={"top": {"kind": "seasonal", "season": 12}})
        os.unlink(self.path("data.csv"))
        away = self.fitfleet("forecast", "job", "--horizon", "30", "--coverage", "0.9")
        self.assertEqual(len(away.out.splitlines()), 1 + 8 * 30 * 2)
        self.assertEqual(away.out, self.fitfleet("forecast", "job", "--horizon", "30", "--coverage", "0.9", *HERE).out)
        self.assertEqual(self.status("forecast-job-1")["state"], "done")

    def test_a_backtest_where_it_is_asked_for(self):
        self.csv("data.csv", rows=300)
        job, flags = self.job("nightly.yaml", models={"top": {"kind": "ewma"}}), ("--folds", "4", "--format", "csv")
        here = self.fitfleet("backtest", job, *flags)
        self.assertEqual(self.fitfleet("jobs", "--format", "json").json(), [])
        self.assertEqual(self.fitfleet("backtest", job, *flags, "--coordinator", self.env["FITFLEET_COORDINATOR"]).out, here.out)
        self.assertEqual(self.status("backtest-nightly-1")["state"], "done")

    def test_it_goes_on_when_workers_and_the_coordinator_are_killed(self):
        port = free_port()
        self.programs[0].stop()
        coordinator = self.coordinator(port=port)
        workers = [self.worker(), self.worker()]
        self.trained(targets=24, rows=6000, models={"top": {"kind": "matrix_profile"}})
        program = self.start([fleet.FITFLEET, "score", "job", "later.csv"])
        wait_until(lambda: self.fitfleet("status", "score-job-1", "--format", "json", code=None).code == 0
                   and len(self.document("score-job-1")["top"]) >= 2, "the first targets are scored")
        workers[0].stop()
        coordinator.stop()
        self.coordinator(port=port)
        result = program.wait(120)
        self.assertEqual(result.code, 0, str(result))
        self.assertEqual(result.out, self.fitfleet("score", "job", "later.csv", *HERE).out)
        self.assertEqual(self.bytes_kept("score-job-1"), 0)

    def test_a_signal_cancels_it(self):
        self.trained(targets=24, rows=6000, models={"top": {"kind": "matrix_profile"}})
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            program = self.start([fleet.FITFLEET, "score", "job", "later.csv", "--out", self.path("scores.csv")])
            name = f"score-job-{code // 13 - 9}"
            wait_until(lambda: self.fitfleet("status", name, "--format", "json", code=None).code == 0, "it began")
            program.signal(number)
            self.assertEqual(program.wait().code, code)
            self.assertEqual(self.wait_state(name, "cancelled", "done")["state"], "cancelled")
            self.assertEqual(self.bytes_kept(name), 0)
            self.assertFalse(os.path.exists(self.path("scores.csv")))

    def test_nobody_repeats_or_refits_it(self):
        self.trained()
        self.fitfleet("score", "job", "later.csv")
        for command in (("retry", "score-job-1"), ("capsule", "score-job-1", "t00", "-o", self.path("c"))):
            self.assertIn("score-job-1", self.check_one_message(self.fitfleet(*command, code=2)))

    def test_mistakes_are_told(self):
        self.trained()
        unknown = self.fitfleet("score", "nobody", "later.csv", code=2)
        self.assertIn("no set 'nobody'", self.check_one_message(unknown))
        self.assertIn("no file matches", self.check_one_message(self.fitfleet("score", "job", "missing.csv", code=2)))


class Here(Errands):
    def test_a_coordinator_without_workers(self):
        self.coordinator()
        worker = self.worker()
        self.trained()
        worker.stop()
        wait_until(lambda: "0 workers" in self.fitfleet("ping").out, "the worker is gone", 30)
        result = self.fitfleet("score", "job", "later.csv")
        self.assertIn("no workers: this machine does it", result.err)
        self.assertEqual(result.out, self.fitfleet("score", "job", "later.csv", *HERE).out)

    def test_data_that_the_coordinator_may_not_read(self):
        os.mkdir(self.path("root"))
        self.coordinator("--data-root", self.path("root"))
        self.worker()
        self.csv("root/data.csv", metrics=METRICS)
        self.csv("later.csv", metrics=METRICS, seed=3)
        self.submit(self.job("root/job.yaml"), "--wait")
        result = self.fitfleet("score", "job", "later.csv")
        self.assertIn("--data-root", result.err)
        self.assertIn("this machine does", result.err)
        self.assertEqual(len(result.out.splitlines()), 1 + 6 * 60 * 2)
        self.assertEqual(self.fitfleet("score", "job", "root/data.csv").err.count("machine"), 0)

    def test_files_that_are_others_there(self):
        self.coordinator()
        self.worker()
        self.trained()
        errand = '{do: score, set: job, files: "00"}'
        self.assertIn("are others here", self.check_one_message(
            self.fitfleet("submit", self.path("job.yaml"), "--set", f"errand={errand}", code=2)))

    def test_mistakes_in_the_section(self):
        self.csv("data.csv")
        for errand, text in (("{do: dance, set: job}", "score"), ("{set: job}", "errand.do"), ("{do: score}", "errand.set"),
                             ("{do: backtest, folds: 0}", "errand.folds"), ("{do: score, sets: job}", "did you mean 'set'")):
            result = self.fitfleet("plan", self.job(), "--set", f"errand={errand}", code=2)
            self.assertIn(text, self.check_one_message(result))


del Errands
if __name__ == "__main__":
    fleet.main()
