#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A plugin that attacks: what it costs its own service, another service, and the master."""

import os
import time

from lib import net, proc, tap
from lib.daemon import Daemon, echo, service
from lib.tap import equal, run, test, wait_for

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
SLOW_SECONDS = 1        # an echo of another service never takes this long


def cpu_seconds(pid):
    """What a process has used so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


class Siege:
    """A daemon with a service under attack and another one with a connection open."""

    def __init__(self, handler, *keys, ready=r"\bready\b"):
        self.port, self.other_port = net.free_port(), net.free_port()
        self.daemon = Daemon(service("victim", f"127.0.0.1:{self.port}/tcp", handler, *keys) +
                             echo(self.other_port, "log_connections = no"),
                             deaths=True, wait=False)
        self.daemon.wait_line(ready, seconds=60)
        self.other_worker = self.daemon.worker("echo-upper")
        self.other = net.tcp(self.other_port)
        self.check_others()

    def connect(self):
        """A connection to the victim."""
        return net.tcp(self.port)

    def check_others(self):
        """The other service and the master did not notice."""
        start = time.monotonic()
        equal(net.ask(self.other, b"open before\n"), b"OPEN BEFORE\n", "the open connection")
        equal(net.ask(net.tcp(self.other_port), b"new\n"), b"NEW\n", "a new connection")
        took = time.monotonic() - start
        assert took < SLOW_SECONDS * tap.FACTOR, f"the other service took {took:.3f} s"
        equal(self.daemon.worker("echo-upper"), self.other_worker, "the other worker")
        assert self.daemon.process.poll() is None, "the master is gone"

    def answers(self):
        """True if the victim's service does its work on a new connection."""
        sock = self.connect()
        try:
            return net.ask(sock, b"still here\n").startswith(b"still here")
        except OSError:
            return False
        finally:
            sock.close()

    def wait_end(self, worker, knocks=False):
        """
        Waits until the master has seen the end of a worker; returns what it says about it.
        knocks: clients come and go, for a thread looks at its listener when one has gone.
        """
        def found():
            if knocks:
                self.connect().close()
            return self.daemon.matches(f"victim: worker {worker} (?:died|exited).*")
        return wait_for(found, f"end of worker {worker}")[0].group()

    def check(self):
        """Nothing was lost beyond the victim, and that one serves on or again."""
        self.check_others()
        wait_for(self.answers, "an answer of the service that was attacked")


# --- calls that are denied: EPERM, one line, this connection

DENIED = [
    ("openat", "openat", 'add "sandbox = rpath" and "read_paths"'),
    ("socket", "socket", 'add "sandbox = inet" and "connect_ports"'),
    ("mmap", "mmap", "no promise allows it"),
    ("mprotect", "mprotect", "no promise allows it"),
    ("shutdown", "shutdown", "no promise allows it"),
    ("filter", "setsockopt", "no promise allows it"),
    ("unspec", "connect", 'add "sandbox = inet" and "connect_ports"'),
    ("connect", "connect", 'add "sandbox = inet" and "connect_ports"'),
    ("kill", "kill", 'add "sandbox = proc"'),
    ("sigaction", "rt_sigaction", "no promise allows it"),
]


@test
def denied_calls_cost_their_connection():
    siege = Siege("denied.so", "on_violation = hangup")
    for word, call, _ in DENIED:
        sock = siege.connect()
        who = rf"victim\[127\.0\.0\.1:{sock.getsockname()[1]}\]"
        sock.sendall(word.encode() + b"\n")
        assert net.is_ended(sock), f"{word} did not end the connection"
        siege.daemon.wait_line(f"{who}: denied {call}: .*; connection closed$")
        siege.daemon.wait_line(f"{who}: tried {word}: EPERM")
        siege.check_others()
    equal(len(siege.daemon.matches(": denied ")), len(DENIED), "lines about denied calls")
    for _, call, hint in DENIED:
        assert siege.daemon.matches(f"denied {call}: {hint}"), f"{call}: not said: {hint}"


@test
def denied_calls_of_a_connection_leave_its_neighbours_alone():
    siege = Siege("denied.so", "on_violation = deny")
    neighbour = siege.connect()
    equal(net.ask(neighbour, b"getpid\n"), b"getpid: done\n")
    worker = siege.daemon.worker("victim")
    for word, _, _ in DENIED:
        equal(net.ask(siege.connect(), word.encode() + b"\n"), word.encode() + b": EPERM\n")
        equal(net.ask(neighbour, b"getpid\n"), b"getpid: done\n")
    equal(siege.daemon.worker("victim"), worker, "the victim's worker")
    equal(net.ask(siege.connect(), b"getpid\n"), b"getpid: done\n")
    siege.check_others()


