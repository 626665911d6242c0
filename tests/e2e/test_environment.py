"""Hosts that are not as one would wish: a clock that jumps, no place to write, few descriptors."""
import shutil
import subprocess
import unittest

import fleet
from fleet import Fleet, WORKER

# Loaded into every program (LD_PRELOAD): the wall clock is off by the seconds that a file holds.
JUMPING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void)
{
    char text[32] = "";
    int fd = open(getenv("FF_TEST_CLOCK"), O_RDONLY);
    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    close(fd);
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, now);
    if (code == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += offset();
    return code;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


class Environment(Fleet):
    def finish(self, name, attempts=1):
        self.wait_state(name, "done")
        done = self.document(name)
        self.assertEqual(done["counts"]["fitted"], done["counts"]["requested"])
        self.assertEqual({entry["attempts"] for entry in done["top"].values()}, {attempts})
        return done

    @unittest.skipIf(fleet.is_sanitized(), "a library cannot be loaded before the sanitizer's")
    def test_a_wall_clock_that_jumps_decides_nothing(self):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            self.skipTest("no C compiler")
        source = self.write("jumping.c", JUMPING)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self.path("jumping.so"), source, "-ldl"], check=True)
        env = {"LD_PRELOAD": self.path("jumping.so"), "FF_TEST_CLOCK": self.write("clock", "0")}
        coordinator = self.coordinator(env=env)
        worker = self.worker(slots=2, env=env)
        job = self.slow_job(targets=16, cpu_ms=300, limits={"target_timeout": "20s", "attempts": 1})
        name = self.submit(job, "--set", "plan.chunk=1")
        for count, jump in ((2, "86400"), (5, "-86400"), (8, "0"), (11, "4000000000")):
            self.wait_fitted(count)
            self.write("clock", jump)
        done = self.finish(name)
        self.assertLess(done["time_ms"]["total"], 60_000)
        self.assertNotIn("lost", coordinator.err())
        self.assertEqual(worker.err().count("ready as "), 1)
        self.assertRegex(worker.err() + coordinator.err() + done["finished"], "20[5-9][0-9]-|21[0-9][0-9]-", "the shim works")

    def test_a_worker_needs_no_place_to_write(self):
        # The programs may themselves be somewhere below /tmp: they are seen in /mnt.
        prefix = ["unshare", "-rm", "sh", "-c", "mount --bind \"$0\" /mnt && mount -t tmpfs -o ro none /tmp && "
                  "mount -t tmpfs -o ro none /dev/shm && cd / && program=/mnt/${1##*/} && shift && exec \"$program\" \"$@\"",
                  fleet.BIN]
        if not shutil.which("unshare"):
            self.skipTest("no unshare here")
        tried = subprocess.run([*prefix, WORKER, "--version"], capture_output=True, text=True)
        if tried.returncode != 0:
            self.skipTest(f"no namespaces here: {tried.stderr}")
        self.csv("data.csv", targets=20, rows=2000)
        self.coordinator()
        self.worker(slots=2, prefix=prefix)
        self.finish(self.submit(self.job(models={"all": {"kind": "pca"}, "top": {"kind": "seasonal"}})))

    def test_a_limit_of_descriptors_is_held_against_the_slots(self):
        if not shutil.which("prlimit"):
            self.skipTest("no prlimit")
        self.csv("data.csv", targets=20)
        self.coordinator()
        done = self.run_program(["prlimit", "--nofile=90", WORKER, "--slots", "6"], code=1, timeout=20)
        self.assertIn("6 slots need 100 open files, the limit is 90", done.err)
        self.worker("--recycle-targets", "2", slots=5, prefix=["prlimit", "--nofile=90"])
        self.finish(self.submit(self.job(models={"all": {"kind": "pca"}, "top": {"kind": "busy", "cpu_ms": 20}})))


if __name__ == "__main__":
    fleet.main()
