#!/usr/bin/env python3
"""Chaos: the real programs on real sockets and a real state, while a seeded schedule kills, stops, cuts and fills the disk.

A job of 3,000 targets runs on two to four workers. A schedule is a handful of faults at random moments, each with its end:

    kill -9 of an executor, an agent, the coordinator · SIGSTOP of one of these for a while, at times for longer than a lease
    lives · SIGTERM of a worker (drain) · a link that goes down · a disk that is full

After it everything is healed and the job has to end. From outside, by the command line, it is checked that each target ends
in exactly one class, the right one; that the counts add up; that no outcome which was seen committed ever changed; that the
models are byte for byte those of an undisturbed run; that the state is sound; that nothing keeps running.

    tests/chaos/chaos.py                     20 schedules, two at a time
    tests/chaos/chaos.py --seeds 1-500       all that we know of
    tests/chaos/chaos.py --seed 17           one, with its story; the same seed has the same schedule

Links and disks need root (namespaces, tmpfs); without it these faults are left out, which is said."""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import fleet  # noqa: E402
import netns  # noqa: E402
from fleet import FITFLEET, WORKER, Fleet, descendants  # noqa: E402

TARGETS = 3000
END_S = 150  # after the last fault is healed
LEASE_S = 15

# What targets are, by the first letter of their names: how many, and what becomes of them.
CLASSES = {"s": "fitted", "b": "fitted", "c": "failed", "k": "quarantined"}


