#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reloading by SIGHUP: what changes, what must not, and what refuses it."""

import os
import shutil
import signal
import socket
import time

from lib import net, proc, tap
from lib.daemon import Daemon, configuration, echo, plugin, service
from lib.steady import with_clients
from lib.tap import equal, run, test, wait_for

REFUSED = "reload refused: nothing changed$"


def crash(port, *keys):
    return service("crash", f"127.0.0.1:{port}/tcp", "crash.so", *keys)


def options(port, *keys):
    return service("options", f"127.0.0.1:{port}/tcp", "options.so", *keys)


def late(port, delay):
    return service("late", f"127.0.0.1:{port}/tcp", "late.so", f"opt.delay = {delay}")


def reload(daemon, ini, counts=None):
    """Reloads with another configuration, which has to be accepted."""
    verdict = "(reloaded: |reload refused).*$"
    before = len(daemon.matches(verdict))
    configuration(ini)
    daemon.kill(signal.SIGHUP)
    line = daemon.wait_line(verdict, before + 1).group()
    if counts:
        equal(line, "reloaded: {} changed, {} added, {} removed, {} unchanged".format(*counts))
    assert line.startswith("reloaded: "), line


def refuse(daemon, ini, *reasons):
    """Reloads with a configuration that has to be refused, for these reasons."""
    before = len(daemon.matches(REFUSED))
    configuration(ini)
    daemon.kill(signal.SIGHUP)
    daemon.wait_line(REFUSED, before + 1)
    for reason in reasons:
        assert daemon.matches(reason), f"no line {reason!r}"
    equal(len(daemon.matches("reloaded: ")), 0, "number of accepted reloads")


def ask_anew(port, request):
    """The answer to a line on a connection of its own."""
    with net.tcp(port) as sock:
        return net.ask(sock, request)


