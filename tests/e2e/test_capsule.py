"""One target as a file: packed from a state or a running coordinator, fitted again with the same end."""
import hashlib
import os
import unittest

import fleet
from fleet import Fleet, WORKER


class Capsule(Fleet):
    def pack(self, target, *args, job="job", code=0, state=True):
        path = self.path(f"{target}.capsule")
        where = ("--state", self.state) if state else ()
        done = self.fitfleet("capsule", job, target, "-o", path, *where, *args, code=code)
        return path, done

    def replay(self, path, *args, code=0):
        result = self.run_program([WORKER, "--replay", path, *args], code=code).json()
        self.assertEqual(result["version"], result["capsule_version"])
        return result

    def faulty(self, fault, **limits):
        """A job whose t01 does wrong and whose other targets are fitted."""
        self.csv("data.csv", targets=4)
        return self.job(models={"top": [{"match": "t01", "kind": "busy", "fault": fault}, {"match": "*", "kind": "seasonal"}]},
                        limits={"attempts": 2, **limits})

    # -- what it holds

    def test_a_fitted_target_gives_the_same_model(self):
        self.csv("data.csv", targets=3, metrics=("count", "elapsed"))
        result = self.train_json(self.job(prepare={"window": "30m"}, targets={"top": 2}))
        path, done = self.pack("t01")
        self.assertIn("from the data files", done.err)
        self.assertNotIn("warning", done.err)
        self.assertEqual(done.out, "")
        replayed = self.replay(path, "--out", self.path("model"))
        self.assertEqual((replayed["class"], replayed["errno"], replayed["identical"], replayed["rows"]),
                         ("fitted", 0, True, "rebuilt"))
        with open(self.path("model"), "rb") as file:
            model = file.read()
        self.assertEqual(len(model), result["top"]["t01"]["model"]["bytes"])
        self.assertEqual(hashlib.blake2b(model, digest_size=32).hexdigest(), replayed["recorded"]["model_hash"])
        self.assertTrue(replayed["recorded"]["same_profile"])

    def test_the_model_of_all_targets_too(self):
        self.csv("data.csv", targets=4)
        self.train(self.job(models={"all": {"kind": "pca"}, "top": {"kind": "ewma"}}))
        path, _ = self.pack("all")
        replayed = self.replay(path)
        self.assertEqual((replayed["target"], replayed["kind"], replayed["identical"]), ("all", "pca", True))

    def test_a_failed_target_fails_again(self):
        self.csv("data.csv", targets=2, rows=2)
        self.train(self.job(models={"all": {"kind": "pca"}, "top": {"kind": "ewma"}}, targets={"min_rows": 1}), code=3)
        replayed = self.replay(self.pack("all")[0], code=3)
        self.assertEqual((replayed["class"], replayed["error"], replayed["identical"]), ("failed", "NOT_ENOUGH_DATA", True))

    def test_a_fallback_is_replayed_with_its_first_kind(self):
        self.csv("data.csv", targets=1, rows=2)
        self.train(self.job(models={"top": {"kind": "pca"}, "fallback": {"kind": "ewma"}}, targets={"min_rows": 1}))
        replayed = self.replay(self.pack("t00")[0])
        self.assertEqual((replayed["class"], replayed["kind"], replayed["identical"]), ("fallback", "pca", True))

    @unittest.skipIf(fleet.is_sanitized(), "a sanitizer turns the signal into a report")
    def test_a_crash_is_reproduced_from_the_rows_that_crashed(self):
        result = self.train_json(self.faulty("segv"), code=3)
        self.assertEqual((result["top"]["t01"]["class"], result["top"]["t01"]["error"]), ("quarantined", "CRASHED"))
        shown = self.fitfleet("explain", "job", "t01", "--state", self.state).out
        self.assertIn("fitfleet capsule job-1 't01'", shown)
        os.remove(self.path("data.csv"))
        path, done = self.pack("t01")
        self.assertIn("as they were fitted", done.err)
        replayed = self.replay(path, code=3)
        self.assertEqual((replayed["class"], replayed["error"], replayed["signal"], replayed["identical"], replayed["rows"]),
                         ("quarantined", "CRASHED", 11, True, "kept"))
        self.assertIn("signal 11", replayed["errmsg"])
        self.assertEqual(replayed["log"], "busy: fault segv\n")
        self.assertGreater(replayed["peak_rss_bytes"], 1 << 20)
        self.assertEqual(replayed["recorded"]["attempts"], 2)
        here = self.run_program([WORKER, "--replay", path, "--foreground"])
        self.assertEqual(here.code, -11, str(here))

    def test_limits_hold_in_a_replay(self):
        self.train(self.faulty("loop", target_timeout="1s"), code=3)
        replayed = self.replay(self.pack("t01")[0], code=3)
        self.assertEqual((replayed["error"], replayed["identical"]), ("TIMEOUT", True))
        self.assertIn("1 s", replayed["errmsg"])
        self.assertGreater(replayed["cpu_ms"], 300)

    @unittest.skipIf(fleet.is_sanitized(), "sanitizer builds have no memory limit")
    def test_the_memory_limit_holds_in_a_replay(self):
        self.train(self.faulty("memory", target_memory="64MiB"), code=3)
        replayed = self.replay(self.pack("t01")[0], code=3)
        self.assertEqual((replayed["error"], replayed["identical"]), ("OUT_OF_MEMORY", True))

    def test_in_the_foreground_the_model_is_the_same(self):
        self.csv("data.csv", targets=1)
        self.train(self.job())
        self.assertIs(self.replay(self.pack("t00")[0], "--foreground")["identical"], True)

    # -- where from

    def test_data_that_changed_since_is_told(self):
        self.csv("data.csv", targets=2)
        self.train(self.job())
        self.csv("data.csv", targets=2, seed=7, rows=61)
        path, done = self.pack("t00")
        self.assertIn("have changed", done.err)
        replayed = self.replay(path)
        self.assertEqual((replayed["class"], replayed["identical"], replayed["rows"]), ("fitted", False, "changed"))

    def test_a_coordinator_packs_what_runs_and_what_is_quarantined(self):
        self.csv("data.csv", targets=4)
        job = self.job(models={"top": [{"match": "t01", "kind": "busy", "fault": "exit"},
                                       {"match": "t03", "kind": "busy", "cpu_ms": 60_000}, {"match": "*", "kind": "ewma"}]},
                       limits={"attempts": 2})
        self.coordinator()
        self.worker(slots=2)
        name = self.submit(job)
        self.wait_fitted(3)
        kept = self.replay(self.pack("t01", job=name, state=False)[0], code=3)
        self.assertEqual((kept["error"], kept["identical"], kept["rows"]), ("CRASHED", True, "kept"))
        self.assertIn("code 7", kept["errmsg"])
        self.assertIs(self.replay(self.pack("t00", job=name, state=False)[0])["identical"], True)
        self.assertIn("from the data files", self.pack("t03", job=name, state=False)[1].err)
        self.fitfleet("cancel", name)

    def test_what_an_open_target_becomes_is_compared_with_nothing(self):
        job = self.slow_job(targets=2, cpu_ms=300)
        self.coordinator()
        name = self.submit(job)
        self.wait_state(name, "running")
        replayed = self.replay(self.pack("t01", job=name, state=False)[0])
        self.assertEqual((replayed["class"], replayed["identical"], replayed["recorded"]), ("fitted", None, None))

    def test_what_cannot_be_packed_is_named(self):
        self.csv("data.csv", targets=2)
        self.train(self.job(models={"top": [{"match": "t00", "kind": "ewma"}]}))
        for target, text in (("t01", "NO_MODEL"), ("t02", "no target 't02'")):
            path, done = self.pack(target, code=2)
            self.assertIn(text, self.check_one_message(done))
            self.assertFalse(os.path.exists(path))
        self.assertIn("-o FILE", self.fitfleet("capsule", "job", "t00", "--state", self.state, code=2).err)
        self.csv("data.csv", targets=0, rows=60)
        self.assertEqual(self.pack("t00", code=2)[1].out, "")

    # -- a file from somebody else

    def test_a_damaged_capsule_is_refused_by_name(self):
        self.csv("data.csv", targets=1)
        self.train(self.job())
        with open(self.pack("t00")[0], "rb") as file:
            whole = file.read()
        middle = len(whole) // 2
        damaged = {"cut": whole[:-40], "flipped": whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1:],
                   "oversized": whole + bytes(1000), "huge": whole[:12] + b"\xff" * 12 + whole[24:], "empty": b"",
                   "text": b"time,target,value\n" * 10, "newer": whole[:8] + b"\x09" + whole[9:]}
        for name, content in damaged.items():
            result = self.run_program([WORKER, "--replay", self.write(name, content)], code=2)
            self.assertEqual(result.out, "")
            self.assertRegex(result.err, rf"^fitfleet-worker: \S*/{name}: .*capsule.*\n$")
        self.assertIn("No such file", self.run_program([WORKER, "--replay", self.path("missing")], code=2).err)


if __name__ == "__main__":
    fleet.main()
