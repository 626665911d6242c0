"""Bad input through the whole product: the documented exit code, one message that says where and what to do, and nothing
published, lost, left behind or waited for."""
import gzip
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import time
import unittest

import fleet
from fleet import Case, FITFLEET, Fleet

NOW = 1_700_000_000
HEADER = "time,target,value\n"


def rows(count=20, target="a", start=NOW, step=60):
    return "".join(f"{start + i * step},{target},{i % 7}\n" for i in range(count))


GOOD = HEADER + rows()
JOB = "data:\n  files: [data.csv]\n  target: target\n"

# name: (files beside job.yaml, the job's text, what the message must match, extra arguments)
REFUSED = {
    "job file is missing": ({}, None, r"job\.yaml: No such file", ()),
    "job file is empty": ({}, "", r"job\.yaml\S* data\.files is missing", ()),
    "job file is binary": ({}, b"\0\1\2", r"job\.yaml: not a text file", ()),
    "job file is no UTF-8": ({}, b"name: \xff\xfe\n", r"job\.yaml:1", ()),
    "job file is too long": ({}, "# " + "x" * (2 << 20), r"job\.yaml: a job file has at most 1 MiB", ()),
    "job file is a list": ({}, "- a\n", r"job\.yaml:1:1: .*expected a map", ()),
    "YAML with a tab": ({}, "data:\n\tfiles: [data.csv]\n", r"job\.yaml:2:1: .*tab", ()),
    "YAML with a duplicate key": ({}, JOB + "data: {}\n", r"job\.yaml:4:1: duplicate key 'data'", ()),
    "YAML of a wrong type": ({}, JOB + "targets: {top: many}\n", r"job\.yaml:4:16: .*many", ()),
    "YAML with a scalar for a map": ({}, JOB + "prepare: 5\n", r"job\.yaml:4:10: ", ()),
    "YAML with a list for a scalar": ({}, JOB + "prepare: {step: [1m]}\n", r"job\.yaml:4:17: ", ()),
    "YAML with an unknown key": ({}, JOB + "prepare: {windw: 30d}\n", r"job\.yaml:4:11: .*windw.*window", ()),
    "YAML with an unknown section": ({}, JOB + "modles: {}\n", r"job\.yaml:4:1: .*modles.*models", ()),
    "YAML with an unknown kind": ({}, JOB + "models: {top: {kind: seasonl}}\n", r"job\.yaml:4:22: .*seasonl.*seasonal", ()),
    "YAML with an open bracket": ({}, "data: {files: [a\n", r"job\.yaml:\d+:\d+: ", ()),
    "YAML that refers to itself": ({}, "data: &a {files: *a}\n", r"job\.yaml:1:\d+: ", ()),
    "a duration without unit": ({}, JOB + "prepare: {step: 60}\n", r"job\.yaml:4:17: .*60", ()),
    "a negative limit": ({}, JOB + "limits: {attempts: -1}\n", r"job\.yaml:4:20: ", ()),
    "a model parameter out of range": ({}, JOB + "models: {top: {kind: ewma, alpha: 7}}\n", r"job\.yaml:4:35: .*alpha", ()),
    "a name that is no name": ({}, JOB + "name: a/b\n", r"job\.yaml:4:7: ", ()),
    "no target column given": ({}, "data: {files: [data.csv]}\n", r"job\.yaml:1:\d+: data\.target is missing", ()),
    "--set without a value": ({}, JOB, r"--set targets\.top", ("--set", "targets.top")),
    "--set of a wrong type": ({}, JOB, r"--set targets\.top=x", ("--set", "targets.top=x")),
    "--set of broken YAML": ({}, JOB, r"--set .*data\.files", ("--set", "data.files=[")),
    "data file is missing": ({}, JOB, r"job\.yaml:2:\d+: .*no file matches '.*data\.csv'", ()),
    "data file is a folder": ({"data.csv/x": ""}, JOB, r"job\.yaml:2:11: .*data\.csv' is a folder", ()),
    "data file is empty": ({"data.csv": ""}, JOB, r"data\.csv: the file is empty: expected", ()),
    "data file has a header only": ({"data.csv": HEADER}, JOB, r"data\.csv: no rows", ()),
    "data file is blank lines": ({"data.csv": "\n\n\n"}, JOB, r"data\.csv: the file is empty: expected", ()),
    "target column is unknown": ({"data.csv": "time,targte,value\n1,a,1\n"}, JOB, r"data\.csv:1: .*'target'.*targte", ()),
    "value column is unknown": ({"data.csv": GOOD}, JOB + "  values: [valeu]\n", r"data\.csv:1: .*'valeu'.*value", ()),
    "time column is unknown": ({"data.csv": GOOD}, JOB + "  time: when\n", r"data\.csv:1: .*'when'", ()),
    "no time column": ({"data.csv": "when,target,value\n1,a,1\n"}, JOB, r"data\.csv:1: .*time", ()),
    "no value column": ({"data.csv": "time,target\n1,a\n"}, JOB, r"data\.csv", ()),
    "a column twice": ({"data.csv": "time,target,value,value\n1,a,1,2\n"}, JOB, r"data\.csv:1: .*'value'", ()),
    "second file lacks a column": ({"data.csv": GOOD, "data2.csv": "time,target\n1,a\n"},
                                   JOB.replace("data.csv", "data*.csv") + "  values: [value]\n", r"data2\.csv:1: .*'value'", ()),
    "ragged row, short": ({"data.csv": HEADER + rows(3) + "1700000180,a\n" + rows(3)}, JOB, r"data\.csv:5: expected 3 cells, found 2", ()),
    "ragged row, long": ({"data.csv": HEADER + rows(3) + "1700000180,a,1,2\n"}, JOB, r"data\.csv:5: expected 3 cells, found 4", ()),
    "text for a number": ({"data.csv": HEADER + rows(3) + "1700000180,a,high\n"}, JOB + "  values: [value]\n",
                          r"data\.csv:5: .*'value'.*'high'", ()),
    "a time that is none": ({"data.csv": HEADER + rows(3) + "yesterday,a,1\n"}, JOB, r"data\.csv:5: .*'yesterday'", ()),
    "a date that is none": ({"data.csv": HEADER + rows(3) + "2023-02-30 00:00:00,a,1\n"}, JOB, r"data\.csv:5: ", ()),
    "an empty time": ({"data.csv": HEADER + rows(3) + ",a,1\n"}, JOB, r"data\.csv:5: .*time", ()),
    "an empty target": ({"data.csv": HEADER + rows(3) + "1700000180,,1\n"}, JOB, r"data\.csv:5: .*target", ()),
    "a quote without an end": ({"data.csv": HEADER + rows(3) + '1700000180,"a,1\n' + rows(3)}, JOB, r"data\.csv:5: .*quote", ()),
    "a line of 10 MB": ({"data.csv": HEADER + rows(3) + "1700000180," + "x" * 10_000_000 + ",1\n"}, JOB,
                        r"data\.csv:5: ", ()),
    "a header of 10 MB": ({"data.csv": "x" * 10_000_000 + "\n"}, JOB, r"data\.csv:1: ", ()),
    "10 MB of NUL bytes": ({"data.csv": b"\0" * 10_000_000}, JOB, r"data\.csv:1: ", ()),
    "gzip in name only": ({"data.csv.gz": GOOD}, JOB.replace("data.csv", "data.csv.gz"), r"data\.csv\.gz", ()),
    "gzip cut off": ({"data.csv.gz": gzip.compress((HEADER + rows(5000)).encode())[:2000]},
                     JOB.replace("data.csv", "data.csv.gz"), r"data\.csv\.gz", ()),
    "zstd in name only": ({"data.csv.zst": GOOD}, JOB.replace("data.csv", "data.csv.zst"), r"data\.csv\.zst", ()),
    "a strptime format that does not fit": ({"data.csv": GOOD}, JOB + "  time_format: '%d.%m.%Y'\n", r"data\.csv:2: ", ()),
    "a time zone that is none": ({"data.csv": GOOD}, JOB + "  timezone: Europe/Atlantis\n", r"Atlantis", ()),
    "an index without step": ({"data.csv": GOOD}, JOB + "  time_format: index\n", r"job\.yaml:4:\d+: .*step", ()),
    "rank by an unknown column": ({"data.csv": GOOD}, JOB + "targets: {rank_by: sum(nothing)}\n", r"nothing", ()),
    "a rule for an unknown metric": ({"data.csv": GOOD}, JOB + "models: {top: [{match: '*', metrics: [nothing], kind: ewma}]}\n",
                                     r"nothing", ()),
}


