"""score --online: rows as they come, each judged before it is learned, from a job or from a set."""
import csv
import io
import json
import os
import subprocess
import unittest

import fleet
from fleet import FITFLEET, Case

START = 1_700_000_000
RULE = {"top": {"kind": "online", "warmup": 60}}


def wave(step, target):
    return 10 + (step * 7 + 3 * target) % 11 + (step * step) % 3


class Online(Case):
    def rows(self, first, count, targets=2, odd=()):
        for step in range(first, first + count):
            for target in range(targets):
                value = wave(step, target)
                if (step, target) in odd:
                    value = odd[step, target] if isinstance(odd, dict) else 500
                yield f"{START + 60 * step},T{target},{value}"

    def file(self, name, *args, **options):
        return self.write(name, "time,target,count\n" + "".join(row + "\n" for row in self.rows(*args, **options)))

    def online(self, *args, code=0):
        return self.fitfleet("score", *args, "--online", code=code)

    def scores(self, text):
        return list(csv.DictReader(io.StringIO(text)))

    def told(self, text):
        """Target, value, and of those that last also the step."""
        lines = [(i, line) for i, line in enumerate(self.scores(text)) if line["anomaly"] == "1"]
        return [f"{line['target']} {line['value']}" + (f" {300 + i // 2}" if line["value"] == "500" else "")
                for i, line in lines]

    def test_a_job_says_how_streams_begin(self):
        job = self.job(models=RULE)
        done = self.online(job, self.file("data.csv", 0, 400, odd={(300, 1)}))
        lines = self.scores(done.out)
        self.assertEqual(len(lines), 800)
        self.assertEqual({line["score"] for line in lines[:120]}, {""}, "the warm-up says nothing")
        self.assertTrue(all(line["score"] for line in lines[120:]))
        self.assertEqual([(line["target"], line["value"]) for line in lines if line["anomaly"] == "1"], [("T1", "500")])
        self.assertIn("800 lines, 1 anomaly", done.err)

    def test_what_comes_later_changes_nothing(self):
        job = self.job(models=RULE)
        whole = self.online(job, self.file("data.csv", 0, 400, odd={(300, 1), (350, 0)})).out.splitlines()
        for count in (61, 100, 301):
            part = self.online(job, self.file("data.csv", 0, count, odd={(300, 1), (350, 0)})).out.splitlines()
            self.assertEqual(part, whole[:len(part)])

    def test_rows_stay_as_they_are(self):
        """Equal times, times that go back, and steps of any length are rows like others."""
        self.write("odd.csv", "time,target,count\n" + "".join(
            f"{START + (step * 37) % 500},T0,{wave(step, 0)}\n" for step in range(200)))
        self.file("even.csv", 0, 200, targets=1)
        job = self.job(models=RULE)
        odd, even = (self.scores(self.online(job, name).out) for name in ("odd.csv", "even.csv"))
        self.assertEqual([line["score"] for line in odd], [line["score"] for line in even])

    def test_a_set_goes_on_where_its_training_ended(self):
        job = self.job(models=RULE)
        self.file("data.csv", 0, 200)
        self.train(job)
        self.file("whole.csv", 0, 400, odd={(300, 1)})
        self.file("rest.csv", 200, 200, odd={(300, 1)})
        cold = self.online(job, "whole.csv").out.splitlines()
        rest = self.online("job", "rest.csv", "--state", self.state).out.splitlines()
        again = self.online("job", "whole.csv", "--state", self.state).out.splitlines()
        self.assertEqual(rest[1:], cold[401:], "as if it had never stopped")
        self.assertEqual(again, cold, "what it has learned is not judged by what learned it")
        batch = self.scores(self.fitfleet("score", "job", "rest.csv", "--state", self.state).out)
        self.assertEqual([line["score"] for line in batch], [line["score"] for line in self.scores("\n".join(rest))])

    def test_alerts_count_as_for_score(self):
        """From a job, and by the model of a set as batch does: one low, one high, and one that lasts."""
        odd = {(320, 0): -500, (340, 1): 60, **{(step, 0): 500 for step in range(360, 365)}}
        low, high, first, third = "T0 -500", "T1 60", "T0 500 360", "T0 500 362"
        self.file("data.csv", 0, 300)
        self.file("rest.csv", 300, 65, odd=odd)
        self.file("whole.csv", 0, 365, odd=odd)
        for alerts, wanted in (({}, [low, high, first]),
                               ({"direction": "above"}, [high, first]),
                               ({"direction": "below"}, [low]),
                               ({"min_deviation": 100}, [low, first]),
                               ({"min_duration": "3m"}, [third]),
                               ({"min_duration": "3m", "direction": "below"}, []),
                               ({"min_duration": "3m", "min_deviation": 100, "direction": "above"}, [third]),
                               ({"per_target_per_week": 2000}, None)):
            job = self.job(models=RULE, alerts=alerts, prepare={"step": "1m"})
            self.train(job, "--no-reuse")
            rest = self.online("job", "rest.csv", "--state", self.state).out
            batch = self.fitfleet("score", "job", "rest.csv", "--state", self.state).out
            self.assertEqual(rest, batch)
            self.assertEqual("alert_threshold" in self.models(), wanted is None)
            if wanted is not None:
                self.assertEqual(self.online(job, "whole.csv").out.splitlines()[601:], rest.splitlines()[1:])
                self.assertEqual(self.told(rest), wanted, alerts)

    def test_a_pipe_is_answered_row_by_row(self):
        self.file("data.csv", 0, 1)
        program = subprocess.Popen([FITFLEET, "score", "--online", self.job(models=RULE), "-"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.dir, bufsize=1)
        with program:
            program.stdin.write("time,target,count\n")
            self.assertTrue(program.stdout.readline().startswith("time,target,"))
            for row in self.rows(0, 80, targets=1):
                program.stdin.write(row + "\n")
                self.assertIn(",T0,count,", program.stdout.readline())
            program.stdin.close()
            self.assertIn("80 lines, 0 anomalies", program.stderr.read())
        self.assertEqual(program.returncode, 0)

    def test_what_cannot_be_judged_is_said(self):
        self.file("data.csv", 0, 100)
        job = self.job(models=RULE)
        self.train(job)
        self.file("other.csv", 100, 20, targets=3)
        done = self.online("job", "other.csv", "--state", self.state)
        self.assertIn("1 unknown target (20 rows): 'job' has no model of it", done.err)
        self.assertEqual({line["score"] for line in self.scores(done.out) if line["target"] == "T2"}, {""})
        done = self.online("job", "other.csv", "--state", self.state, "--target", "T0")
        self.assertEqual({line["target"] for line in self.scores(done.out)}, {"T0"})
        for args, words in (((self.job(models={"top": {"kind": "ewma"}}), "other.csv"), "expected the kind online, found ewma"),
                            (("job", "other.csv", "--state", self.state, "--set", "a=1"), "--set needs a job file"),
                            ((job, "other.csv", "--all-out", "all.csv"), "--all-out cannot be used"),
                            ((job, "nothing.csv"), "no file matches"),
                            (("nothing.yaml", "other.csv"), "nothing.yaml")):
            self.assertIn(words, self.check_one_message(self.online(*args, code=2)))
        self.write("bad.csv", "time,target,count\n" + f"{START},T0,1\n{START},T0,x\n")
        self.assertIn("bad.csv:3", self.online("job", "bad.csv", "--state", self.state, code=2).err)


@fleet.needs_data
class Benchmark(Case):
    def test_nab_is_scored_as_the_documents_say(self):
        done = self.run_program(["python3", os.path.join(fleet.ROOT, "tests/bench/models/nab.py"), FITFLEET,
                                 os.path.join(fleet.DATA, "nab"), "--format", "json"], code=0)
        nab = json.loads(done.out)["nab"]
        self.assertGreater(nab["standard"]["best"], 75.2)
        self.assertGreater(nab["low_fp"]["best"], 65)
        self.assertGreater(nab["low_fn"]["best"], 81)


if __name__ == "__main__":
    unittest.main()
