"""What the end-to-end tests share: programs, processes, data, and conditions that are awaited.

Every test gets a temporary folder and an environment without FITFLEET_* of its own. Programs come from FITFLEET_BIN (the
build's bin folder). Whatever a test started is killed at its end, with everything below it. A sanitizer report on any
standard error fails the test that caused it.
"""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("FITFLEET_BIN") or os.path.join(ROOT, "build", "bin"))
FITFLEET = os.path.join(BIN, "fitfleet")
WORKER = os.path.join(BIN, "fitfleet-worker")
SANITIZER_REPORT = re.compile(r"(ERROR|WARNING): (Address|Leak|Thread)Sanitizer|runtime error")
CLASSES = ("fitted", "reused", "fallback", "skipped", "failed", "quarantined", "cancelled")
SKIPPED = 77
GIVEN_DATA = os.environ.get("FITFLEET_TEST_DATA", "")
DATA = next((folder for folder in (os.path.join(GIVEN_DATA, "dev"), GIVEN_DATA)
             if os.path.isdir(os.path.join(folder, "nab"))), "")  # "": no larger real data


def needs_data(case):
    """Class decorator: skipped where there are no larger real data."""
    case = unittest.skipUnless(DATA, f"FITFLEET_TEST_DATA ({GIVEN_DATA}) has no folder nab")(case)
    return unittest.skipUnless(GIVEN_DATA, "FITFLEET_TEST_DATA is not set")(case)


def is_sanitized():
    with open(WORKER, "rb") as program:
        return b"__asan_init" in program.read()


# ---- conditions --------------------------------------------------------------------------------------------------------


def wait_until(condition, what, timeout=20.0):
    """The condition's first true value; fails the test if there is none in time."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- processes ---------------------------------------------------------------------------------------------------------


def _stat(pid):
    """(state, parent, start time) or None."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[1]), int(fields[19])
    except (OSError, IndexError):
        return None


class Pid:
    """A process that stays itself although numbers are used again."""

    def __init__(self, pid):
        self.pid = pid
        stat = _stat(pid)
        self.start = stat[2] if stat else None

    def alive(self):
        stat = _stat(self.pid)
        return stat is not None and stat[2] == self.start and stat[0] not in "ZX"

    def maps(self):
        with open(f"/proc/{self.pid}/maps") as file:
            return file.read()

    def files(self):
        """The names of what it has open, a line each."""
        names = []
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                names.append(os.readlink(f"/proc/{self.pid}/fd/{fd}"))
            except OSError:
                pass
        return "\n".join(names)

    def command(self):
        try:
            with open(f"/proc/{self.pid}/cmdline", "rb") as file:
                return file.read().decode(errors="replace").replace("\0", " ").strip()
        except OSError:
            return ""

    def kill(self, number=signal.SIGKILL):
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def __repr__(self):
        return f"{self.pid} ({self.command()})"


def blocks_signal(pid, number):
    """Whether a program has taken a signal into its own hands."""
    try:
        with open(f"/proc/{pid}/status") as file:
            blocked = re.search(r"SigBlk:\s*(\w+)", file.read())
        return blocked is not None and int(blocked.group(1), 16) >> (number - 1) & 1
    except OSError:
        return False