class Refused(Case):
    """Exit code 2 and one line that names the place; the state stays usable and nothing is published."""

    def check(self, files, job, pattern, arguments):
        for name, content in files.items():
            self.write(name, content)
        if job is not None:
            self.write("job.yaml", job)
        began = time.monotonic()
        result = self.train(self.path("job.yaml"), *arguments, code=2, timeout=30)
        message = self.check_one_message(result)
        self.assertRegex(message, r"^fitfleet: (--set |/|[a-z.\[\]_0-9]+: )")
        self.assertRegex(message, pattern)
        self.assertLess(len(message), 400, message)
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual(self.fitfleet("models", "export", "job", "--state", self.state,
                                       code=None).out, "")

    def test_a_late_mistake_publishes_nothing_and_keeps_the_last_generation(self):
        self.write("data.csv", HEADER + rows())
        self.write("job.yaml", JOB)
        self.train(self.path("job.yaml"))
        before = self.models()
        self.write("data.csv", HEADER + rows(200_000) + "x,a,1\n")
        message = self.check_one_message(self.train(self.path("job.yaml"), code=2))
        self.assertIn("data.csv:200002: ", message)
        self.assertEqual(self.models(), before)
        self.assertEqual(self.results()["error"], "BAD_DATA")
        self.write("data.csv", HEADER + rows(200))
        self.train(self.path("job.yaml"))
        self.assertNotEqual(self.models(), before)


