# SPDX-License-Identifier: MIT
"""A test runner that speaks TAP: one `ok` line for each function marked @test."""

import ctypes
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

from lib import proc

TEST_SECONDS = 120      # longest life of one test, times FACTOR
WAIT_SECONDS = 20       # longest usual wait, times FACTOR
FACTOR = float(os.environ.get("TEST_TIMEOUT_FACTOR", "1"))

PR_SET_CHILD_SUBREAPER = 36

_tests = []
_current = None


class Skipped(Exception):
    """Raised by skip(); carries the reason."""


class Test:
    """The running test: its folder, and what has to be undone after it."""

    def __init__(self, name):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix="cservd-test-")
        os.chmod(self.dir, 0o755)   # the services' user reads it
        self.logs = []              # paths, printed when the test fails
        self._undo = []

    def on_exit(self, action):
        """Runs action() when the test is over, last one first."""
        self._undo.append(action)

    def close(self):
        """Undoes everything; the first error is raised in the end."""
        error = None
        while self._undo:
            try:
                self._undo.pop()()
            except Exception as caught:     # the other actions have to run as well
                error = error or caught
        if error:
            raise error


def test(function):
    """Marks a function as a test; its name is the behaviour."""
    _tests.append(function)
    return function


def current():
    """The running test."""
    return _current


def path(*names):
    """A path in the folder of the running test."""
    return os.path.join(_current.dir, *names)


def write(name, content, mode=0o644):
    """Writes a file into the folder of the running test; returns its path."""
    where = path(name)
    os.makedirs(os.path.dirname(where), exist_ok=True)
    with open(where, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    os.chmod(where, mode)
    return where


def skip(reason):
    """Ends the running test as skipped."""
    raise Skipped(reason)


def needs_root():
    """Skips the running test unless root runs it."""
    if os.geteuid() != 0:
        skip("needs root")


def equal(actual, wanted, what="value"):
    """Fails unless the two are equal; long values are cut in the message."""
    if actual != wanted:
        raise AssertionError(f"{what} is {actual!r:.300}, not {wanted!r:.300}")


def wait_for(predicate, what, seconds=WAIT_SECONDS):
    """Polls until predicate() is true and returns its value; fails after the deadline."""
    deadline = time.monotonic() + seconds * FACTOR
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds * FACTOR:g} s: {what}")
        time.sleep(0.01)


def comment(text):
    """Prints text as TAP comments."""
    for line in text.splitlines():
        print("#", line)


def _explain(error):
    """Where an exception came from, innermost last, and what it says."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    lines = [f"{os.path.basename(f.filename)}:{f.lineno}: {f.line}" for f in frames]
    return "\n".join(lines + [f"{type(error).__name__}: {error}"])


def _print_logs(logs):
    for log in logs:
        with open(log, errors="replace") as file:
            lines = file.read().splitlines()
        comment(f"--- {os.path.basename(log)}, last {min(len(lines), 100)} of {len(lines)} lines")
        comment("\n".join(lines[-100:]))


def _end_children():
    """Nothing a test started may outlive it; returns what was still there."""
    left = proc.children(os.getpid())
    names = [f"{pid} {proc.name(pid)}" for pid in left if proc.is_alive(pid)]
    for pid in left:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except OSError:
            pass                            # it was already gone
    return names


def _too_long(_signal, _frame):
    raise AssertionError(f"the test takes longer than {TEST_SECONDS * FACTOR:g} s")


def _run(function):
    """Returns None, or why the function failed."""
    global _current
    _current = Test(function.__name__)
    failure = None
    signal.setitimer(signal.ITIMER_REAL, TEST_SECONDS * FACTOR)
    try:
        try:
            function()
        finally:
            _current.close()
        left = _end_children()
        if left:
            failure = f"processes left behind: {', '.join(left)}"
    except Skipped:
        raise
    except Exception as error:
        failure = _explain(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _end_children()
        if failure:
            comment(failure)
            _print_logs(_current.logs)
        shutil.rmtree(_current.dir, ignore_errors=True)
    return failure


def run():
    """Runs all tests of the file, or those named on the command line; exits 1 after a failure."""
    chosen = [t for t in _tests if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGALRM, _too_long)
    sys.stdout.reconfigure(line_buffering=True)
    failed = False
    print(f"1..{len(chosen)}")
    for number, function in enumerate(chosen, 1):
        name = function.__name__
        try:
            failure = _run(function)
        except Skipped as reason:
            print(f"ok {number} - {name} # SKIP {reason}")
            continue
        print(f"{'not ok' if failure else 'ok'} {number} - {name}")
        failed = failed or bool(failure)
    sys.exit(failed)
