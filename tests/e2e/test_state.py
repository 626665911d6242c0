"""fitfleet fsck and backup, and states that are damaged: named, never a crash, never a new state in their place."""
import os
import random
import signal
import time

import fleet
from fleet import Case, Fleet, wait_until

READERS = (("jobs",), ("results",), ("status",), ("models",), ("models", "export", "job"), ("logs",), ("explain",))


class Damage(Case):
    def setUp(self):
        super().setUp()
        self.csv("data.csv", targets=40, rows=200)
        self.file = self.job()
        self.train(self.file)
        self.database = self.path("state", "fitfleet.db")

    def check_named(self, result):
        self.assertIn("fitfleet.db", result.err)
        self.assertIn("damaged", result.err)

    def test_fsck_of_a_good_state_says_so(self):
        self.assertIn("nothing wrong", self.fitfleet("fsck", "--state", self.state).out)
        self.fitfleet("fsck", "--state", self.path("nowhere"), code=2)

    def test_a_file_that_was_cut_off(self):
        for part in ("nothing", "ten bytes", "a page", "half", "all but a page"):
            with self.subTest(part):
                size = os.path.getsize(self.database)  # depends on how outcomes came together in reports
                with open(self.database, "r+b") as file:
                    file.truncate({"nothing": 0, "ten bytes": 10, "a page": 4096, "half": size // 8192 * 4096,
                                   "all but a page": size - 4096}[part])
                for command in READERS:
                    self.check_named(self.fitfleet(*command, "--state", self.state, code=1))
                self.check_named(self.train(self.file, code=1))
                self.fitfleet("fsck", "--state", self.state, code=1)
                os.unlink(self.database)
                self.train(self.file)

    def test_pages_that_were_overwritten(self):
        """Whatever is flipped: a command works, or says that the state is damaged; fsck finds it if it is in the pages of
        SQLite or breaks a message."""
        with open(self.database, "rb") as file:
            good = file.read()
        found, rng = 0, random.Random(7)
        pages = len(good) // 4096
        for page in range(pages):
            noise = bytes(rng.randrange(256) for _ in range(4096))
            with open(self.database, "wb") as file:
                file.write(good[:page * 4096] + noise + good[(page + 1) * 4096:])
            for command in (("results",), ("models", "export", "job")):
                result = self.run_program([fleet.FITFLEET, *command, "--state", self.state])
                self.assertIn(result.code, (0, 1, 2), str(result))
            check = self.run_program([fleet.FITFLEET, "fsck", "--state", self.state])
            self.assertIn(check.code, (0, 1), str(check))
            found += check.code
        self.assertEqual(found, pages)


    def test_a_byte_that_was_changed_in_a_model(self):
        """SQLite sees nothing wrong; the sum of the blob does."""
        with open(self.database, "r+b") as file:
            content = file.read()
            at = content.index(b"level") + 40
            file.seek(at)
            file.write(bytes([content[at] ^ 1]))
        self.check_named(self.fitfleet("models", "export", "job", "--state", self.state, code=1))
        self.assertIn("not as they were written", self.fitfleet("fsck", "--state", self.state, code=1).out)


class Kills(Case):
    def test_whenever_a_train_is_killed_fsck_finds_nothing_and_it_goes_on(self):
        job = self.slow_job(targets=60, cpu_ms=10)
        args = [fleet.FITFLEET, "train", job, "--state", self.state, "--no-reuse", "--set", "output.keep=1"]
        rng, seen, finished = random.Random(3), 0, 0
        for _ in range(12):
            program = self.start(args)
            wait_until(lambda: os.path.exists(self.path("state", "fitfleet.db")), "the state is being made")
            time.sleep(rng.uniform(0, 0.5))
            finished += not program.running()
            program.signal(signal.SIGKILL)
            program.wait()
            wait_until(lambda: not fleet.descendants(program.pid), "nothing of it is left")
            self.assertIn("nothing wrong", self.fitfleet("fsck", "--state", self.state).out)
            result = self.run_program([fleet.FITFLEET, "results", "job-1", "--state", self.state, "--format", "json"])
            committed = len(result.json()["top"]) if result.code == 0 else 0
            self.assertGreaterEqual(committed, seen)
            seen = committed
        self.assertLess(finished, 12)
        self.train(job)
        self.assertEqual(self.results()["counts"]["fitted"] + self.results()["counts"]["reused"], 60)


class Backup(Fleet):
    def test_a_backup_is_taken_while_a_job_runs_and_can_be_used(self):
        job = self.slow_job(targets=20, cpu_ms=100, name="slow.yaml")
        coordinator = self.coordinator()
        self.worker()
        name = self.submit(job, "--set", "plan.chunk=1")
        copy = self.path("backups", "nightly")
        self.wait_fitted(3)
        self.fitfleet("backup", "--state", self.state, "--out", copy)
        first = self.fitfleet("results", name, "--state", copy, "--format", "json").json()
        self.assertEqual(first["state"], "running")
        self.wait_fitted(len(first["top"]) + 3)
        self.fitfleet("backup", "--state", self.state, "--out", copy)
        second = self.fitfleet("results", name, "--state", copy, "--format", "json").json()
        self.assertGreater(len(second["top"]), len(first["top"]))
        self.assertIn("nothing wrong", self.fitfleet("fsck", "--state", copy).out)
        self.assertIn("nothing wrong", self.fitfleet("fsck", "--state", self.state).out)
        self.assertEqual(sorted(os.listdir(copy)), ["fitfleet.db"])
        self.wait_state(name, "done")
        coordinator.signal(signal.SIGTERM)
        coordinator.wait()
        self.coordinator(state=copy)  # goes on where the backup was taken
        self.worker()
        self.wait_state(name, "done")
        document = self.document(name)
        for target, entry in second["top"].items():
            self.assertEqual(document["top"][target], entry)

    def test_what_is_no_backup_of_this_state_is_not_overwritten(self):
        self.csv("data.csv")
        self.fitfleet("train", self.job(), "--state", self.state)
        self.fitfleet("train", self.job(), "--state", self.path("other"))
        result = self.fitfleet("backup", "--state", self.state, "--out", self.path("other"), code=2)
        self.assertIn("a coordinator or train has worked there", self.check_one_message(result))
        self.fitfleet("backup", "--state", self.state, "--out", self.path("copy"))
        result = self.fitfleet("backup", "--state", self.path("other"), "--out", self.path("copy"), code=2)
        self.assertIn("a backup of another state", self.check_one_message(result))
        self.fitfleet("backup", "--state", self.state, code=2)


if __name__ == "__main__":
    fleet.main()