def add_refusals():
    for name, case in REFUSED.items():
        def test(self, case=case):
            self.check(*case)
        setattr(Refused, "test_" + re.sub(r"\W+", "_", name), test)


add_refusals()


class BadRows(Case):
    def test_skip_counts_the_bad_rows(self):
        bad = "x,a,1\n1700000000,a\n1700000000,,1\n1700000000,a,1,2\n1700000060,a,word\n"
        self.write("data.csv", HEADER + rows() + bad + rows(20, "b"))
        self.write("job.yaml", JOB + "  on_bad_row: skip\n  values: [value]\n")
        result = self.train_json(self.path("job.yaml"))
        self.assertEqual(result["rows_skipped"], 5)
        self.assertEqual(result["counts"]["fitted"], 2)

    def test_targets_that_cannot_be_fitted_do_not_disturb_the_others(self):
        lines = HEADER + rows(40, "good") + f"{NOW},one,1\n" + rows(40, "constant")
        lines += "".join(f"{NOW + 60 * i},flat,5\n{NOW + 60 * i},hole,\n" for i in range(40))
        lines += "".join(f"{NOW + 60 * i},infinite,{'inf' if i % 4 else i}\n{NOW + 60 * i},never,-Infinity\n"
                         for i in range(40))
        lines += "".join(f"{NOW + 60 * i},huge,{'1e308' if i % 2 else '-1e308'}\n" for i in range(40))
        self.write("data.csv", lines)
        self.write("job.yaml", JOB)
        result = self.train_json(self.path("job.yaml"), code=None)
        found = {name: (entry["class"], entry["error"]) for name, entry in result["top"].items()}
        self.assertEqual(found["good"], ("fitted", "OK"))
        self.assertEqual(found["flat"], ("fitted", "OK"))
        self.assertEqual(found["one"], ("skipped", "TOO_FEW_ROWS"))
        self.assertEqual(found["hole"], ("skipped", "ALL_MISSING"))
        self.assertEqual(found["never"], ("skipped", "ALL_MISSING"))
        self.assertEqual(found["infinite"], ("fitted", "OK"))
        self.assertIn(found["huge"][0], ("fitted", "failed"))
        self.assertTrue(result["top"]["flat"]["model"]["summary"]["metrics"]["value"]["constant"])
        self.assertNotIn("Infinity", self.models())
        self.assertNotIn("NaN", self.models())

    def test_one_row_of_1970_costs_its_own_target_only(self):
        lines = HEADER + "".join(rows(60, name) for name in ("a", "b", "c")) + "60,c,1\n"
        self.write("data.csv", lines)
        self.write("job.yaml", JOB)
        result = self.train_json(self.path("job.yaml"), code=3)
        self.assertEqual((result["top"]["c"]["class"], result["top"]["c"]["error"]), ("failed", "TOO_MANY_STEPS"))
        self.assertIn("1970-01-01", result["top"]["c"]["errmsg"])
        self.assertEqual(result["counts"]["fitted"], 2)

    def test_one_row_of_1970_with_a_step_that_just_fits_needs_no_memory_for_nothing(self):
        """5 million steps for one target; the model of all would need a frame of 45 GB."""
        names = [f"t{i:04d}" for i in range(1000)]
        self.write("data.csv", HEADER + "".join(rows(12, name, step=300) for name in names) + "300,t0000,1\n")
        self.write("job.yaml", JOB + "prepare: {step: 5m}\nmodels: {all: {kind: pca}}\n")
        result = self.train(self.path("job.yaml"), "--format", "json", code=3, timeout=120)
        document = result.json()
        self.check_counts(document)
        self.assertEqual(document["all"]["class"], "failed" if document["all"]["class"] == "failed" else "quarantined")
        self.assertGreaterEqual(document["counts"]["fitted"], 999)

    def test_a_row_far_in_the_future_does_not_empty_the_window_in_silence(self):
        lines = HEADER + rows(60, "a") + rows(60, "b") + f"{NOW + 40 * 365 * 86400},b,1\n"
        self.write("data.csv", lines)
        self.write("job.yaml", JOB + "prepare: {window: 30d}\n")
        result = self.train(self.path("job.yaml"), "--format", "json", code=4)
        self.assertEqual(result.json()["error"], "NO_MODELS")
        self.assertEqual({entry["error"] for entry in result.json()["top"].values()}, {"TOO_FEW_ROWS"})

    def test_no_target_that_is_asked_for(self):
        self.write("data.csv", GOOD)
        self.write("job.yaml", JOB + "targets: {include: [z*]}\n")
        result = self.train(self.path("job.yaml"), "--format", "json", code=4)
        self.assertEqual(result.json()["error"], "NO_MODELS")
        self.assertIn("targets.include", result.err)

    def test_windows_line_ends_a_byte_order_mark_and_quotes_are_fine(self):
        text = "\ufeff" + (HEADER + rows()).replace("\n", "\r\n").replace(",a,", ',"a ""x"", y",')
        self.write("data.csv", text)
        self.write("job.yaml", JOB)
        result = self.train_json(self.path("job.yaml"))
        self.assertEqual(list(result["top"]), ['a "x", y'])

    def test_names_of_any_bytes(self):
        names = [b"\xff\xfe", "ümläut".encode(), b"a\x1b[31mred", b"x" * 4096, b" space ", b"'; DROP TABLE jobs; --"]
        text = HEADER.encode() + b"".join(rows().replace(",a,", ",@,").encode().replace(b"@", name) for name in names)
        self.write("data.csv", text)
        self.write("job.yaml", JOB)
        self.assertEqual(self.train_json(self.path("job.yaml"))["counts"]["fitted"], len(names))
        table = self.fitfleet("results", "--state", self.state).out
        self.assertNotIn("\x1b", table)
        self.assertEqual(len(self.models().splitlines()), len(names))