def descendants(pid):
    """Every living process below pid, nearest first."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = _stat(int(name))
            if stat and stat[0] not in "ZX":
                parents.setdefault(stat[1], []).append(int(name))
    found, at = [], [pid]
    while at:
        children = parents.get(at.pop(0), [])
        found += children
        at += children
    return [Pid(child) for child in found]


def executors_of(pid):
    return [process for process in descendants(pid) if " --executor " in process.command() + " "]


def agents_of(pid):
    return [process for process in descendants(pid) if " --parent-fd " in process.command()]


class Result:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"{' '.join(map(str, self.args))}\nexit code {self.code}\n-- out\n{self.out}\n-- err\n{self.err}"


class Program:
    """A program in the background; its output is kept in files."""

    def __init__(self, case, args, env, cwd, prefix):
        self.args = [str(arg) for arg in args]
        number = len(case.programs)
        self.out_path, self.err_path = (os.path.join(case.dir, f"program-{number}.{end}") for end in ("out", "err"))
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen(prefix + self.args, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env,
                                          cwd=cwd)
        self.pid = self.popen.pid

    def out(self):
        with open(self.out_path, errors="replace") as file:
            return file.read()

    def err(self):
        with open(self.err_path, errors="replace") as file:
            return file.read()

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def result(self, code):
        return Result(self.args, code, self.out(), self.err())

    def wait(self, timeout=60):
        """The exit code is negative after a signal."""
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s: {self.result(None)}") from None
        return self.result(code)

    def stop(self):
        below = descendants(self.pid)
        if self.running():
            self.popen.kill()
            self.popen.wait()
        for process in below:
            process.kill()


# ---- a test ------------------------------------------------------------------------------------------------------------


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="ff-e2e-")
        self.state = os.path.join(self.dir, "state")
        self.programs = []
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("FITFLEET_")}
        self.env["XDG_RUNTIME_DIR"] = self.path("run")
        os.mkdir(self.env["XDG_RUNTIME_DIR"], 0o700)
        self.addCleanup(self._clean)

    def _clean(self):
        reports = []
        for program in reversed(self.programs):
            program.stop()
            if SANITIZER_REPORT.search(program.err()):
                reports.append(str(program.result(None)))
        shutil.rmtree(self.dir, ignore_errors=True)
        if reports:
            raise AssertionError("\n".join(reports))

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    # -- programs

    def run_program(self, args, code=None, env=None, cwd=None, timeout=120):
        args = [str(arg) for arg in args]
        try:
            done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
                                  env={**self.env, **(env or {})}, cwd=cwd or self.dir)
        except subprocess.TimeoutExpired as error:
            self.fail(f"still running after {timeout} s: {' '.join(args)}\n{error.stdout}\n{error.stderr}")
        result = Result(args, done.returncode, done.stdout.decode(errors="replace"),
                        done.stderr.decode(errors="replace"))
        self.assertIsNone(SANITIZER_REPORT.search(result.err), str(result))
        if code is not None:
            self.assertEqual(result.code, code, str(result))
        return result

    def fitfleet(self, *args, code=0, **more):
        return self.run_program([FITFLEET, *args], code=code, **more)

    def start(self, args, env=None, cwd=None, prefix=()):
        program = Program(self, args, {**self.env, **(env or {})}, cwd or self.dir, list(prefix))
        self.programs.append(program)
        return program

    def train(self, job, *args, code=0, **more):
        return self.fitfleet("train", job, "--state", self.state, *args, code=code, **more)

    def train_json(self, job, *args, code=0, **more):
        result = self.train(job, "--format", "json", *args, code=code, **more).json()
        self.check_counts(result)
        return result

    def results(self, *args):
        return self.fitfleet("results", *args, "--state", self.state, "--format", "json").json()

    def models(self, name="job"):
        return self.fitfleet("models", "export", name, "--state", self.state).out

    # -- checks

    def check_counts(self, result):
        counts = dict(result["counts"])
        requested = counts.pop("requested")
        self.assertEqual(sorted(counts), sorted(CLASSES))
        if result["state"] in ("done", "failed", "cancelled"):
            self.assertEqual(sum(counts.values()), requested, result["counts"])
        if result["state"] == "done":
            self.assertEqual(len(result["top"]), requested)
            for name in CLASSES:
                of_class = [entry for entry in result["top"].values() if entry["class"] == name]
                self.assertEqual(len(of_class), counts[name], name)

    def check_one_message(self, result):
        """One line on standard error that says what is wrong; nothing on standard output."""
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 1, str(result))
        self.assertTrue(lines[0].startswith("fitfleet: "), str(result))
        self.assertEqual(result.out, "", str(result))
        return lines[0]

    # -- data

    def csv(self, name, targets=6, rows=60, metrics=("value",), step=60, seed=1, start=1_700_000_000):
        """Long layout: time, target t00…, metrics; a season of 12 rows and noise."""
        rng = random.Random(seed)
        lines = ["time,target," + ",".join(metrics)]
        for row in range(rows):
            for target in range(targets):
                cells = [f"{10 * (target + 1) + row % 12 + metric + rng.random():.4f}" for metric in range(len(metrics))]
                lines.append(f"{start + row * step},t{target:02d}," + ",".join(cells))
        return self.write(name, "\n".join(lines) + "\n")

    def job(self, name="job.yaml", files=("data.csv",), **more):
        """A job file in JSON, which is YAML. more: sections; data is merged into what makes it complete."""
        spec = {"data": {"files": list(files), "target": "target", **more.pop("data", {})}, **more}
        return self.write(name, json.dumps({key: value for key, value in spec.items() if value is not None}) + "\n")

    def slow_job(self, targets=8, cpu_ms=300, rows=20, **more):
        """A job whose fits take a known CPU time."""
        self.csv("data.csv", targets=targets, rows=rows)
        return self.job(models={"top": {"kind": "busy", "cpu_ms": cpu_ms}}, **more)

    # -- state of a job

    def committed(self, *where):
        """Outcomes of the newest job that are committed: {target: entry}; {} while there is no job."""
        result = self.run_program([FITFLEET, "results", *(where or ("--state", self.state)), "--format", "json"])
        return result.json()["top"] if result.code == 0 else {}

    def wait_committed(self, count, *where, timeout=30):
        return wait_until(lambda: (lambda top: top if len(top) >= count else None)(self.committed(*where)),
                          f"{count} outcomes are committed", timeout)


class Fleet(Case):
    """A coordinator on loopback and workers."""

    def coordinator(self, *args, port=0, env=None, state=None, listen=None, prefix=()):
        program = self.start([FITFLEET, "coordinator", "--listen", listen or f"tcp://127.0.0.1:{port}", "--state",
                              state or self.state, *args], env=env, prefix=prefix)
        pattern = re.compile(r"listens on (\S+),")
        wait_until(lambda: pattern.search(program.err()) or not program.running(), "the coordinator listens")
        found = pattern.search(program.err())
        self.assertTrue(found, str(program.result(program.popen.poll())))
        program.url = found.group(1)
        self.env["FITFLEET_COORDINATOR"] = program.url
        return program

    def worker(self, *args, slots=1, env=None, prefix=(), ready=True):
        program = self.start([WORKER, "--slots", slots, *args], env=env, prefix=prefix)
        if ready:
            self.wait_ready(program)
        return program

    def wait_ready(self, program, times=1):
        wait_until(lambda: program.err().count("ready as ") >= times or not program.running(), "the worker is ready")
        self.assertTrue(program.running(), str(program.result(program.popen.poll())))

    def submit(self, job, *args):
        lines = self.fitfleet("submit", job, *args).out.splitlines()
        self.assertEqual(len(lines), 1, lines)
        return lines[0]

    def status(self, job=None):
        return self.fitfleet("status", *([job] if job else []), "--format", "json").json()

    def wait_state(self, job, *states, timeout=60):
        return wait_until(lambda: (lambda status: status if status["state"] in states else None)(self.status(job)),
                          f"{job} is {' or '.join(states)}", timeout)

    def document(self, job=None):
        result = self.fitfleet("results", *([job] if job else []), "--format", "json").json()
        self.check_counts(result)
        return result

    def wait_fitted(self, count, timeout=30):
        return wait_until(lambda: (lambda top: top if len(top) >= count else None)(self.document()["top"]),
                          f"{count} outcomes are committed", timeout)


# ---- running -----------------------------------------------------------------------------------------------------------


def main():
    """unittest's main; exits 77 (CTest: skipped) with the reasons where nothing could run."""
    if not os.path.exists(FITFLEET) or not os.path.exists(WORKER):
        sys.exit(f"no programs in {BIN}: set FITFLEET_BIN to the build's bin folder")
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if result.testsRun and result.wasSuccessful() and len(result.skipped) == result.testsRun:
        for reason in sorted({reason for _, reason in result.skipped}):
            print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    sys.exit(0 if result.wasSuccessful() else 1)
