# SPDX-License-Identifier: MIT
"""The real cservd, started in the foreground with a configuration of the test's own."""

import glob
import os
import pwd
import re
import shutil
import signal
import subprocess

from lib import proc, tap

BUILD = os.path.abspath(os.environ.get("TOP_BUILDDIR") or os.environ.get("top_builddir") or ".")
SOURCE = os.path.abspath(os.environ.get("top_srcdir")
                         or os.path.join(os.path.dirname(__file__), "../../.."))
CSERVD = os.path.join(BUILD, "cservd")
WORKER = os.path.join(BUILD, "cservd-worker")

READY = r"\bready\b"
# A worker that ended in a way nobody asked for.
DIED = r"worker \d+ (died|exited)"


# The sanitizers end a process at its first error; ThreadSanitizer holds no exit up by a second.
SANITIZERS = {"ASAN_OPTIONS": "halt_on_error=1",
              "UBSAN_OPTIONS": "halt_on_error=1",
              "TSAN_OPTIONS": "halt_on_error=1:atexit_sleep_ms=0"}


def environment():
    """What cservd is started with."""
    wanted = dict(os.environ)
    for name, options in SANITIZERS.items():
        wanted[name] = ":".join(filter(None, [wanted.get(name), options]))
    return wanted


def needs_no_tsan(reason):
    """Skips the running test in a build with ThreadSanitizer."""
    with open(WORKER, "rb") as file:
        if b"__tsan_init" in file.read():
            tap.skip(f"ThreadSanitizer {reason}")


def plugin(name):
    """Path of a plugin for this test: a copy that the service's user can reach and trust."""
    found = [os.path.join(BUILD, "tests/plugins", name), os.path.join(BUILD, "plugins", name),
             *glob.glob(os.path.join(BUILD, "plugins/*", name))]
    copy = tap.path("plugins", name)
    for candidate in filter(os.path.exists, found):
        if not os.path.exists(copy):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copyfile(candidate, copy)
            os.chmod(copy, 0o644)
        return copy
    raise AssertionError(f"{name} is not built")


def service(name, listen, handler, *keys):
    """The text of one section; keys are lines such as "idle_timeout = 1s"."""
    return "\n".join([f"[{name}]", f"listen = {listen}", f"handler = {handler}", *keys, ""])


def echo(port, *keys):
    """The section of an echo-upper on a TCP port of 127.0.0.1."""
    return service("echo-upper", f"127.0.0.1:{port}/tcp", "echo_upper.so", *keys)


def configuration(ini):
    """Writes cservd.ini, its plugin_dir being a folder of copies; returns its path."""
    for name in re.findall(r"^\s*handler\s*=\s*([^/\s]+\.so)\s*$", ini, re.M):
        plugin(name)
    own = f"[cservd]\nplugin_dir = {tap.path('plugins')}\n"
    if re.search(r"^\[cservd\]$", ini, re.M):
        ini = re.sub(r"^\[cservd\]\n", own, ini, count=1, flags=re.M)
    else:
        ini = own + ini
    return tap.write("cservd.ini", ini)


def ordinary_user():
    """For root: the id of a user without rights, who must be able to reach the build tree."""
    folder = BUILD
    while folder != "/":
        if not os.stat(folder).st_mode & 0o001:
            tap.skip(f"no ordinary user can enter {folder}")
        folder = os.path.dirname(folder)
    return pwd.getpwnam("nobody").pw_uid


def _ids(user):
    """Arguments of subprocess.Popen for a user id; its group gets the same number."""
    return {"user": user, "group": user, "extra_groups": []} if user else {}


def run(*args, data=b"", user=None, **others):
    """Runs cservd to its end; returns a CompletedProcess with bytes in stdout and stderr."""
    return subprocess.run([CSERVD, *args], input=None if "stdin" in others else data,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
                          timeout=tap.WAIT_SECONDS * tap.FACTOR, check=False, **_ids(user),
                          **others)


class Daemon:
    """
    A running cservd.  Stopped when the test is over, if the test has not done so; then it
    must exit 0 and no worker may have died, unless deaths=True says the test wants some.
    prefix is a command that executes the words after it.
    """

    count = 0
    launcher = []       # what runs cservd, with its arguments

    def __init__(self, ini, *args, wait=True, deaths=False, user=None, config=None,
                 prefix=()):
        Daemon.count += 1
        self.deaths = deaths
        self.config = config or configuration(ini)
        self.log_path = tap.path(f"log{Daemon.count}")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*prefix, *self.launcher, CSERVD, "-c", self.config, *args],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment(), **_ids(user))
        self.pid = self.process.pid
        tap.current().logs.append(self.log_path)
        tap.current().on_exit(self._end)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        """Waits for the line that says every service is started."""
        tap.wait_for(lambda: self.matches(READY) or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, f"cservd ended with {self.process.returncode}"

    def log(self):
        """Everything logged so far."""
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def lines(self):
        """The complete lines logged so far."""
        return self.log().split("\n")[:-1]

    def matches(self, pattern):
        """Lines that contain the regular expression, as match objects."""
        return [m for m in (re.search(pattern, line) for line in self.lines()) if m]

    def wait_line(self, pattern, count=1, seconds=tap.WAIT_SECONDS):
        """Waits for the count-th line that contains the pattern; returns its match object."""
        tap.wait_for(lambda: len(self.matches(pattern)) >= count, f"log line {pattern!r}", seconds)
        return self.matches(pattern)[count - 1]

    def workers(self):
        """Process ids of all workers (and connectors)."""
        return [pid for pid in proc.descendants(self.pid) if proc.is_alive(pid)]

    def worker(self, service):
        """Process id of the one worker of a service, waiting until there is just one."""
        def found():
            pids = [pid for pid in self.workers() if service in " ".join(proc.command(pid))]
            return pids if len(pids) == 1 else None
        return tap.wait_for(found, f"one worker of {service}")[0]

    def kill(self, number=signal.SIGTERM):
        """Sends the master a signal."""
        self.process.send_signal(number)

    def wait_exit(self, seconds=tap.WAIT_SECONDS):
        """Waits for the master to end; returns its exit status."""
        return self.process.wait(seconds * tap.FACTOR)

    def stop(self, seconds=tap.WAIT_SECONDS):
        """SIGTERM; the master has to exit 0 and to leave no process behind."""
        family = self.workers()
        self.kill()
        tap.equal(self.wait_exit(seconds), 0, "exit status")
        tap.wait_for(lambda: not any(map(proc.is_alive, family)), "end of all workers", 5)
        if not self.deaths:
            tap.equal([m.string for m in self.matches(DIED)], [], "list of dead workers")

    def _end(self):
        if self.process.poll() is None:
            self.stop(seconds=60)       # longer than the default drain_timeout