class State(Fleet):
    def setUp(self):
        super().setUp()
        self.write("data.csv", GOOD)
        self.write("job.yaml", JOB)

    def refused(self, *args, code=1, **more):
        return self.check_one_message(self.fitfleet("train", self.path("job.yaml"), *args, code=code, **more))

    def test_a_state_below_a_file(self):
        self.assertRegex(self.refused("--state", self.path("data.csv", "state")), r"data\.csv/state.*Not a directory")

    def test_a_state_that_is_a_file(self):
        self.assertRegex(self.refused("--state", self.path("data.csv")), r"data\.csv.*Not a directory")

    def test_a_state_that_cannot_be_made(self):
        self.assertIn("/proc/fitfleet", self.refused("--state", "/proc/fitfleet"))

    def test_a_state_without_the_right_to_write(self):
        if os.geteuid() == 0 and not hasattr(os, "setuid"):
            self.skipTest("needs another user")
        folder = self.path("locked")
        os.mkdir(folder, 0o555)
        os.chmod(self.dir, 0o755)
        os.chmod(self.env["XDG_RUNTIME_DIR"], 0o777)
        user = 65534 if os.geteuid() == 0 else None
        try:
            done = subprocess.run([FITFLEET, "train", self.path("job.yaml"), "--state", folder], capture_output=True,
                                  text=True, env=self.env, timeout=30, user=user, cwd="/")
        except PermissionError:
            self.skipTest("another user cannot run the programs")
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr, r"^fitfleet: .*locked.*Permission denied\n$")

    def database(self):
        found = [name for name in os.listdir(self.state) if name.endswith((".db", ".sqlite"))]
        self.assertEqual(len(found), 1, os.listdir(self.state))
        return os.path.join(self.state, found[0])

    def test_a_state_file_of_garbage(self):
        self.train(self.path("job.yaml"))
        with open(self.database(), "wb") as file:
            file.write(b"no database at all " * 1000)
        before = open(self.database(), "rb").read()
        for args in (("train", self.path("job.yaml")), ("results",), ("jobs",), ("models",)):
            message = self.check_one_message(self.fitfleet(*args, "--state", self.state, code=1))
            self.assertRegex(message, r"state/\S+: .*damaged", args)
        self.assertEqual(open(self.database(), "rb").read(), before)

    def test_a_state_file_with_a_broken_page(self):
        self.csv("data.csv", targets=40)
        self.train(self.path("job.yaml"))
        size = os.path.getsize(self.database())
        for at in range(4096, size, 4096):
            copy = self.path("copy")
            os.makedirs(copy, exist_ok=True)
            content = bytearray(open(self.database(), "rb").read())
            content[at:at + 4096] = b"\xa5" * 4096
            target = os.path.join(copy, os.path.basename(self.database()))
            with open(target, "wb") as file:
                file.write(content)
            for end in ("-wal", "-shm"):
                if os.path.exists(target + end):
                    os.unlink(target + end)
            for args in (("results", "--format", "json"), ("models", "export", "job"), ("jobs",),
                         ("train", self.path("job.yaml"))):
                result = self.fitfleet(*args, "--state", copy, code=None, timeout=30)
                self.assertIn(result.code, (0, 1), f"page at {at}: {result}")
                if result.code:
                    self.check_one_message(result)

    def test_a_state_file_cut_short(self):
        self.train(self.path("job.yaml"))
        os.truncate(self.database(), os.path.getsize(self.database()) // 2)
        self.assertIn("damaged", self.refused("--state", self.state))

    def test_a_state_of_a_newer_version(self):
        self.train(self.path("job.yaml"))
        with sqlite3.connect(self.database()) as database:
            database.execute("PRAGMA user_version = 9999")
        database.close()
        self.assertRegex(self.refused("--state", self.state), r"state.*newer")
        message = self.check_one_message(self.fitfleet("results", "--state", self.state, code=1))
        self.assertRegex(message, r"state.*newer")

    def test_a_state_that_breaks_while_it_is_used(self):
        """Another program drops a table: train says so and ends, instead of waiting for ever."""
        train = self.start([FITFLEET, "train", self.slow_job(), "--state", self.state, "--slots", "1",
                            "--set", "plan.chunk=1"])
        self.wait_committed(1)
        database = sqlite3.connect(self.database(), timeout=10)
        database.execute("DROP TABLE reports")
        database.close()
        done = train.wait(20)
        self.assertEqual(done.code, 1, str(done))
        self.assertIn("fitfleet.db", self.check_one_message(done))

    def test_a_state_in_use_by_a_coordinator(self):
        self.coordinator()
        self.assertRegex(self.refused("--state", self.state), r"state.* in use")
        second = self.fitfleet("coordinator", "--listen", "tcp://127.0.0.1:0", "--state", self.state, code=1, timeout=20)
        self.assertRegex(self.check_one_message(second), r"state.* in use")

    def test_reading_a_state_that_is_not_there(self):
        message = self.check_one_message(self.fitfleet("results", "--state", self.path("nowhere"), code=None))
        self.assertIn("nowhere", message)
        self.assertFalse(os.path.exists(self.path("nowhere")))

    def test_a_full_disk(self):
        """RLIMIT_FSIZE stands for the disk: the job stops with a message or pauses, nothing is lost."""
        self.csv("data.csv", targets=300, rows=300)
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        train = subprocess.Popen([FITFLEET, "train", self.path("job.yaml"), "--state", self.state], env=self.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit, cwd=self.dir)
        self.addCleanup(train.kill)
        try:
            out, err = train.communicate(timeout=3)
            self.assertEqual(train.returncode, 1, err)
        except subprocess.TimeoutExpired:
            train.send_signal(signal.SIGTERM)
            out, err = train.communicate(timeout=10)
            self.assertEqual(train.returncode, 143, err)
        self.assertIn(b"fitfleet: ", err)
        self.assertEqual(self.train_json(self.path("job.yaml"))["counts"]["fitted"], 300)


class Address(Fleet):
    def test_an_address_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            result = self.fitfleet("coordinator", "--listen", f"tcp://127.0.0.1:{port}", "--state", self.state, code=1,
                                   timeout=20)
            self.assertRegex(self.check_one_message(result), rf"tcp://127\.0\.0\.1:{port}.*in use")

    def test_addresses_that_are_none(self):
        for url in ("127.0.0.1:7400", "udp://127.0.0.1:1", "tcp://127.0.0.1:notaport", "tcp://", "tcp://127.0.0.1:99999", ""):
            result = self.fitfleet("coordinator", "--listen", url, "--state", self.state, code=2, timeout=20)
            self.check_one_message(result)
            worker = self.run_program([fleet.WORKER, "--coordinator", url], code=2, timeout=20)
            self.assertEqual(len(worker.err.splitlines()), 1, str(worker))
            client = self.fitfleet("ping", "--coordinator", url, code=2, timeout=20)
            self.check_one_message(client)

    def test_a_port_that_speaks_something_else(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            url = f"tcp://127.0.0.1:{other.getsockname()[1]}"
            result = self.fitfleet("ping", "--coordinator", url, code=5, timeout=40)
            self.check_one_message(result)


if __name__ == "__main__":
    fleet.main()
