#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Time limits of connections, and the one line that each finished connection leaves."""

import time

from lib import net
from lib.daemon import Daemon, echo, service
from lib.tap import FACTOR, equal, run, test


def seconds_until_ended(sock):
    start = time.monotonic()
    while not net.is_ended(sock):
        pass
    return time.monotonic() - start


@test
def a_finished_connection_leaves_one_line():
    port = net.free_port()
    daemon = Daemon(echo(port))
    sock = net.tcp(port)
    sock.sendall(b"x" * 119 + b"\n")
    net.read_exactly(sock, 120)
    sock.close()
    line = r"echo-upper\[127\.0\.0\.1:\d+\]: closed by client: \d+\.\d{3} s, 120 in, 120 out$"
    daemon.wait_line(line)
    daemon.stop()
    equal(len(daemon.matches(r"echo-upper\[")), 1, "number of lines")


@test
def the_line_names_an_ipv6_peer_in_brackets():
    net.needs_ipv6()
    port = net.free_port()
    daemon = Daemon(service("echo-upper", f"[::1]:{port}/tcp", "echo_upper.so"))
    sock = net.tcp(port, "::1")
    net.ask(sock, b"six\n")
    sock.close()
    daemon.wait_line(r"echo-upper\[\[::1\]:\d+\]: closed by client: ")


@test
def log_connections_no_leaves_none():
    port = net.free_port()
    daemon = Daemon(echo(port, "log_connections = no"))
    sock = net.tcp(port)
    net.ask(sock, b"quiet\n")
    sock.close()
    daemon.stop()
    equal(daemon.matches(r"closed by client"), [], "lines")


@test
def a_handler_that_ends_the_connection_is_named():
    port = net.free_port()
    daemon = Daemon(service("writer", f"127.0.0.1:{port}/tcp", "writer.so", "opt.size = 5"))
    equal(net.read_all(net.tcp(port)), b"wwwww")
    daemon.wait_line(r"writer\[127\.0\.0\.1:\d+\]: closed by handler: \d+\.\d{3} s, 0 in, 5 out$")


@test
def a_handler_that_fails_is_logged_with_its_error():
    port = net.free_port()
    daemon = Daemon(service("lines", f"127.0.0.1:{port}/tcp", "lines.so"))
    sock = net.tcp(port)
    sock.sendall(b"fail\n")
    assert net.is_ended(sock)
    daemon.wait_line(r"lines\[127\.0\.0\.1:\d+\]: .*Numerical argument out of domain.* 5 in, 0 out")


@test
def idle_timeout_ends_a_silent_connection():
    port = net.free_port()
    daemon = Daemon(echo(port, "idle_timeout = 1s"))
    sock = net.tcp(port)
    net.ask(sock, b"hello\n")
    seconds = seconds_until_ended(sock)
    assert 0.9 < seconds < 1 + 2 * FACTOR, f"it took {seconds:.3f} s"
    daemon.wait_line(r"echo-upper\[.*\]: idle too long: [1-9]\d*\.\d{3} s, 6 in, 6 out$")


@test
def idle_timeout_holds_for_clients_that_never_send():
    port = net.free_port()
    daemon = Daemon(echo(port, "idle_timeout = 1s"))
    for sock in [net.tcp(port) for _ in range(20)]:
        seconds_until_ended(sock)
    daemon.wait_line("idle too long", count=20)


@test
def idle_timeout_holds_for_clients_that_never_read():
    port = net.free_port()
    daemon = Daemon(service("writer", f"127.0.0.1:{port}/tcp", "writer.so", "opt.size = 100M",
                            "idle_timeout = 1s"))
    sock = net.tcp(port, receive_buffer=4096)
    daemon.wait_line(r"writer\[.*\]: idle too long: ")
    sock.close()


@test
def idle_timeout_spares_a_slow_client():
    port = net.free_port()
    Daemon(echo(port, "idle_timeout = 2s"))
    sock = net.tcp(port)
    start = time.monotonic()
    while time.monotonic() - start < 3:
        sock.sendall(b"s")
        equal(sock.recv(1), b"S")
        assert net.is_silent(sock, 0.3), "the connection ended"


@test
def max_duration_ends_a_busy_connection():
    port = net.free_port()
    daemon = Daemon(echo(port, "max_duration = 1s"))
    sock = net.tcp(port)
    start = time.monotonic()
    try:
        while True:
            sock.sendall(b"busy\n")
            if not sock.recv(100):
                break
    except ConnectionError:
        pass                    # the end may cross with a request
    seconds = time.monotonic() - start
    assert 0.9 < seconds < 1 + 3 * FACTOR, f"it took {seconds:.3f} s"
    daemon.wait_line(r"echo-upper\[.*\]: open too long: [1-9]\d*\.\d{3} s, \d+ in, \d+ out$")


@test
def max_duration_ends_a_silent_connection():
    port = net.free_port()
    daemon = Daemon(echo(port, "max_duration = 1s"))
    seconds = seconds_until_ended(net.tcp(port))
    assert seconds < 1 + 3 * FACTOR, f"it took {seconds:.3f} s"
    daemon.wait_line("open too long")


@test
def max_duration_ends_a_sleeping_handler():
    port = net.free_port()
    daemon = Daemon(service("sleeper", f"127.0.0.1:{port}/tcp", "sleeper.so", "max_duration = 1s"))
    sock = net.tcp(port)
    sock.sendall(b"60000\n")
    assert seconds_until_ended(sock) < 1 + 3 * FACTOR
    daemon.wait_line("sleep ended: ETIMEDOUT")


@test
def unlimited_is_accepted():
    port = net.free_port()
    Daemon(echo(port, "idle_timeout = unlimited", "max_duration = unlimited",
                "drain_timeout = unlimited"))
    sock = net.tcp(port)
    equal(net.ask(sock, b"for ever\n"), b"FOR EVER\n")
    sock.close()


run()
