#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What can pass makes a service wait, not fail: a port in use, an address not there, a start."""

import os

from lib import net, tap
from lib.daemon import Daemon, configuration, echo, ordinary_user, run as cservd, service
from lib.tap import equal, needs_root, run, skip, test, wait_for


def occupy(port, kind=net.socket.SOCK_STREAM, host="127.0.0.1"):
    """Somebody else's server."""
    sock = net.socket.socket(net.socket.AF_INET, kind)
    if kind == net.socket.SOCK_STREAM:
        sock.setsockopt(net.socket.SOL_SOCKET, net.socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    if kind == net.socket.SOCK_STREAM:
        sock.listen()
    tap.current().on_exit(sock.close)
    return sock


def serves(port):
    try:
        with net.tcp(port) as sock:
            return net.ask(sock, b"hello\n") == b"HELLO\n"
    except OSError:
        return False


@test
def a_service_whose_port_is_in_use_waits_and_others_serve():
    taken, free = net.free_port(), net.free_port()
    other = occupy(taken)
    daemon = Daemon(echo(taken) + service("two", f"127.0.0.1:{free}/tcp", "echo_upper.so"),
                    wait=False)
    daemon.wait_line(rf"echo-upper.*127\.0\.0\.1:{taken}/tcp.*in use")
    wait_for(lambda: net.can_connect(free), "the other service")
    assert serves(free), "the other service does not answer"
    other.close()
    wait_for(lambda: serves(taken), "service on the freed port")
    equal(len(daemon.matches("in use")), 1, "lines about the port in use")


@test
def a_datagram_service_whose_port_is_in_use_waits():
    port = net.free_port()
    other = occupy(port, net.socket.SOCK_DGRAM)
    daemon = Daemon(service("echo-upper", f"127.0.0.1:{port}/udp", "echo_upper.so"), wait=False)
    daemon.wait_line(rf"echo-upper.*127\.0\.0\.1:{port}/udp.*in use")
    other.close()
    sock = net.udp(port)
    sock.settimeout(0.2)

    def answers():
        try:
            return net.ask(sock, b"hello") == b"HELLO"
        except OSError:
            return False
    wait_for(answers, "service on the freed port")


@test
def a_service_whose_address_is_not_here_waits_and_others_serve():
    port = net.free_port()
    daemon = Daemon(service("away", f"192.0.2.1:{port}/tcp", "echo_upper.so") +
                    service("here", f"127.0.0.1:{port}/tcp", "echo_upper.so"), wait=False)
    daemon.wait_line(rf"away.*192\.0\.2\.1:{port}/tcp")
    wait_for(lambda: net.can_connect(port), "the other service")
    assert serves(port), "the other service does not answer"
    daemon.stop()


@test
def a_service_that_cannot_start_waits_and_begins_later():
    port = net.free_port()
    obstacle = tap.write("obstacle", "")
    daemon = Daemon(service("start", f"127.0.0.1:{port}/tcp", "start_fails.so",
                            f"opt.obstacle = {obstacle}"), wait=False)
    daemon.wait_line(r"start: .*(busy|EBUSY)")
    os.unlink(obstacle)

    def started():
        return net.can_connect(port) and net.read_line(net.tcp(port)) == b"started\n"
    wait_for(started, "its start")
    equal(len(daemon.matches(r"start: .*(busy|EBUSY)")), 1, "lines about the failed start")


@test
def a_stop_ends_services_that_wait():
    port = net.free_port()
    occupy(port)
    daemon = Daemon(echo(port), wait=False)
    daemon.wait_line("ready: 0 services, 1 waiting")
    daemon.stop()


def privileged_port():
    """A port an ordinary user may not open, and which nobody has."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        start = int(file.read())
    for port in range(min(start, 1024) - 1, 600, -1):
        with net.socket.socket() as sock:
            if sock.connect_ex((net.LOOPBACK, port)) != 0:
                return port
    return skip("every port is free to all users")


@test
def a_privileged_port_without_the_right_exits_with_77():
    user = ordinary_user() if os.geteuid() == 0 else None
    port = privileged_port()
    done = cservd("-c", configuration(echo(port)), user=user)
    equal(done.returncode, 77, f"exit status ({done.stderr})")
    assert str(port).encode() in done.stderr, done.stderr


@test
def root_opens_privileged_ports_for_an_unprivileged_worker():
    needs_root()
    port = privileged_port()
    Daemon(echo(port))
    assert serves(port), "no answer"


@test
def a_restart_can_have_its_port_back_at_once():
    port = net.free_port()
    for _ in range(3):
        daemon = Daemon(echo(port))
        sock = net.tcp(port)
        net.ask(sock, b"hello\n")
        daemon.kill()
        daemon.wait_line("stopping: ")
        daemon.kill()           # the server closes first: its side lingers in TIME_WAIT
        daemon.wait_exit()


run()