@test
def what_only_an_attacker_calls_costs_the_worker():
    siege = Siege("denied.so")
    for word, call in ("execve", "execve"), ("ptrace", "ptrace"), ("vm", "process_vm_writev"):
        worker = siege.daemon.worker("victim")
        sock = siege.connect()
        sock.sendall(word.encode() + b"\n")
        assert net.is_ended(sock)
        siege.daemon.wait_line(rf"victim\[127\.0\.0\.1:\d+\]: denied {call}: .*; worker replaced$")
        siege.wait_end(worker)
        equal(net.ask(siege.connect(), b"getpid\n"), b"getpid: done\n")
        siege.check_others()


@test
def making_processes_and_rings_fails_silently():
    siege = Siege("denied.so", "on_violation = kill")
    worker = siege.daemon.worker("victim")
    sock = siege.connect()
    for word, error in (b"fork", b"EPERM"), (b"clone", b"EPERM"), (b"uring", b"ENOSYS"):
        equal(net.ask(sock, word + b"\n"), word + b": " + error + b"\n")
    assert b"done" not in net.ask(sock, b"popen\n"), "there was a process"
    equal(siege.daemon.matches(": denied "), [], "lines about denied calls")
    equal(proc.children(worker), [], "processes of the worker")
    equal(siege.daemon.worker("victim"), worker, "the victim's worker")
    siege.check_others()


@test
def blocked_signals_make_a_denied_call_cost_the_worker_only():
    siege = Siege("denied.so")
    worker = siege.daemon.worker("victim")
    sock = siege.connect()
    sock.sendall(b"blocked\n")
    assert net.is_ended(sock)
    end = siege.wait_end(worker)
    assert "died: Bad system call; in flight: 127.0.0.1:" in end, end
    equal(net.ask(siege.connect(), b"getpid\n"), b"getpid: done\n")
    siege.check_others()


@test
def blocked_signals_do_not_last_beyond_a_connection():
    siege = Siege("denied.so", "max_connections = 1", "on_violation = deny")
    worker = siege.daemon.worker("victim")
    for _ in range(3):
        sock = siege.connect()
        equal(net.ask(sock, b"openat\n"), b"openat: EPERM\n")
        equal(net.ask(sock, b"block\n"), b"block: done\n")
        sock.close()
    siege.check()
    equal(siege.daemon.worker("victim"), worker, "the victim's worker")


# --- what a worker may say

@test
def garbage_for_the_master_costs_the_worker():
    siege = Siege("attack.so")
    worker = siege.daemon.worker("victim")
    siege.connect().sendall(b"garbage\n")
    siege.daemon.wait_line(f"victim: worker {worker} sends nonsense: killed")
    end = siege.wait_end(worker)
    assert "died: Killed" in end, end
    siege.check()
    equal(len(siege.daemon.matches("nonsense")), 1, "lines")


@test
def a_forged_line_stays_one_line_of_its_service():
    siege = Siege("attack.so")
    equal(net.ask(siege.connect(), b"line\n"), b"done\n")
    line = siege.daemon.wait_line("harmless").string
    assert line.startswith("cservd: victim: harmless\\x0acservd: echo-upper: "), line
    assert line.isprintable(), repr(line)
    siege.check()


@test
def forged_messages_of_every_kind_harm_nobody():
    siege = Siege("attack.so")
    for word in b"kinds", b"values", b"kinds":
        sock = siege.connect()
        sock.sendall(word + b"\n")
        net.read_line(sock)
        sock.close()
        siege.check()
    assert all(line.isprintable() for line in siege.daemon.lines()), "control bytes in the log"
    equal([m.string for m in siege.daemon.matches("^cservd: echo-upper")], [],
          "lines about the other service")


@test
def control_bytes_in_a_log_text_are_escaped():
    siege = Siege("attack.so")
    equal(net.ask(siege.connect(), b"control\n"), b"done\n")
    siege.daemon.wait_line("byte 255:")
    equal(len(siege.daemon.matches("byte [0-9]+:")), 255, "lines")
    assert all(line.isprintable() for line in siege.daemon.lines()), "control bytes in the log"
    equal(siege.daemon.matches("^cservd: forged"), [], "forged lines")
    siege.check()


@test
def a_flood_of_log_lines_is_cut_and_counted():
    siege = Siege("attack.so")
    before, start = cpu_seconds(siege.daemon.pid), time.monotonic()
    sock = siege.connect()
    sock.sendall(b"flood\n")
    rounds = 0
    while net.is_silent(sock, 0.05):
        siege.check_others()
        rounds += 1
    equal(net.read_line(sock), b"done\n")
    took = time.monotonic() - start
    used = cpu_seconds(siege.daemon.pid) - before
    print(f"# {took:.1f} s, {used:.2f} s of CPU in the master, {rounds} rounds of the other,",
          f"{os.path.getsize(siege.daemon.log_path) >> 10} KiB of log")
    assert rounds > 3, "the other service was not asked meanwhile"
    assert used < took, f"{used:.1f} s of CPU in {took:.1f} s"
    lines = siege.daemon.matches(r"victim: worker \d+: (\d+) lines suppressed, more than 1000 in ")
    assert sum(int(m.group(1)) for m in lines) > 1000, "suppressed lines are not counted"
    per_second = len(siege.daemon.matches("victim.*: xxx")) / took
    assert per_second < 1500, f"{per_second:.0f} lines a second"
    siege.check()