def fds(pid):
    """What a process has open, without numbers that differ by chance."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@test
def an_unchanged_service_is_not_touched():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(echo(ports[0]) + crash(ports[1]))
    worker = daemon.worker("echo-upper")
    reload(daemon, "; a comment moves every line\n" + crash(ports[1]) +
           echo(ports[0], "max_connections = 256"), (0, 0, 0, 2))
    equal(daemon.worker("echo-upper"), worker, "worker")
    equal(ask_anew(ports[0], b"still\n"), b"STILL\n")


@test
def a_changed_option_takes_effect():
    port = net.free_port()
    daemon = Daemon(options(port, "opt.text = before"))
    assert b"text=before" in net.read_line(net.tcp(port))
    reload(daemon, options(port, "opt.text = after"), (1, 0, 0, 0))
    assert b"text=after" in net.read_line(net.tcp(port))


@test
def an_open_connection_ends_on_the_old_plugin():
    port = net.free_port()
    daemon = Daemon(echo(port, "opt.case = ascii", "drain_timeout = 1s"))
    old = daemon.worker("echo-upper")
    sock = net.tcp(port)
    equal(net.ask(sock, "é\n".encode()), "é\n".encode())
    reload(daemon, echo(port, "opt.case = unicode", "drain_timeout = 1s"))
    equal(ask_anew(port, "é\n".encode()), "É\n".encode())
    time.sleep(1.5)             # a drain with a limit would be over
    equal(net.ask(sock, "old é\n".encode()), "OLD é\n".encode())
    assert proc.is_alive(old), "the old worker is gone"
    sock.close()
    wait_for(lambda: not proc.is_alive(old), "end of the old worker")


@test
def a_service_is_added_and_one_is_removed():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(echo(ports[0]))
    sock = net.tcp(ports[0])
    equal(net.ask(sock, b"open\n"), b"OPEN\n")
    reload(daemon, crash(ports[1]), (0, 1, 1, 0))
    equal(ask_anew(ports[1], b"new\n"), b"new\n")
    wait_for(lambda: not net.can_connect(ports[0]), "the closed port")
    equal(net.ask(sock, b"goes on\n"), b"GOES ON\n")
    sock.close()
    wait_for(lambda: len(daemon.workers()) == 1, "end of the removed worker")


@test
def a_service_can_be_disabled_and_enabled():
    port = net.free_port()
    daemon = Daemon(echo(port))
    reload(daemon, echo(port, "enabled = no"), (0, 0, 1, 0))
    wait_for(lambda: not net.can_connect(port), "the closed port")
    reload(daemon, echo(port), (0, 1, 0, 0))
    equal(ask_anew(port, b"again\n"), b"AGAIN\n")


@test
def a_port_can_move_to_another_service():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(echo(ports[0]) + crash(ports[1]))
    reload(daemon, echo(ports[1]) + crash(ports[0]), (2, 0, 0, 0))
    equal(ask_anew(ports[1], b"moved\n"), b"MOVED\n")
    equal(ask_anew(ports[0], b"moved\n"), b"moved\n")


@test
def listeners_can_come_and_go():
    ports = net.free_port(), net.free_port()
    both = service("echo-upper", f"127.0.0.1:{ports[0]}/tcp 127.0.0.1:{ports[1]}/tcp",
                   "echo_upper.so")
    daemon = Daemon(echo(ports[0]))
    for _ in range(3):
        reload(daemon, both)
        for port in ports:
            equal(ask_anew(port, b"two\n"), b"TWO\n")
        reload(daemon, echo(ports[1]))
        equal(ask_anew(ports[1], b"one\n"), b"ONE\n")
        wait_for(lambda: not net.can_connect(ports[0]), "the closed port")


@test
def a_udp_port_is_free_again_although_old_connections_go_on():
    port = net.free_port()
    def ini(protocols):
        return service("crash", " ".join(f"127.0.0.1:{port}/{p}" for p in protocols), "crash.so")
    daemon = Daemon(ini(["tcp", "udp"]))
    sock = net.tcp(port)
    equal(net.ask(sock, b"open\n"), b"open\n")
    reload(daemon, ini(["tcp"]), (1, 0, 0, 0))
    reload(daemon, ini(["tcp", "udp"]), (1, 0, 0, 0))
    equal(net.ask(net.udp(port), b"datagram"), b"datagram")
    equal(net.ask(sock, b"goes on\n"), b"goes on\n")
    sock.close()


@test
def the_idle_limit_of_a_listener_changes():
    port = net.free_port()
    daemon = Daemon(echo(port, "idle_timeout = 1h"))
    reload(daemon, echo(port, "idle_timeout = 1s", "backlog = 5"))
    sock = net.tcp(port)
    start = time.monotonic()
    assert net.is_ended(sock)
    seconds = time.monotonic() - start
    assert 0.8 < seconds < 1 + 3 * tap.FACTOR, f"cut after {seconds:.3f} s"
    reload(daemon, echo(port, "idle_timeout = unlimited"))
    assert net.is_silent(net.tcp(port), 1.5), "there still is a limit"


@test
def a_wrong_file_is_refused_with_all_errors():
    port = net.free_port()
    daemon = Daemon(echo(port))
    worker = daemon.worker("echo-upper")
    refuse(daemon, echo(port, "backlog = none", "colour = red"),
           r"cservd\.ini:6: .*backlog", r"cservd\.ini:7: unknown key .colour")
    equal(daemon.worker("echo-upper"), worker, "worker")
    equal(ask_anew(port, b"still\n"), b"STILL\n")


@test
def a_wrong_option_is_refused():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(echo(ports[0]))
    refuse(daemon, echo(ports[0], "opt.case = strange") + crash(ports[1], "opt.none = 1"),
           r"cservd\.ini:6: .*opt\.case", r"cservd\.ini:10: .*opt\.none")
    assert not net.can_connect(ports[1]), "the new port stayed open"
    equal(ask_anew(ports[0], b"still\n"), b"STILL\n")
    wait_for(lambda: len(daemon.workers()) == 1, "end of the new workers")


@test
def a_wrong_option_of_a_disabled_service_is_refused():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(echo(ports[0]))
    refuse(daemon, echo(ports[0]) + crash(ports[1], "enabled = no", "opt.none = 1"),
           r"opt\.none")


@test
def a_missing_plugin_is_refused():
    port = net.free_port()
    daemon = Daemon(echo(port))
    refuse(daemon, echo(port) + service("gone", "7/tcp", "/nowhere/gone.so"),
           "handler ./nowhere/gone.so.*No such file")


@test
def a_port_in_use_is_refused():
    ports = net.free_port(), net.free_port()
    taken = socket.create_server((net.LOOPBACK, 0))
    tap.current().on_exit(taken.close)
    daemon = Daemon(echo(ports[0]))
    refuse(daemon, echo(ports[0], "backlog = 7") + crash(taken.getsockname()[1]) +
           options(ports[1]), "crash: .*Address already in use$")
    assert not net.can_connect(ports[1]), "the port of another new service stayed open"
    equal(ask_anew(ports[0], b"still\n"), b"STILL\n")


@test
def a_plugin_that_cannot_start_is_refused():
    ports = net.free_port(), net.free_port()
    obstacle = tap.write("obstacle", "")
    daemon = Daemon(echo(ports[0]))
    refuse(daemon, echo(ports[0]) +
           service("stuck", f"127.0.0.1:{ports[1]}/tcp", "start_fails.so",
                   f"opt.obstacle = {obstacle}"), "stuck: .*could not start")
    equal(ask_anew(ports[0], b"still\n"), b"STILL\n")


@test
def a_plugin_that_dies_at_its_start_is_refused():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(echo(ports[0]), deaths=True)
    for step in "config", "start":
        refuse(daemon, echo(ports[0], "backlog = 7") +
               service("hooks", f"127.0.0.1:{ports[1]}/tcp", "hooks.so", f"opt.crash = {step}"),
               "hooks: worker .* died")
    equal(ask_anew(ports[0], b"still\n"), b"STILL\n")
    wait_for(lambda: len(daemon.workers()) == 1, "end of the new workers")


@test
def a_refused_reload_can_be_mended():
    port = net.free_port()
    daemon = Daemon(options(port, "opt.text = before"))
    refuse(daemon, options(port, "opt.number = 77"))
    reload(daemon, options(port, "opt.text = after"), (1, 0, 0, 0))
    assert b"text=after" in net.read_line(net.tcp(port))


def exchange(path, name):
    """Overwrites a plugin in place by another one."""
    with open(plugin(name), "rb") as new, open(path, "r+b") as old:
        old.truncate(0)
        shutil.copyfileobj(new, old)


@test
def a_plugin_overwritten_in_place_changes_nothing_until_reload():
    port = net.free_port()
    file = tap.path("own.so")
    shutil.copyfile(plugin("crash.so"), file)
    os.chmod(file, 0o644)
    ini = service("own", f"127.0.0.1:{port}/tcp", file)
    daemon = Daemon(ini, deaths=True)
    sock = net.tcp(port)
    equal(net.ask(sock, b"old\n"), b"old\n")
    exchange(file, "echo_upper.so")
    equal(net.ask(sock, b"still old\n"), b"still old\n")
    sock.sendall(b"segv\n")
    daemon.wait_line("own: worker .* (died|exited)")
    equal(ask_anew(port, b"old again\n"), b"old again\n")
    reload(daemon, ini, (1, 0, 0, 0))
    equal(ask_anew(port, b"new\n"), b"NEW\n")
    reload(daemon, ini, (0, 0, 0, 1))


@test
def a_plugin_cut_short_changes_nothing():
    port = net.free_port()
    file = tap.path("own.so")
    shutil.copyfile(plugin("crash.so"), file)
    os.chmod(file, 0o644)
    ini = service("own", f"127.0.0.1:{port}/tcp", file)
    daemon = Daemon(ini, deaths=True)
    os.truncate(file, 0)
    equal(ask_anew(port, b"serves\n"), b"serves\n")
    net.tcp(port).sendall(b"abort\n")
    daemon.wait_line("own: worker .* (died|exited)")
    equal(ask_anew(port, b"serves\n"), b"serves\n")
    refuse(daemon, ini, "own.so")
    equal(ask_anew(port, b"serves\n"), b"serves\n")


def ask_once(port):
    with socket.create_connection((net.LOOPBACK, port), 10 * tap.FACTOR) as sock:
        sock.sendall(b"a line\n")
        sock.shutdown(socket.SHUT_WR)
        equal(net.read_all(sock), b"A LINE\n")


@test
def twenty_reloads_lose_no_connection():
    port = net.free_port()
    inis = [echo(port, "opt.case = ascii", "log_connections = no", "idle_timeout = 3m"),
            echo(port, "opt.case = unicode", "log_connections = no", "backlog = 4000")]
    daemon = Daemon(inis[0])

    def reload_often():
        for i in range(20):
            reload(daemon, inis[(i + 1) % 2], (1, 0, 0, 0))

    with_clients([lambda: ask_once(port)] * 4, reload_often)
    wait_for(lambda: len(daemon.workers()) == 1, "end of the old workers")


@test
def reloads_lose_no_datagram():
    port = net.free_port()
    def ini(case):
        return service("echo-upper", f"127.0.0.1:{port}/udp", "echo_upper.so",
                       f"opt.case = {case}")
    daemon = Daemon(ini("ascii"))
    sock = net.udp(port)

    def reload_often():
        for case in ["unicode", "ascii"] * 5:
            reload(daemon, ini(case), (1, 0, 0, 0))

    with_clients([lambda: equal(net.ask(sock, b"a datagram"), b"A DATAGRAM")], reload_often)


@test
def reloads_leave_nothing_behind():
    ports = net.free_port(), net.free_port()
    inis = [echo(ports[0], f"backlog = {n}") + crash(ports[1]) for n in (7, 8)]
    daemon = Daemon(inis[0])
    counts = []
    for i in range(6):
        reload(daemon, inis[(i + 1) % 2], (1, 0, 0, 1))
        wait_for(lambda: len(daemon.workers()) == 2, "end of the old worker")
        counts.append(fds(daemon.pid))
    equal(len(set(counts[1:])), 1, f"how many numbers of descriptors there were ({counts})")


@test
def a_sighup_during_a_reload_runs_after_it():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(options(ports[0], "opt.text = a"))
    configuration(options(ports[0], "opt.text = b") + late(ports[1], "1s"))
    daemon.kill(signal.SIGHUP)
    daemon.wait_line("reloading$")
    wait_for(lambda: len(daemon.workers()) == 3, "the successors")
    configuration(options(ports[0], "opt.text = c") + late(ports[1], "1s"))
    daemon.kill(signal.SIGHUP)
    daemon.kill(signal.SIGHUP)
    daemon.wait_line("reloaded: 1 changed, 1 added, 0 removed, 0 unchanged")
    daemon.wait_line("reloaded: 1 changed, 0 added, 0 removed, 1 unchanged")
    assert b"text=c" in net.read_line(net.tcp(ports[0]))


@test
def a_sighup_during_the_start_runs_after_it():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(late(ports[0], "1s"), wait=False)
    wait_for(daemon.workers, "a worker")
    time.sleep(0.2)             # until the signals are taken, SIGHUP ends it
    configuration(late(ports[0], "1s") + echo(ports[1]))
    daemon.kill(signal.SIGHUP)
    daemon.wait_ready()
    daemon.wait_line("reloaded: 0 changed, 1 added, 0 removed, 1 unchanged")
    equal(ask_anew(ports[1], b"new\n"), b"NEW\n")


@test
def sigterm_during_a_reload_stops_everything():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(echo(ports[0]))
    sock = net.tcp(ports[0])
    equal(net.ask(sock, b"open\n"), b"OPEN\n")
    configuration(echo(ports[0], "backlog = 7") + late(ports[1], "20s") +
                  crash(net.free_port(), "enabled = no"))
    daemon.kill(signal.SIGHUP)
    daemon.wait_line("reloading$")
    wait_for(lambda: len(daemon.workers()) >= 3, "the successors")
    daemon.kill()
    daemon.wait_line("stopping: 1 connection open")
    equal(net.ask(sock, b"drains\n"), b"DRAINS\n")
    sock.close()
    daemon.stop(seconds=10)


@test
def a_stop_ends_old_workers_after_their_drain_timeout():
    port = net.free_port()
    daemon = Daemon(echo(port, "drain_timeout = 1s"))
    sock = net.tcp(port)
    equal(net.ask(sock, b"open\n"), b"OPEN\n")
    reload(daemon, echo(port, "drain_timeout = 2s"))
    daemon.kill()
    daemon.wait_line("stopping: 1 connection open, at most 1 s")
    assert net.is_ended(sock)
    equal(daemon.wait_exit(), 0, "exit status")


@test
def the_log_level_changes():
    port = net.free_port()
    daemon = Daemon(echo(port))
    ask_anew(port, b"logged\n")
    daemon.wait_line("echo-upper.*: closed by client")
    old = daemon.worker("echo-upper")
    configuration("[cservd]\nlog_level = warning\n" + echo(port))
    daemon.kill(signal.SIGHUP)
    wait_for(lambda: not proc.is_alive(old), "end of the old worker")
    ask_anew(port, b"not logged\n")
    reload(daemon, "[cservd]\nlog_level = debug\n" + echo(port))
    ask_anew(port, b"logged again\n")
    daemon.wait_line("echo-upper.*: closed by client", 2)
    equal(len(daemon.matches("reloading$")), 1, "lines at the level \"warning\" and before")


@test
def the_manager_is_told_of_a_reload():
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    tap.current().on_exit(sock.close)
    sock.bind(tap.path("notify"))
    os.chmod(tap.path("notify"), 0o777)
    sock.settimeout(tap.WAIT_SECONDS * tap.FACTOR)
    port = net.free_port()
    os.environ["NOTIFY_SOCKET"] = tap.path("notify")
    try:
        daemon = Daemon(echo(port))
    finally:
        del os.environ["NOTIFY_SOCKET"]
    assert b"READY=1" in sock.recv(4096)
    before = time.monotonic_ns() // 1000
    reload(daemon, echo(port, "backlog = 7"))
    lines = sock.recv(4096).split(b"\n")
    equal(lines[0], b"RELOADING=1")
    stamp = int(lines[1].removeprefix(b"MONOTONIC_USEC="))
    assert before <= stamp <= time.monotonic_ns() // 1000, f"{stamp} is not a time of the reload"
    assert b"READY=1" in sock.recv(4096)
    configuration(echo(port, "backlog = none"))
    daemon.kill(signal.SIGHUP)
    daemon.wait_line(REFUSED)
    assert b"RELOADING=1" in sock.recv(4096)
    assert b"READY=1" in sock.recv(4096)


@test
def workers_that_die_after_a_reload_are_replaced_by_new_ones():
    port = net.free_port()
    daemon = Daemon(crash(port), deaths=True)
    reload(daemon, crash(port, "backlog = 7"))
    with net.tcp(port) as sock:
        sock.sendall(b"segv\n")
        assert net.is_ended(sock)
    daemon.wait_line(r"crash: worker \d+ (died|exited)")   # a sanitizer takes its time
    equal(ask_anew(port, b"lives\n"), b"lives\n")


run()
