"""A network of namespaces: one with a bridge, and one for each host on a veth pair to it."""
import os
import re
import shutil
import subprocess

import fleet

COORDINATOR = "10.77.0.1"


def ip(*args, check=True):
    return subprocess.run(["ip", *args], check=check, capture_output=True, text=True)


def missing():
    """Why there can be none here; None if there can."""
    if not shutil.which("ip"):
        return "ip (iproute2) is not installed"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"ffprobe{os.getpid()}"
    made = ip("netns", "add", name, check=False)
    ip("netns", "del", name, check=False)
    return f"no network namespaces here: {made.stderr.strip()}" if made.returncode else None


def remove(name):
    for pid in ip("netns", "pids", name, check=False).stdout.split():
        fleet.Pid(int(pid)).kill()
    ip("netns", "del", name, check=False)


def remove_leftovers():
    """Of a test that was killed."""
    for line in ip("netns", "list", check=False).stdout.splitlines():
        made = re.match(r"ff(\d+)(c|w\d+)\b", line)
        if made and not os.path.exists(f"/proc/{made.group(1)}"):
            remove(made.group(0))


class Network:
    """ff<pid>c has a bridge with 10.77.0.1; each host's namespace has 10.77.0.N. cleanup: called with what removes them."""

    def __init__(self, cleanup):
        remove_leftovers()
        self.cleanup = cleanup
        self.home = f"ff{os.getpid()}c"
        self.made = 0
        self._namespace(self.home)
        self._inside(self.home, "ip", "link", "add", "hub", "type", "bridge")
        self._inside(self.home, "ip", "addr", "add", f"{COORDINATOR}/24", "dev", "hub")
        self._inside(self.home, "ip", "link", "set", "hub", "up")
        self._inside(self.home, "ip", "link", "set", "lo", "up")

    def _namespace(self, name):
        self.cleanup(remove, name)
        ip("netns", "add", name)

    def _inside(self, name, *command):
        subprocess.run([*self.enter(name), *command], check=True, capture_output=True, text=True)

    def enter(self, name):
        """What a command begins with that runs there."""
        return ["ip", "netns", "exec", name]

    def host(self):
        """A namespace with an address, connected to the bridge: its name, and its port there."""
        self.made += 1
        name, here, there = f"ff{os.getpid()}w{self.made}", f"port{self.made}", f"ffv{os.getpid()}"
        self._namespace(name)
        self._inside(self.home, "ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        self._inside(self.home, "ip", "link", "set", here, "master", "hub", "up")
        self._inside(name, "ip", "link", "set", there, "name", "eth0")
        self._inside(name, "ip", "addr", "add", f"10.77.0.{self.made + 1}/24", "dev", "eth0")
        self._inside(name, "ip", "link", "set", "eth0", "up")
        self._inside(name, "ip", "link", "set", "lo", "up")
        return name, here

    def cut(self, port, up):
        self._inside(self.home, "ip", "link", "set", port, "up" if up else "down")
