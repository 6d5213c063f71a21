#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The thread pool: it grows with its clients up to max_connections, and shrinks again."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

from lib import net, proc
from lib.daemon import Daemon, echo, service
from lib.tap import equal, run, test, wait_for

FEW = 16        # threads of an idle worker, at most: the pool's spares and its own


def serve_many(port, clients, lines=5):
    """All clients at once, each with several lines; returns how many got the right answers."""
    def one(number):
        sock = net.tcp(port)
        for line in range(lines):
            text = b"client %d line %d\n" % (number, line)
            equal(net.ask(sock, text), text.upper())
        sock.close()
        return True
    with ThreadPoolExecutor(max_workers=clients) as pool:
        return sum(pool.map(one, range(clients)))


@test
def two_hundred_clients_at_once_are_served():
    port = net.free_port()
    Daemon(echo(port, "max_connections = 256"))
    equal(serve_many(port, 200), 200, "clients served")


@test
def two_hundred_connections_are_open_at_once():
    port = net.free_port()
    Daemon(echo(port, "max_connections = 256"))
    socks = [net.tcp(port) for _ in range(200)]
    for sock in socks:
        equal(net.ask(sock, b"first\n"), b"FIRST\n")
    random.shuffle(socks)
    for sock in socks:
        equal(net.ask(sock, b"second\n"), b"SECOND\n")


@test
def clients_beyond_max_connections_wait_and_are_served():
    port = net.free_port()
    Daemon(echo(port, "max_connections = 64"))
    equal(serve_many(port, 300), 300, "clients served")


@test
def a_client_beyond_max_connections_waits_until_one_leaves():
    port = net.free_port()
    Daemon(echo(port, "max_connections = 3"))
    socks = [net.tcp(port) for _ in range(3)]
    for sock in socks:
        equal(net.ask(sock, b"in\n"), b"IN\n")
    waiting = net.tcp(port)
    waiting.sendall(b"me too\n")
    assert net.is_silent(waiting), "a fourth connection was served, or refused"
    socks.pop().close()
    equal(net.read_line(waiting), b"ME TOO\n")


@test
def one_connection_at_a_time_is_possible():
    port = net.free_port()
    Daemon(echo(port, "max_connections = 1"))
    equal(serve_many(port, 20), 20, "clients served")


@test
def clients_wait_while_descriptors_are_short():
    port = net.free_port()
    daemon = Daemon(echo(port, "max_connections = 256"),
                    prefix=["sh", "-c", 'ulimit -n 48; exec "$@"', "sh"])
    daemon.wait_line("max_connections needs up to .* open files, but the hard limit is 48")
    socks = [net.tcp(port) for _ in range(100)]
    for sock in socks:
        sock.sendall(b"patient\n")
    daemon.wait_line("cannot accept: Too many open files")
    for sock in socks:
        equal(net.read_line(sock), b"PATIENT\n")
        sock.close()


@test
def several_listeners_share_one_pool():
    ports = [net.free_port() for _ in range(3)]
    Daemon(service("echo-upper", " ".join(f"127.0.0.1:{p}/tcp" for p in ports), "echo_upper.so",
                   "max_connections = 8"))
    with ThreadPoolExecutor(max_workers=3) as pool:
        equal(sum(pool.map(lambda port: serve_many(port, 40), ports)), 120, "clients served")


@test
def threads_grow_with_clients_and_shrink_again():
    port = net.free_port()
    daemon = Daemon(echo(port, "max_connections = 256"))
    worker = daemon.worker("echo-upper")
    before = len(proc.threads(worker))
    assert before <= FEW, f"{before} threads before the first client"
    socks = [net.tcp(port) for _ in range(100)]
    for sock in socks:
        net.ask(sock, b"hello\n")
    assert len(proc.threads(worker)) >= 100, "there is no thread for each connection"
    for sock in socks:
        sock.close()
    wait_for(lambda: len(proc.threads(worker)) <= FEW, f"at most {FEW} threads", 40)
    equal(serve_many(port, 50), 50, "clients served afterwards")


@test
def clients_that_come_while_the_pool_shrinks_find_a_thread():
    port = net.free_port()
    daemon = Daemon(echo(port, "max_connections = 400"))
    worker = daemon.worker("echo-upper")
    for _ in range(3):
        crowd = [net.tcp(port) for _ in range(200)]
        for sock in crowd:
            equal(net.ask(sock, b"hello\n"), b"HELLO\n")
        for sock in crowd:
            sock.close()
        most = proc.thread_count(worker)
        deadline = time.monotonic() + 40
        while proc.thread_count(worker) > most - 5:     # at once: they leave within milliseconds
            assert time.monotonic() < deadline, "no idle thread left"
        held = [net.tcp(port) for _ in range(12)]
        for sock in held:
            equal(net.ask(sock, b"me\n"), b"ME\n", "answer to a client of a shrinking pool")
        for sock in held:
            sock.close()


run()
