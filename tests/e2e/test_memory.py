"""data.memory: rows that do not fit go to a file without a name in the state; models are the same, and memory is bounded."""
import os
import re
import signal
import unittest

import fleet
from fleet import FITFLEET, Case, Fleet, is_sanitized, wait_until
from test_disk_full import MISSING, SmallDisk

TARGETS = 500
MIB = 1 << 20


def peak_bytes(pid):
    """Of a process that runs; 0 if it does not."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def spills(pid):
    """Whether it has a file for rows, which has no name, open in its state directory (SQLite's log is deleted too, at its end)."""
    try:
        names = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(re.search(r"/state/(#|spill-)\S* \(deleted\)$", name) for name in names)


class Rows:
    """A mixin: a large file of targets that are interleaved by time."""

    def write_rows(self, mib, name="data.csv"):
        path = self.path(name)
        with open(path, "w") as file:
            file.write("time,target,value,other\n")
            step = 0
            while file.tell() < mib * MIB:
                time = f"2026-01-{step // 1440 + 1:02}T{step // 60 % 24:02}:{step % 60:02}:00Z"
                file.write("".join(f"{time},T{i:05},{(step * 7 + i) % 101},{step % 13}.25\n" for i in range(TARGETS)))
                step += 1
        return path

    def left_in(self, state):
        return [name for name in os.listdir(state) if not name.startswith("fitfleet.db") and name != "lock"]


class Memory(Rows, Case):
    def run_bounded(self, job, *options):
        """Trains; returns the peak of the coordinator and whether it spilled."""
        program = self.start([FITFLEET, "train", job, "--state", self.state, "--no-reuse", *options])
        peak, spilled = 0, False
        while program.running():
            peak = max(peak, peak_bytes(program.pid))
            spilled = spilled or spills(program.pid)
        program.wait()
        program.result(0)
        return peak, spilled

    def test_a_file_of_four_times_the_limit_stays_within_it_and_gives_the_same_models(self):
        limit = 32
        self.write_rows(4 * limit)
        job = self.job(models={"top": {"kind": "seasonal", "season": 4}})
        _, spilled = self.run_bounded(job, "--set", "data.memory=2GiB")
        self.assertFalse(spilled)
        models = self.models()
        peak, spilled = self.run_bounded(job, "--set", f"data.memory={limit}MiB")
        self.assertTrue(spilled)
        self.assertEqual(self.models(), models)
        self.assertEqual(self.left_in(self.state), [])
        if not is_sanitized():
            self.assertLessEqual(peak, 1.1 * limit * MIB)

    def test_the_frame_of_all_and_large_frames_travel_from_the_file(self):
        self.csv("data.csv", targets=4, rows=300000)
        job = self.job(models={"top": {"kind": "ewma"}, "all": {"kind": "pca"}})
        self.run_bounded(job)
        models = self.models()
        _, spilled = self.run_bounded(job, "--set", "data.memory=36MiB")
        self.assertTrue(spilled)
        self.assertEqual(self.models(), models)

    def test_a_target_too_large_for_the_limit_is_named_with_what_it_needs(self):
        self.csv("data.csv", targets=1, rows=400000)
        result = self.train(self.job(), "--set", "data.memory=16MiB", code=2)
        self.assertIn("data.memory is 16 MiB, give it", result.err)
        self.assertEqual(self.left_in(self.state), [])

    def test_what_a_crash_left_is_removed_at_the_next_start(self):
        self.csv("data.csv")
        os.makedirs(self.state)
        self.write(os.path.join(self.state, "spill-abcdef"), "")
        self.train(self.job())
        self.assertEqual(self.left_in(self.state), [])

    def test_a_load_that_spills_can_be_interrupted(self):
        self.write_rows(48)
        program = self.start([FITFLEET, "train", self.job(), "--state", self.state, "--set", "data.memory=16MiB"])
        wait_until(lambda: spills(program.pid), "it spills")
        program.signal(signal.SIGINT)
        program.wait()
        program.result(130)
        self.assertEqual(self.left_in(self.state), [])


@unittest.skipIf(MISSING, MISSING)
class FullDisk(Rows, SmallDisk, Fleet):
    def test_a_load_waits_for_room_and_goes_on(self):
        self.write_rows(24)
        coordinator = self.coordinator(prefix=self.small_disk(64 << 10))
        self.worker()
        ballast = self.inside(coordinator, "ballast")
        with open(ballast, "wb") as file:
            file.write(bytes(58 * MIB))
        name = self.submit(self.job(), "--set", "data.memory=16MiB")
        status = self.wait_state(name, "paused")
        self.assertEqual(status["stage"], "paused: rows beyond data.memory cannot be written: disk full")
        os.unlink(ballast)
        self.assertEqual(self.wait_state(name, "done")["counts"]["fitted"], TARGETS)


if __name__ == "__main__":
    fleet.main()