# --- what a worker may break

@test
def closing_all_descriptors_costs_the_worker():
    siege = Siege("attack.so")
    worker = siege.daemon.worker("victim")
    siege.connect().sendall(b"close\n")
    end = siege.wait_end(worker, knocks=True)
    assert "in flight: 127.0.0.1:" in end, end
    siege.check()


@test
def closing_the_listener_costs_the_worker():
    siege = Siege("attack.so")
    worker = siege.daemon.worker("victim")
    siege.connect().sendall(b"close-listeners\n")
    siege.wait_end(worker, knocks=True)
    siege.daemon.wait_line("victim.*: the plugin closed a descriptor of its worker, which ends")
    siege.check()


@test
def requests_for_targets_that_nobody_named_connect_nobody():
    named = net.free_port()
    siege = Siege("attack.so", f"opt.target = 127.0.0.1:{named}")
    equal(net.ask(siege.connect(), b"connector\n"), b"done\n")
    siege.check()
    equal(siege.daemon.matches("victim.*(died|exited)"), [], "ends of the victim's processes")


@test
def descriptors_run_out_for_the_service_alone():
    siege = Siege("attack.so", "max_connections = 16")
    sock = siege.connect()
    equal(net.ask(sock, b"descriptors\n"), b"done\n")
    siege.check_others()
    siege.connect()
    siege.daemon.wait_line("victim: cannot accept: Too many open files")
    equal(net.ask(sock, b"hello\n"), b"hello\n")


@test
def every_kind_of_end_costs_the_worker():
    siege = Siege("crash.so", "crash_penalty = 1ms")
    for way in b"segv", b"abort", b"exit", b"overflow":
        worker = siege.daemon.worker("victim")
        sock = siege.connect()
        sock.sendall(way + b"\n")
        assert net.is_ended(sock), f"{way} did not end the connection"
        siege.wait_end(worker)
        siege.check()


@test
def a_handler_in_an_endless_loop_keeps_its_thread_only():
    siege = Siege("attack.so", "drain_timeout = 1s")
    siege.connect().sendall(b"spin\n")
    siege.check()
    wait_for(siege.answers, "an answer beside the loop")


@test
def handlers_in_endless_loops_on_all_threads_cost_their_service_only():
    siege = Siege("attack.so", "max_connections = 4", "drain_timeout = 1s")
    for _ in range(4):
        siege.connect().sendall(b"spin\n")
    for _ in range(5):
        siege.check_others()


@test
def a_start_that_dies_is_retried_and_hurts_nobody():
    siege = Siege("attack.so", "opt.start = die", ready=r"victim: worker \d+ died: Aborted")
    siege.daemon.wait_line(r"victim: worker \d+ died: Aborted", count=3)
    before, start = cpu_seconds(siege.daemon.pid), time.monotonic()
    for _ in range(20):
        siege.check_others()
        time.sleep(0.05)
    used, took = cpu_seconds(siege.daemon.pid) - before, time.monotonic() - start
    assert used < 0.2 * took, f"{used:.2f} s of CPU in {took:.2f} s"


@test
def a_start_that_hangs_holds_the_others_up_for_half_a_minute_at_most():
    siege = Siege("attack.so", "opt.start = hang", ready="ready: 1 ")
    siege.check_others()


@test
def leaked_threads_stay_with_their_service():
    siege = Siege("attack.so")
    worker = siege.daemon.worker("victim")
    before = len(proc.threads(worker))
    equal(net.ask(siege.connect(), b"threads\n"), b"done\n")
    assert len(proc.threads(worker)) > before + 500, "there are no threads"
    siege.check()


@test
def leaked_memory_costs_the_worker():
    siege = Siege("attack.so", "max_memory = 64M", "drain_timeout = 1s")
    worker = siege.daemon.worker("victim")
    sock = siege.connect()
    sock.sendall(b"memory\n")
    siege.daemon.wait_line(f"victim: worker {worker} uses more memory than max_memory = 64M")
    siege.check()


@test
def a_violation_costs_the_worker_nothing_but_its_future():
    siege = Siege("denied.so")
    worker = siege.daemon.worker("victim")
    neighbour = siege.connect()
    equal(net.ask(neighbour, b"getpid\n"), b"getpid: done\n")
    sock = siege.connect()
    sock.sendall(b"openat\n")
    assert net.is_ended(sock)
    siege.daemon.wait_line(f"victim: worker {worker} .*: replaced")
    equal(net.ask(neighbour, b"getpid\n"), b"getpid: done\n")
    neighbour.close()
    wait_for(lambda: siege.daemon.worker("victim") != worker, "a successor alone")
    equal(net.ask(siege.connect(), b"getpid\n"), b"getpid: done\n")
    siege.check_others()


run()
