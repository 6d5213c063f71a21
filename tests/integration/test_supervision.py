#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Workers that hang, grow, are tainted or crash for somebody: replaced while the port stays open."""

import os
import signal
import subprocess
import sys
import time

from lib import net, proc
from lib.daemon import BUILD, SOURCE, Daemon, echo, needs_no_tsan, service
from lib.tap import FACTOR, equal, run, test, wait_for


def unruly(port, *keys, protocol="tcp"):
    return service("unruly", f"127.0.0.1:{port}/{protocol}", "unruly.so", *keys)


def denied(port, *keys):
    return service("denied", f"127.0.0.1:{port}/tcp", "denied.so", *keys)


def crash_from(port, source):
    """A connection from this address whose handler crashes; waits for the end of it."""
    sock = net.tcp(port, source=(source, 0))
    sock.sendall(b"crash\n")
    assert net.is_ended(sock)


def is_refused(port, source):
    """True if a connection from this address is closed without an answer."""
    sock = net.tcp(port, source=(source, 0))
    try:
        sock.sendall(b"hello\n")
        return sock.recv(100) == b""
    except ConnectionError:
        return True


def stop(pid):
    """Stops a process and waits until every thread stands still."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(proc.status(pid, tid).get("State", "T")[0] == "T"
                         for tid in proc.threads(pid)), "stop of all threads")


def no_more_than(count, daemon, pattern):
    """Fails if more lines than count match."""
    found = [m.string for m in daemon.matches(pattern)]
    assert len(found) <= count, found


@test
def a_tainted_worker_is_replaced_and_its_other_connections_go_on():
    port = net.free_port()
    daemon = Daemon(denied(port))
    first = daemon.worker("denied")
    calm = net.tcp(port)
    net.ask(calm, b"getpid\n")
    net.tcp(port).sendall(b"openat\n")
    line = daemon.wait_line(r"denied: worker \d+ tried a denied call: replaced").string
    assert f"worker {first} " in line, line
    assert "drain" in line and "for at most 30 s" in line, line
    wait_for(lambda: len(daemon.workers()) == 2, "a successor beside the old worker")
    assert net.ask(net.tcp(port), b"getpid\n"), "the successor does not answer"
    assert net.ask(calm, b"getpid\n"), "a connection of the tainted worker was lost"
    calm.close()
    wait_for(lambda: not proc.is_alive(first), "end of the tainted worker")


@test
def nobody_is_refused_while_a_tainted_worker_is_replaced():
    port = net.free_port()
    daemon = Daemon(denied(port, "log_connections = no"))
    for _ in range(10):
        net.tcp(port).sendall(b"openat\n")
        for _ in range(20):
            with net.tcp(port) as sock:
                assert net.ask(sock, b"getpid\n")
    daemon.wait_line("tried a denied call: replaced", count=5)


def connection_threads(pid):
    return sum(proc.status(pid, tid).get("Name") == "connection" for tid in proc.threads(pid))


@test
def at_most_two_tainted_workers_drain():
    port = net.free_port()
    daemon = Daemon(denied(port), deaths=True)
    oldest = daemon.worker("denied")
    held, before = [], set()
    for number in range(1, 4):
        (worker,) = wait_for(lambda: set(daemon.workers()) - before, "the next worker")
        held.append(net.tcp(port))
        net.ask(held[-1], b"getpid\n")
        net.tcp(port).sendall(b"openat\n")
        daemon.wait_line("tried a denied call: replaced", count=number)
        # Until it has stopped accepting, the next client could still come to this worker.
        wait_for(lambda: connection_threads(worker) <= 1, "one connection thread, or none")
        before.add(worker)
    daemon.wait_line(f"denied: worker {oldest} killed: 2 younger tainted workers drain already")
    wait_for(lambda: not proc.is_alive(oldest), "end of the oldest")
    assert net.is_ended(held[0])
    assert net.ask(held[1], b"getpid\n") and net.ask(held[2], b"getpid\n")
    for sock in held:
        sock.close()


@test
def every_death_names_the_clients_in_flight():
    port = net.free_port()
    daemon = Daemon(service("crash", f"127.0.0.1:{port}/tcp", "crash.so"), deaths=True)
    for way in b"segv", b"abort", b"exit", b"overflow", None:
        worker, held, culprit = daemon.worker("crash"), net.tcp(port), net.tcp(port)
        for sock in held, culprit:
            equal(net.ask(sock, b"hello\n"), b"hello\n")
        if way:
            culprit.sendall(way + b"\n")
        else:
            os.kill(worker, signal.SIGKILL)
        line = daemon.wait_line(f"crash: worker {worker} (died|exited).*; in flight: ").string
        for sock in held, culprit:
            assert f"127.0.0.1:{sock.getsockname()[1]}" in line, (way, line)
            assert net.is_ended(sock)


@test
def a_stopped_worker_is_replaced_within_two_hang_timeouts():
    port = net.free_port()
    daemon = Daemon(echo(port, "hang_timeout = 1s", "drain_timeout = 1s"), deaths=True)
    worker = daemon.worker("echo-upper")
    held = net.tcp(port)
    net.ask(held, b"mine\n")
    stop(worker)
    began = time.monotonic()
    equal(net.ask(net.tcp(port), b"hello\n"), b"HELLO\n")
    took = time.monotonic() - began
    assert took < 2.2 * FACTOR, f"it took {took:.1f} s"
    daemon.wait_line(f"echo-upper: worker {worker} gave no sign of life for 1s: replaced; "
                     "1 connection drains for at most 1 s")
    wait_for(lambda: not proc.is_alive(worker), "its end")
    assert net.is_ended(held)
    equal(net.ask(net.tcp(port), b"hello\n"), b"HELLO\n")


@test
def an_idle_worker_that_is_stopped_is_noticed_at_the_next_client():
    port = net.free_port()
    daemon = Daemon(echo(port, "hang_timeout = 1s", "drain_timeout = 1s"), deaths=True)
    worker = daemon.worker("echo-upper")
    stop(worker)
    began = time.monotonic()
    equal(net.ask(net.tcp(port), b"hello\n"), b"HELLO\n")
    took = time.monotonic() - began
    assert took < 2.2 * FACTOR, f"it took {took:.1f} s"
    wait_for(lambda: not proc.is_alive(worker), "its end")


def switches(pid):
    """How often the threads of a process gave up the processor by themselves."""
    return sum(int(proc.status(pid, tid).get("voluntary_ctxt_switches", 0))
               for tid in proc.threads(pid))


@test
def an_idle_service_wakes_nobody():
    needs_no_tsan("has a thread that wakes ten times a second")
    port = net.free_port()
    daemon = Daemon(echo(port, "hang_timeout = 100ms", "max_memory = 64M", "max_duration = 1m"))
    worker = daemon.worker("echo-upper")
    sock = net.tcp(port)
    equal(net.ask(sock, b"hello\n"), b"HELLO\n")
    sock.close()
    daemon.wait_line("closed")
    family = daemon.pid, worker

    def is_asleep():
        before = [switches(pid) for pid in family]
        time.sleep(1)               # a time in which nothing should happen
        return [switches(pid) for pid in family] == before
    wait_for(is_asleep, "a second without a wake-up")


@test
def a_busy_worker_is_not_taken_for_a_hung_one():
    port = net.free_port()
    daemon = Daemon(echo(port, "hang_timeout = 200ms"))
    worker = daemon.worker("echo-upper")
    sock = net.tcp(port)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        equal(net.ask(sock, b"hello\n"), b"HELLO\n")
    equal(daemon.worker("echo-upper"), worker)
    no_more_than(0, daemon, "replaced")


@test
def a_handler_that_does_not_return_after_its_limit_costs_the_worker():
    port = net.free_port()
    daemon = Daemon(unruly(port, "max_duration = 1s", "hang_timeout = 1s", "drain_timeout = 1s"))
    worker = daemon.worker("unruly")
    net.tcp(port).sendall(b"spin\n")
    daemon.wait_line(f"unruly: worker {worker} has a handler that does not return: replaced")
    equal(net.ask(net.tcp(port), b"hello\n"), b"hello done\n")
    wait_for(lambda: not proc.is_alive(worker), "its end")


@test
def a_datagram_handler_that_does_not_return_costs_the_worker():
    port = net.free_port()
    daemon = Daemon(unruly(port, "hang_timeout = 1s", "drain_timeout = 1s", protocol="udp"))
    worker = daemon.worker("unruly")
    net.udp(port).send(b"spin")
    daemon.wait_line(f"unruly: worker {worker} has a handler that does not return: replaced")
    equal(net.ask(net.udp(port), b"hello"), b"hello")
    wait_for(lambda: not proc.is_alive(worker), "its end")
    daemon.wait_line("unruly: 1 handler did not return when it was cut$")


@test
def a_worker_that_grows_is_replaced_and_nobody_notices():
    port = net.free_port()
    daemon = Daemon(unruly(port, "max_memory = 16M", "drain_timeout = 20s"))
    worker = daemon.worker("unruly")
    held = net.tcp(port)
    equal(net.ask(held, b"eat 8\n"), b"eat 8 done\n")
    equal(net.ask(held, b"eat 40\n"), b"eat 40 done\n")
    daemon.wait_line(f"unruly: worker {worker} uses more memory than max_memory = 16M: replaced; "
                     "1 connection drains for at most 20 s")
    wait_for(lambda: len(daemon.workers()) == 2, "a successor")
    equal(net.ask(net.tcp(port), b"hello\n"), b"hello done\n")
    equal(net.ask(held, b"still\n"), b"still done\n")
    held.close()
    wait_for(lambda: not proc.is_alive(worker), "end of the old worker")


@test
def a_worker_within_max_memory_stays():
    needs_no_tsan("takes memory of its own for each byte")
    port = net.free_port()
    daemon = Daemon(unruly(port, "max_memory = 32M"))
    worker = daemon.worker("unruly")
    held = net.tcp(port)
    equal(net.ask(held, b"eat 20\n"), b"eat 20 done\n")
    time.sleep(2.5)                 # two looks, at which nothing should happen
    equal(net.ask(held, b"hello\n"), b"hello done\n")
    equal(daemon.worker("unruly"), worker)


@test
def max_memory_has_a_hard_end():
    port = net.free_port()
    daemon = Daemon(unruly(port, "max_memory = 1M", "max_connections = 4"))
    limit = None
    with open(f"/proc/{daemon.worker('unruly')}/limits") as file:
        limit = [line.split()[3] for line in file if line.startswith("Max data size")][0]
    if limit == "unlimited":
        return                      # a sanitizer counts its shadow
    equal(int(limit), (1 + 1 + 64) * 1024 * 1024)
    equal(net.ask(net.tcp(port), b"eat 500\n"), b"eat 500 failed\n")


@test
def a_source_in_flight_at_three_crashes_is_refused_for_a_while():
    port = net.free_port()
    daemon = Daemon(unruly(port, "crash_penalty = 2s"), deaths=True)
    for _ in range(3):
        crash_from(port, "127.0.0.2")
    daemon.wait_line("unruly: 127.0.0.2 was in flight at 3 crashes in a row: refused for 2s")
    assert is_refused(port, "127.0.0.2")
    assert is_refused(port, "127.0.0.2")
    equal(net.ask(net.tcp(port, source=("127.0.0.3", 0)), b"hello\n"), b"hello done\n")
    daemon.wait_line(r"unruly\[127.0.0.2:\d+\]: refused: crash penalty for another [12] s")
    wait_for(lambda: not is_refused(port, "127.0.0.2"), "end of the penalty")
    no_more_than(1, daemon, "refused: crash penalty")


@test
def a_penalty_is_for_one_service_and_for_its_datagrams_too():
    port, other = net.free_port(), net.free_port()
    daemon = Daemon(service("unruly", f"127.0.0.1:{port}/tcp 127.0.0.1:{port}/udp", "unruly.so",
                            "crash_penalty = 1h") + echo(other), deaths=True)
    for _ in range(3):
        crash_from(port, "127.0.0.2")
    daemon.wait_line("127.0.0.2 was in flight at 3 crashes")
    assert is_refused(port, "127.0.0.2")
    sock = net.udp(port, source=("127.0.0.2", 0))
    sock.send(b"hello")
    assert net.is_silent(sock)
    equal(net.ask(net.udp(port), b"hello"), b"hello")
    with net.tcp(other, source=("127.0.0.2", 0)) as sock:
        equal(net.ask(sock, b"hello\n"), b"HELLO\n")
    daemon.stop()
    daemon.wait_line(r"unruly: datagrams: 2 in, 1 out, dropped 1: penalty")


@test
def workers_killed_from_outside_are_nobodys_fault():
    port = net.free_port()
    daemon = Daemon(echo(port), deaths=True)
    for _ in range(4):
        sock = net.tcp(port, source=("127.0.0.2", 0))
        equal(net.ask(sock, b"hello\n"), b"HELLO\n")
        os.kill(daemon.worker("echo-upper"), signal.SIGKILL)
        assert net.is_ended(sock)
    equal(net.ask(net.tcp(port, source=("127.0.0.2", 0)), b"hello\n"), b"HELLO\n")


@test
def a_broken_listener_is_restored_at_once():
    port = net.free_port()
    daemon = Daemon(unruly(port, "sandbox = none"))
    for number in range(1, 4):
        sock = net.tcp(port)
        net.ask(sock, b"shut\n")
        sock.close()
        daemon.wait_line(f"127.0.0.1:{port}/tcp no longer listened after a worker changed it: "
                         "restored", count=number)
        equal(net.ask(net.tcp(port), b"hello\n"), b"hello done\n")


@test
def the_blocking_mode_of_a_listener_is_restored_after_a_death():
    port = net.free_port()
    daemon = Daemon(unruly(port, "sandbox = none"), deaths=True)
    sock = net.tcp(port)
    equal(net.ask(sock, b"unblock\n"), b"unblock done\n")
    sock.sendall(b"crash\n")
    daemon.wait_line("had another blocking mode after a worker changed it: restored")
    equal(net.ask(net.tcp(port), b"hello\n"), b"hello done\n")


@test
def a_sandboxed_plugin_cannot_break_its_listener():
    port = net.free_port()
    daemon = Daemon(unruly(port))
    net.tcp(port).sendall(b"shut\n")
    daemon.wait_line("denied shutdown")
    equal(net.ask(net.tcp(port), b"hello\n"), b"hello done\n")
    no_more_than(0, daemon, "restored")


@test
def nothing_outlives_a_master_that_is_killed():
    ports = net.free_port(), net.free_port(), net.free_port()
    target = f"opt.target = 127.0.0.1:{ports[0]}"
    daemon = Daemon(echo(ports[0]) + service("relay", f"127.0.0.1:{ports[1]}/tcp", "relay.so",
                                             target)
                    + service("each", f"127.0.0.1:{ports[2]}/tcp", "echo_upper.so",
                              "concurrency = process"), deaths=True)
    socks = [net.tcp(port) for port in ports[1:]]
    for sock in socks:              # a connector, and a process for a connection
        equal(net.ask(sock, b"hello\n"), b"HELLO\n")
    family = daemon.workers()
    assert len(family) >= 4, family
    daemon.kill(signal.SIGKILL)
    daemon.wait_exit()
    wait_for(lambda: not any(map(proc.is_alive, family)), "end of all processes", 1)
    assert all(net.is_ended(sock) for sock in socks)


@test
def a_stopped_master_takes_nobody_for_hung_when_it_goes_on():
    port = net.free_port()
    daemon = Daemon(echo(port, "hang_timeout = 200ms"))
    worker = daemon.worker("echo-upper")
    sock = net.tcp(port)
    equal(net.ask(sock, b"hello\n"), b"HELLO\n")
    for pid in daemon.pid, worker:
        stop(pid)
    time.sleep(1)                   # five times the limit
    for pid in daemon.pid, worker:
        os.kill(pid, signal.SIGCONT)
    for _ in range(50):
        equal(net.ask(sock, b"hello\n"), b"HELLO\n")
        time.sleep(0.01)
    equal(daemon.worker("echo-upper"), worker)


@test
def deaths_cost_nobody_else_anything():
    bench = os.path.join(SOURCE, "tests/bench/deaths")
    done = subprocess.run([sys.executable, bench, "--deaths", "8", "--services", "4", "--seconds",
                           "0", "--build", BUILD], stdout=subprocess.PIPE, check=True,
                          timeout=60 * FACTOR)
    said = done.stdout.decode()
    for line in ("deaths, at least 1 s apart: 8\n", ", lost 0\n", "connects refused: 0\n",
                 "queued connections lost: 0\n"):
        assert line in said, said


@test
def a_worker_killed_while_it_drains_is_not_started_twice():
    port = net.free_port()
    daemon = Daemon(denied(port), deaths=True)
    first = daemon.worker("denied")
    held = net.tcp(port)
    net.ask(held, b"getpid\n")
    net.tcp(port).sendall(b"openat\n")
    daemon.wait_line("replaced")
    wait_for(lambda: len(daemon.workers()) == 2, "the successor")
    os.kill(first, signal.SIGKILL)
    assert net.is_ended(held)
    assert net.ask(net.tcp(port), b"getpid\n")
    equal(len(daemon.workers()), 1, "workers")


run()
