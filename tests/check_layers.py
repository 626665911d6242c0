#!/usr/bin/env python3
"""Holds the tree to its layers: what may include what, where each third-party header lives, which modules are pure,
and that generated code stays out of git. Prints one line per offence and exits 1 if there are any.

    python3 tests/check_layers.py [ROOT]
"""
import fnmatch
import pathlib
import re
import shutil
import subprocess
import sys

LAYERS = {  # folder: folders whose headers it must not include
    "common": ["coordinator", "worker", "tests", "support"],
    "coordinator": ["worker", "tests", "support"],
    "worker": ["coordinator", "tests", "support"],
}

HOMES = {  # third-party header: the files that may include it
    "nng/*": ["common/rpc_nng*", "coordinator/http/*"],
    "protobuf-c/*": ["common/codec/*"],
    "*.pb-c.h": ["common/codec/*"],
    "yaml.h": ["common/config*"],
    "sqlite3.h": ["coordinator/store*"],
    "zstd.h": ["coordinator/*", "common/codec/*"],
    "zlib.h": ["coordinator/*"],
    "mbedtls/*": ["common/rpc_nng*", "coordinator/http/*"],
    "cblas.h": ["worker/*"],
    "sodium.h": ["common/hash.c", "common/rpc_nng*", "coordinator/coordinator.c", "worker/agent.c"],
    "lapacke.h": ["worker/models/*"],
    "jansson.h": ["worker/command*"],
}

PURE = [  # modules that decide: data in, actions or results out, time as an argument
    "coordinator/plan*", "coordinator/fleet*", "coordinator/dispatch*", "coordinator/backlog*", "coordinator/overdue*",
    "coordinator/aggregate*", "coordinator/prepare*", "coordinator/fingerprint*", "worker/models/*",
]
IMPURE = [  # with their reason to be: a fit's memory, a benchmark's clock, and faults on purpose
    "worker/models/workspace.c", "worker/models/busy.c", "worker/models/fault.c",
]
NOT_FOR_PURE = ["common/clock.h", "common/rpc*", "pthread.h", "threads.h", "time.h", "unistd.h", "fcntl.h", "signal.h",
                "sys/*", "nng/*", "poll.h"]

STANDALONE = {"worker/models/kind.h": ["std*.h"]}  # installed: compiles without the rest

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def matches(name, patterns):
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def offences_of(name, header):
    for forbidden in LAYERS[name.split("/")[0]]:
        if header.startswith(forbidden + "/"):
            yield f"{name}: must not include {header} (layers: proto <- common <- coordinator, worker <- tests)"
    for pattern, homes in HOMES.items():
        if fnmatch.fnmatch(header, pattern) and not matches(name, homes):
            yield f"{name}: {header} belongs to {', '.join(homes)}"
    if name in STANDALONE and not matches(header, STANDALONE[name]):
        yield f"{name}: is installed alone, must not include {header}"
    if matches(name, PURE) and not matches(name, IMPURE) and matches(header, NOT_FOR_PURE):
        yield f"{name}: is pure (no clock, socket, file, thread), must not include {header}"


def check_includes(root):
    for folder in LAYERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            name = path.relative_to(root).as_posix()
            for header in INCLUDE.findall(path.read_text(encoding="utf-8")):
                yield from offences_of(name, header)


def check_generated(root):
    if not shutil.which("git"):
        print("layers: no git here, so what it tracks is not checked")
        return
    tracked = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True, check=False)
    for name in tracked.stdout.split("\n"):
        if re.search(r"\.pb-c\.[ch]$|^build", name):
            yield f"{name}: generated code stays in the build directory"


def main(root):
    offences = [*check_includes(root), *check_generated(root)]
    print("\n".join(offences) if offences else "layers: ok")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
