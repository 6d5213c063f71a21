#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A worker that dies is replaced; its port stays open and nobody else notices."""

import os
import signal
import threading

from lib import net, proc
from lib.daemon import Daemon, echo, service
from lib.tap import equal, run, test, wait_for


def crash(port, *keys):
    return service("crash", f"127.0.0.1:{port}/tcp", "crash.so", *keys)


@test
def every_kind_of_crash_is_survived():
    port = net.free_port()
    daemon = Daemon(crash(port), deaths=True)
    for way in b"segv", b"abort", b"exit", b"overflow":
        worker = daemon.worker("crash")
        sock = net.tcp(port)
        sock.sendall(way + b"\n")
        assert net.is_ended(sock), f"{way} did not end the connection"
        wait_for(lambda: proc.is_reaped(worker), f"end of the worker after {way}")
        equal(net.ask(net.tcp(port), b"back\n"), b"back\n")


@test
def a_crash_is_logged_with_its_signal_and_the_peers_in_flight():
    port = net.free_port()
    daemon = Daemon(crash(port), deaths=True)
    sock = net.tcp(port)
    source = f"127.0.0.1:{sock.getsockname()[1]}"
    net.ask(sock, b"hello\n")
    sock.sendall(b"abort\n")
    line = daemon.wait_line(r"crash: .*(killed|died|ended).*").string
    assert "SIGABRT" in line or "Aborted" in line or "signal 6" in line, line
    daemon.wait_line(source.replace(".", r"\."))


@test
def an_exit_in_a_handler_is_a_crash():
    port = net.free_port()
    daemon = Daemon(crash(port), deaths=True)
    net.tcp(port).sendall(b"exit\n")
    daemon.wait_line("crash: worker .* exited with status .*; replaced$")
    equal(net.ask(net.tcp(port), b"back\n"), b"back\n")


@test
def a_killed_worker_is_replaced():
    port = net.free_port()
    daemon = Daemon(echo(port), deaths=True)
    worker = daemon.worker("echo-upper")
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: proc.is_reaped(worker), "its end")
    equal(net.ask(net.tcp(port), b"back\n"), b"BACK\n")
    assert daemon.worker("echo-upper") != worker


@test
def the_port_stays_open_while_workers_die():
    port = net.free_port()
    daemon = Daemon(echo(port, "log_connections = no"), deaths=True)
    stop = threading.Event()
    failures = []

    def connect():
        while not stop.is_set():
            try:
                net.socket.create_connection((net.LOOPBACK, port), 20).close()
            except OSError as error:
                failures.append(error)
    threads = [threading.Thread(target=connect) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            worker = daemon.worker("echo-upper")
            equal(net.ask(net.tcp(port), b"alive\n"), b"ALIVE\n")
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda: proc.is_reaped(worker), "its end")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    equal(failures, [], "failed connections")
    equal(net.ask(net.tcp(port), b"alive\n"), b"ALIVE\n")


@test
def queued_connections_survive_a_worker():
    port = net.free_port()
    daemon = Daemon(echo(port, "max_connections = 1"), deaths=True)
    first = net.tcp(port)
    net.ask(first, b"mine\n")
    queued = [net.tcp(port) for _ in range(20)]
    for sock in queued:
        sock.sendall(b"queued\n")
    os.kill(daemon.worker("echo-upper"), signal.SIGKILL)
    assert net.is_ended(first)
    for sock in queued:
        equal(net.read_line(sock), b"QUEUED\n")
        sock.close()


@test
def a_crash_does_not_touch_other_services():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(crash(ports[0]) + echo(ports[1]), deaths=True)
    other = daemon.worker("echo-upper")
    sock = net.tcp(ports[1])
    for _ in range(5):
        victim = net.tcp(ports[0])
        victim.sendall(b"segv\n")
        assert net.is_ended(victim)
        equal(net.ask(sock, b"untouched\n"), b"UNTOUCHED\n")
    equal(daemon.worker("echo-upper"), other, "its worker")


@test
def a_plugin_that_crashes_at_start_backs_off_and_others_serve():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(service("hooks", f"127.0.0.1:{ports[0]}/tcp", "hooks.so",
                            "opt.crash = start") + echo(ports[1]), wait=False, deaths=True)
    wait_for(lambda: net.can_connect(ports[1]), "the port of the other service")
    equal(net.ask(net.tcp(ports[1]), b"calm\n"), b"CALM\n")
    daemon.wait_line(r"hooks: .*(SIGABRT|Aborted|signal 6)", count=4)
    seen = len(daemon.matches(r"hooks: .*(SIGABRT|Aborted|signal 6)"))
    assert net.is_silent(net.tcp(ports[1]), 2)      # two seconds in which nothing should happen
    more = len(daemon.matches(r"hooks: .*(SIGABRT|Aborted|signal 6)")) - seen
    assert more <= 10, f"{more} more crashes within two seconds"


@test
def a_crash_in_the_stop_hook_does_not_hinder_the_stop():
    port = net.free_port()
    daemon = Daemon(service("hooks", f"127.0.0.1:{port}/tcp", "hooks.so", "opt.crash = stop"),
                    deaths=True)
    net.read_line(net.tcp(port))
    daemon.stop()


@test
def repeated_crashes_under_load_lose_only_their_own_connections():
    port = net.free_port()
    daemon = Daemon(crash(port, "log_connections = no"), deaths=True)
    lost = 0
    for number in range(20):
        sock = net.tcp(port)
        if number % 4 == 3:
            sock.sendall(b"segv\n")
            assert net.is_ended(sock)
            continue
        try:
            lost += net.ask(sock, b"fine\n") != b"fine\n"
        except ConnectionError:
            lost += 1           # the dying worker had accepted it already
    assert lost <= 5, f"{lost} of 15 connections were lost with 5 crashes"
    daemon.worker("crash")


run()