def write_job(folder, targets):
    """s: seasonal. b: 3 ms of CPU. c: constant, which pca refuses. k: their fits crash. Rows are the same at every call."""
    rng = random.Random(1)
    few = max(1, targets // 1000)
    counts = {"c": few, "k": few, "b": targets // 2}
    counts["s"] = targets - sum(counts.values())
    names = [f"{letter}{number:05d}" for letter, count in counts.items() for number in range(count)]
    with open(os.path.join(folder, "data.csv"), "w") as file:
        file.write("time,target,value\n")
        for row in range(48):
            for name in names:
                value = 7 if name[0] == "c" else row % 12 * 3 + rng.randrange(100) / 10
                file.write(f"{1_700_000_000 + row * 60},{name},{value}\n")
    top = [{"match": "c*", "kind": "pca"}, {"match": "k*", "kind": "busy", "fault": "abort"},
           {"match": "b*", "kind": "busy", "cpu_ms": 3}, {"match": "*", "kind": "seasonal", "season": 12}]
    spec = {"name": "chaos", "data": {"files": ["data.csv"], "target": "target"}, "models": {"top": top},
            "limits": {"attempts": 4, "target_timeout": "30s"}}
    path = os.path.join(folder, "job.yaml")
    with open(path, "w") as file:
        json.dump(spec, file)
    return path


def reference(folder, targets):
    """The models of an undisturbed run."""
    job = write_job(folder, targets)
    state = os.path.join(folder, "state")
    done = subprocess.run([FITFLEET, "train", job, "--state", state, "--out", os.devnull], capture_output=True, text=True)
    if done.returncode != 3:
        sys.exit(f"the undisturbed run ends with {done.returncode}: {done.stderr}")
    models = subprocess.run([FITFLEET, "models", "export", "chaos", "--state", state], capture_output=True, check=True)
    shutil.rmtree(state)
    return models.stdout.decode()


class Sampler(threading.Thread):
    """Looks at what is committed, again and again, and remembers everything that it saw."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.seen, self.changed, self.stop = world, {}, None, threading.Event()

    def run(self):
        while not self.stop.wait(0.5):
            self.look()

    def look(self):
        for name, entry in self.world.committed().items():
            if self.seen.setdefault(name, entry) != entry and not self.changed:
                self.changed = f"{name} was {self.seen[name]} and is {entry}"


class World(Fleet):
    """One schedule. runTest is what unittest calls."""

    def __init__(self, seed, models, story):
        super().__init__()
        self.seed, self.expected, self.story = seed, models, story
        self.rng = random.Random(seed)
        self.root = os.geteuid() == 0 and not netns.missing()

    def tell(self, text):
        if self.story:
            print(f"{time.monotonic() - self.began:7.2f} s  {text}", flush=True)

    # -- making it

    def setUp(self):
        super().setUp()
        self.began = time.monotonic()
        self.due = []  # (moment, what to do)
        self.hosts = []
        self.busy_with = set()  # hosts, "coordinator", "disk" that have a fault now
        os.mkdir(self.state, 0o700)
        if self.root:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "ff-chaos", self.state], check=True)
            self.addCleanup(subprocess.run, ["umount", "-l", self.state])
            self.network = netns.Network(self.addCleanup)
            self.home = self.network.enter(self.network.home)
            self.listen = f"tcp://{netns.COORDINATOR}:7400"
        else:
            self.home = []
            self.listen = f"tcp://127.0.0.1:{self.rng.randrange(20000, 30000)}"
        self.env["FITFLEET_TOKEN_FILE"] = self.write("token", "a token of some length")
        self.path_of_job = write_job(self.dir, TARGETS)

    def start_coordinator(self):
        """As a service manager does: where the disk is full it does not start, and is started again (False)."""
        try:
            self.open_coordinator()
        except AssertionError as error:
            if "disk" not in self.busy_with or "full" not in str(error):
                raise
            self.tell("the coordinator cannot start: the disk is full")
            return False
        return True

    def open_coordinator(self):
        self.daemon = self.coordinator("--insecure", "--data-root", self.dir, listen=self.listen, prefix=self.home)

    def start_worker(self, host):
        prefix = self.network.enter(host["name"]) if self.root else []
        host["program"] = self.worker("--drain", "2s", *host["rows"], slots=host["slots"], prefix=prefix, ready=False)

    def add_host(self):
        name, port = self.network.host() if self.root else (None, None)
        host = {"number": len(self.hosts), "name": name, "port": port, "slots": self.rng.choice((1, 1, 2)),
                "rows": self.rng.choice(([], ["--copy-rows"]))}  # fits read the coordinator's memory, or rows travel
        self.hosts.append(host)
        self.start_worker(host)

    def ask(self, *args, timeout=60):
        return self.run_program([*self.home, FITFLEET, *args], timeout=timeout)

    def committed(self):
        result = self.run_program([FITFLEET, "results", "--state", self.state, "--format", "json"])
        return result.json()["top"] if result.code == 0 else {}

    # -- faults; each takes its moment's choices at once, so that the schedule depends on the seed alone

    def later(self, seconds, action):
        self.due.append((time.monotonic() + seconds, action))

    def fault(self, what, seconds, story, begin, end):
        """begin now, end after some seconds, again while it is False; not while the same part has another fault."""
        if what in self.busy_with:
            return
        self.busy_with.add(what)
        self.tell(story)

        def heal():
            if end() is False:
                self.later(0.3, heal)
            else:
                self.busy_with.discard(what)

        begin()
        self.later(seconds, heal)

    def pause_s(self):
        return self.rng.uniform(LEASE_S + 1, LEASE_S + 4) if self.rng.random() < 0.08 else self.rng.uniform(0.2, 4)

    def signal_all(self, pids, number):
        for pid in pids:
            pid.kill(number)

    def kill_executor(self, host, seconds):
        children = fleet.executors_of(host["program"].pid)
        if children:
            self.tell(f"kill -9 of an executor of host {host['number']}")
            children[int(seconds * 1000) % len(children)].kill()

    def kill_worker(self, host, seconds):
        self.fault(host["number"], seconds, f"kill -9 of the agent of host {host['number']}, another one in {seconds:.1f} s",
                   lambda: fleet.Pid(host["program"].pid).kill(),
                   lambda: self.start_worker(host))

    def drain_worker(self, host, seconds):
        old = host["program"]

        def again():
            old.wait(20)
            self.start_worker(host)

        self.fault(host["number"], seconds, f"SIGTERM to host {host['number']}",
                   lambda: fleet.Pid(old.pid).kill(signal.SIGTERM), again)

    def stop_worker(self, host, seconds):
        pids = [fleet.Pid(host["program"].pid), *descendants(host["program"].pid)]
        self.fault(host["number"], seconds, f"SIGSTOP of host {host['number']} for {seconds:.1f} s",
                   lambda: self.signal_all(pids, signal.SIGSTOP), lambda: self.signal_all(pids, signal.SIGCONT))

    def cut_link(self, host, seconds):
        self.fault(("link", host["number"]), seconds, f"the link of host {host['number']} is down for {seconds:.1f} s",
                   lambda: self.network.cut(host["port"], False),
                   lambda: self.network.cut(host["port"], True))

    def kill_coordinator(self, _, seconds):
        seconds = min(seconds, 3)

        def kill():
            fleet.Pid(self.daemon.pid).kill()
            self.daemon.popen.wait()

        self.fault("coordinator", seconds, f"kill -9 of the coordinator, another one in {seconds:.1f} s", kill,
                   self.start_coordinator)

    def stop_coordinator(self, _, seconds):
        pid = fleet.Pid(self.daemon.pid)
        self.fault("coordinator", seconds, f"SIGSTOP of the coordinator for {seconds:.1f} s",
                   lambda: pid.kill(signal.SIGSTOP), lambda: pid.kill(signal.SIGCONT))

    def fill_disk(self, _, seconds):
        seconds = min(seconds, 5)
        path = os.path.join(self.state, "filler")

        def fill():
            with open(path, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(1 << 16))
                except OSError:
                    pass

        self.fault("disk", seconds, f"the disk is full for {seconds:.1f} s", fill, lambda: os.remove(path))

    def plan(self):
        actions = [self.kill_executor, self.kill_worker, self.drain_worker, self.stop_worker, self.kill_coordinator,
                   self.stop_coordinator]
        actions += [self.cut_link, self.fill_disk] if self.root else []
        for _ in range(self.rng.randrange(3, 8)):
            action, host, seconds = self.rng.choice(actions), self.rng.choice(self.hosts), self.pause_s()
            self.later(self.rng.uniform(0.1, 6), lambda action=action, host=host, seconds=seconds: action(host, seconds))

    def run_due(self):
        while self.due:
            self.due.sort(key=lambda item: item[0])
            moment, action = self.due.pop(0)
            time.sleep(max(0, moment - time.monotonic()))
            action()

    # -- the schedule

    def submit_somehow(self):
        """The coordinator may be away: the same request again is the same job."""
        for _ in range(40):
            result = self.ask("submit", self.path_of_job, "--id", f"chaos-{self.seed}")
            if result.code == 0:
                return result.out.strip()
            self.assertIn(result.code, (1, 5), str(result))
            time.sleep(0.25)
        raise AssertionError(f"the job cannot be submitted: {result}")

    def runTest(self):
        self.start_coordinator()
        for _ in range(self.rng.randrange(2, 5)):
            self.add_host()
        self.plan()
        faults = threading.Thread(target=self.run_faults)
        name = self.submit_somehow()
        sampler = Sampler(self)
        sampler.start()
        faults.start()
        faults.join()
        if self.broken:
            raise AssertionError("the schedule itself failed") from self.broken
        self.tell("everything is healed")
        watched = self.ask("watch", name, timeout=END_S)
        sampler.stop.set()
        sampler.join()
        sampler.look()
        self.assertEqual(watched.code, 3, str(watched))
        self.check(name, sampler)

    broken = None

    def run_faults(self):
        try:
            self.run_due()
        except Exception as error:  # pylint: disable=broad-except
            self.broken = error

    # -- what must hold

    def check(self, name, sampler):
        document = self.ask("results", name, "--format", "json").json()
        self.check_counts(document)
        self.assertEqual(document["counts"]["requested"], TARGETS)
        for target, entry in document["top"].items():
            self.assertEqual(entry["class"], CLASSES[target[0]], f"{target}: {entry}")
        self.assertIsNone(sampler.changed)
        for target, entry in sampler.seen.items():
            self.assertEqual(document["top"][target], entry, "an outcome that was committed changed")
        self.assertEqual(self.ask("models", "export", "chaos").out, self.expected, "other models than undisturbed")
        generations = self.ask("models", "chaos", "--format", "json").json()
        self.assertEqual(len(generations), 1, generations)
        self.check_state()
        self.check_nothing_runs_on()
        self.tell(f"all is well: {document['counts']}")

    def check_state(self):
        result = self.run_program([FITFLEET, "fsck", "--state", self.state])
        self.assertEqual(result.code, 0, str(result))

    def check_nothing_runs_on(self):
        programs = [host["program"] for host in self.hosts] + [self.daemon]
        below = [pid for program in programs for pid in descendants(program.pid)]
        for program in programs:
            program.signal(signal.SIGTERM)
        for program in programs:
            program.wait(15)
        fleet.wait_until(lambda: not any(pid.alive() for pid in below), "nothing runs on", 5)


def run_one(seed, models_path, story):
    with open(models_path) as file:
        World(seed, file.read(), story).debug()


def run_many(seeds, jobs, models_path, command):
    """Each schedule is a process with mounts of its own. Returns the seeds that failed."""
    running, failed = {}, []
    began = time.monotonic()
    queue = list(seeds)
    while queue or running:
        while queue and len(running) < jobs:
            seed = queue.pop(0)
            log = tempfile.TemporaryFile(mode="w+")
            running[seed] = subprocess.Popen([*command, "--seed", str(seed), "--models", models_path], stdout=log,
                                             stderr=subprocess.STDOUT), log
        time.sleep(0.1)
        for seed, (process, log) in list(running.items()):
            if process.poll() is None:
                continue
            del running[seed]
            if process.returncode:
                failed.append(seed)
                log.seek(0)
                print(f"---- seed {seed} failed; replay: tests/chaos/chaos.py --seed {seed}\n{log.read()}", flush=True)
            log.close()
    print(f"chaos: {len(seeds)} schedules in {time.monotonic() - began:.0f} s, {len(failed)} failed {failed or ''}")
    return failed


def seeds_of(text):
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("1-20"), help="FIRST-LAST")
    parser.add_argument("--seed", type=int, help="one schedule, with its story")
    parser.add_argument("--jobs", type=int, default=2, help="schedules at a time")
    parser.add_argument("--models", help=argparse.SUPPRESS)
    args = parser.parse_args()
    for program in (FITFLEET, WORKER):
        if not os.path.exists(program):
            sys.exit(f"{program} is not there: build first, or set FITFLEET_BIN")
    if args.models:
        run_one(args.seed, args.models, True)
        return
    folder = tempfile.mkdtemp(prefix="ff-chaos-")
    models_path = os.path.join(folder, "models")
    with open(models_path, "w") as file:
        file.write(reference(folder, TARGETS))
    command = [sys.executable, os.path.abspath(__file__)]
    if os.geteuid() == 0 and not netns.missing():
        command = ["unshare", "--mount", *command]
    else:
        print(f"chaos: no links are cut and no disks filled: {netns.missing()}")
    try:
        if args.seed is not None:
            sys.exit(subprocess.run([*command, "--seed", str(args.seed), "--models", models_path]).returncode)
        sys.exit(1 if run_many(args.seeds, args.jobs, models_path, command) else 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
