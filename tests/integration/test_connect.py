#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Connections that a handler makes: only to the targets its configuration names."""

import os
import signal
import socket
import threading

from lib import net, proc, tap
from lib.daemon import Daemon, echo, run as cservd, configuration, service
from lib.tap import equal, run, test, wait_for

MEGA = 1 << 20


def relay(port, target, *keys):
    return service("relay", f"127.0.0.1:{port}/tcp", "relay.so", f"opt.target = {target}", *keys)


def start(host="127.0.0.1", **others):
    """A relay to an echo-upper of the same daemon; returns the daemon and the relay's port."""
    port, target = net.free_port(), net.free_port()
    where = "[::1]" if host == "[::1]" else "127.0.0.1"
    return Daemon(service("echo-upper", f"{where}:{target}/tcp", "echo_upper.so") +
                  relay(port, f"{host}:{target}"), **others), port


@test
def a_relay_carries_lines():
    _, port = start()
    sock = net.tcp(port)
    equal(net.ask(sock, b"there\n"), b"THERE\n")
    equal(net.ask(sock, b"and back\n"), b"AND BACK\n")
    sock.close()


@test
def a_target_may_be_a_name():
    _, port = start("localhost")
    sock = net.tcp(port)
    equal(net.ask(sock, b"by name\n"), b"BY NAME\n")
    sock.close()


@test
def a_target_may_be_an_ipv6_address():
    net.needs_ipv6()
    _, port = start("[::1]")
    sock = net.tcp(port)
    equal(net.ask(sock, b"six\n"), b"SIX\n")
    sock.close()


@test
def a_target_may_be_a_unix_socket():
    server = socket.socket(socket.AF_UNIX)
    tap.current().on_exit(server.close)
    server.bind(tap.path("socket"))
    os.chmod(tap.path("socket"), 0o777)
    server.listen()
    server.settimeout(tap.WAIT_SECONDS)
    port = net.free_port()
    Daemon(relay(port, f"unix:{tap.path('socket')}"))
    sock = net.tcp(port)
    accepted = server.accept()[0]
    tap.current().on_exit(accepted.close)
    accepted.settimeout(tap.WAIT_SECONDS)
    sock.sendall(b"to the socket\n")
    equal(net.read_line(accepted), b"to the socket\n")
    accepted.sendall(b"back\n")
    equal(net.read_line(sock), b"back\n")
    sock.close()


@test
def a_relay_carries_half_closes_and_megabytes():
    _, port = start()
    sock = net.tcp(port)
    data = b"relay " * (2 * MEGA)

    def send():
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    thread = threading.Thread(target=send)
    thread.start()
    answer = net.read_all(sock)
    thread.join()
    equal(len(answer), len(data), "length")
    assert answer == data.upper(), "the answer is not the request in upper case"


@test
def many_connections_at_once_are_relayed():
    _, port = start()
    socks = [net.tcp(port) for _ in range(50)]
    for number, sock in enumerate(socks):
        sock.sendall(b"client %d\n" % number)
    for number, sock in enumerate(socks):
        equal(net.read_line(sock), b"CLIENT %d\n" % number)
        sock.close()


@test
def a_refused_connection_is_an_error_of_the_call():
    port = net.free_port()
    Daemon(relay(port, f"127.0.0.1:{net.free_port()}"))
    equal(net.read_all(net.tcp(port)), b"cannot connect: ECONNREFUSED\n")


@test
def a_connection_that_takes_too_long_is_an_error_of_the_call():
    server = socket.socket()
    tap.current().on_exit(server.close)
    server.bind(("127.0.0.1", 0))
    server.listen(0)
    where = server.getsockname()
    fillers = [socket.socket() for _ in range(4)]       # the queue of the server is full
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(where)
        tap.current().on_exit(filler.close)
    port = net.free_port()
    Daemon(relay(port, f"127.0.0.1:{where[1]}", "opt.timeout = 500ms"))
    equal(net.read_all(net.tcp(port)), b"cannot connect: ETIMEDOUT\n")


@test
def a_name_that_does_not_resolve_is_an_error_of_the_call():
    port = net.free_port()
    Daemon(relay(port, "no-such-host.invalid:7"))
    answer = net.read_all(net.tcp(port))
    assert answer.startswith(b"cannot connect: E"), answer


@test
def a_wrong_target_is_a_configuration_error():
    for target in "nowhere", "host:", "host:0", "host:65536", "unix:relative", ":7", "[::1:7":
        file = configuration(relay(7007, target))
        done = cservd("-c", file, "-t")
        equal(done.returncode, 78, f"exit status for {target}")
        assert b"cservd.ini:6: " in done.stderr, done.stderr


@test
def the_connection_ends_when_the_target_dies():
    server = socket.socket()
    tap.current().on_exit(server.close)
    server.bind(("127.0.0.1", 0))
    server.listen()
    server.settimeout(tap.WAIT_SECONDS)
    port = net.free_port()
    Daemon(relay(port, "127.0.0.1:%d" % server.getsockname()[1]))
    sock = net.tcp(port)
    accepted = server.accept()[0]
    net.reset(accepted)
    assert net.is_ended(sock)


@test
def a_killed_connector_is_replaced():
    daemon, port = start(deaths=True)
    equal(net.ask(net.tcp(port), b"first\n"), b"FIRST\n")
    workers = {p for p in daemon.workers() if "relay" in " ".join(proc.command(p))}
    assert len(workers) == 2, f"{len(workers)} processes of the service, not worker and connector"
    for pid in workers:
        if "connector" in " ".join(proc.command(pid)) + proc.name(pid):
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: proc.is_reaped(pid), "its end")

    def connects():
        return net.read_line(again()) == b"AGAIN\n"

    def again():
        sock = net.tcp(port)
        sock.sendall(b"again\n")
        return sock
    wait_for(connects, "a connection through another connector")


@test
def an_echo_service_has_no_connector():
    daemon = Daemon(echo(net.free_port()))
    equal(len(daemon.workers()), 1, "processes")


run()
