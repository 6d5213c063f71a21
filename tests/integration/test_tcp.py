#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TCP: every byte arrives, in any portions, whatever the other clients do."""

import os
import threading

from lib import net, proc
from lib.daemon import Daemon, echo, service
from lib.tap import equal, run, test, wait_for

MEGA = 1 << 20


def sender(sock, data, times=1):
    """Sends in the background, then closes the writing side; returns the thread."""
    def send():
        for _ in range(times):
            sock.sendall(data)
        sock.shutdown(net.socket.SHUT_WR)
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


@test
def answers_a_line_in_upper_case():
    port = net.free_port()
    Daemon(echo(port))
    equal(net.ask(net.tcp(port), b"Hello, world 42\n"), b"HELLO, WORLD 42\n")


@test
def answers_each_byte_of_a_line_sent_in_pieces():
    port = net.free_port()
    Daemon(echo(port))
    sock = net.tcp(port)
    sock.setsockopt(net.socket.IPPROTO_TCP, net.socket.TCP_NODELAY, 1)
    for byte in b"piece by piece\n":
        sock.sendall(bytes([byte]))
        equal(sock.recv(16), bytes([byte]).upper())


@test
def answers_on_ipv6():
    net.needs_ipv6()
    port = net.free_port()
    Daemon(service("echo-upper", f"[::1]:{port}/tcp", "echo_upper.so"))
    equal(net.ask(net.tcp(port, "::1"), b"six\n"), b"SIX\n")


@test
def a_bare_port_listens_on_both_families():
    net.needs_ipv6()
    port = net.free_port()
    Daemon(service("echo-upper", f"{port}/tcp", "echo_upper.so"))
    equal(net.ask(net.tcp(port, "127.0.0.1"), b"four\n"), b"FOUR\n")
    equal(net.ask(net.tcp(port, "::1"), b"six\n"), b"SIX\n")


@test
def localhost_listens_on_both_loopbacks_only():
    net.needs_ipv6()
    port = net.free_port()
    Daemon(service("echo-upper", f"localhost:{port}/tcp", "echo_upper.so"))
    equal(net.ask(net.tcp(port, "127.0.0.1"), b"four\n"), b"FOUR\n")
    equal(net.ask(net.tcp(port, "::1"), b"six\n"), b"SIX\n")
    assert not net.can_connect(port, "127.0.0.2"), "127.0.0.2 is not localhost"


@test
def a_service_serves_all_its_listeners():
    ports = [net.free_port() for _ in range(3)]
    Daemon(service("echo-upper", " ".join(f"127.0.0.1:{p}/tcp" for p in ports), "echo_upper.so"))
    for port in ports * 3:
        equal(net.ask(net.tcp(port), b"any\n"), b"ANY\n")


@test
def ten_megabytes_come_back_after_a_half_close():
    port = net.free_port()
    Daemon(echo(port))
    sock = net.tcp(port)
    data = os.urandom(10 * MEGA // 4).hex()[:10 * MEGA].encode()
    thread = sender(sock, data)
    answer = net.read_all(sock)
    thread.join()
    equal(len(answer), len(data), "length")
    assert answer == data.upper(), "the answer is not the request in upper case"


@test
def a_hundred_megabytes_pass_without_a_leak():
    port = net.free_port()
    daemon = Daemon(echo(port))
    net.ask(net.tcp(port), b"warm\n")
    before = proc.resident(daemon.worker("echo-upper"))
    sock = net.tcp(port)
    thread = sender(sock, b"x" * MEGA, times=100)
    left = 100 * MEGA
    while left > 0:
        part = sock.recv(MEGA)
        assert part, f"{left} bytes are missing"
        left -= len(part)
    equal(sock.recv(1), b"", "what follows")
    thread.join()
    grown = proc.resident(daemon.worker("echo-upper")) - before
    assert grown < 20 * 1024, f"the worker grew by {grown} KiB"


@test
def a_whole_answer_waits_for_a_slow_reader():
    port = net.free_port()
    Daemon(echo(port, "idle_timeout = 1m"))
    sock = net.tcp(port, receive_buffer=4096)
    thread = sender(sock, b"y" * MEGA)
    other = net.tcp(port)
    for _ in range(50):
        equal(net.ask(other, b"ping\n"), b"PING\n")
    equal(net.read_all(sock), b"Y" * MEGA)
    thread.join()


@test
def last_bytes_of_a_handler_that_returns_at_once_arrive():
    port = net.free_port()
    Daemon(service("writer", f"127.0.0.1:{port}/tcp", "writer.so"))
    for _ in range(10):
        equal(len(net.read_all(net.tcp(port))), MEGA, "length")


@test
def last_bytes_arrive_although_the_client_sent_what_nobody_read():
    port = net.free_port()
    Daemon(service("writer", f"127.0.0.1:{port}/tcp", "writer.so"))
    for _ in range(10):
        sock = net.tcp(port)
        sock.sendall(b"unread " * 1000)
        equal(len(net.read_all(sock)), MEGA, "length")


@test
def a_reset_in_any_phase_does_not_disturb_others():
    echo_port, writer_port = net.free_port(), net.free_port()
    daemon = Daemon(echo(echo_port) +
                    service("writer", f"127.0.0.1:{writer_port}/tcp", "writer.so"))
    steady = net.tcp(echo_port)
    worker = daemon.worker("echo-upper")
    for _ in range(50):
        net.reset(net.tcp(echo_port))               # before a byte
        sock = net.tcp(echo_port)
        sock.sendall(b"unanswered " * 2000)         # with answers on the way
        net.reset(sock)
        sock = net.tcp(echo_port)
        net.ask(sock, b"answered\n")                # between two requests
        net.reset(sock)
        net.reset(net.tcp(writer_port))             # while only the handler writes
        sock = net.tcp(writer_port)
        sock.recv(100)
        net.reset(sock)
        equal(net.ask(steady, b"steady\n"), b"STEADY\n")
    equal(daemon.worker("echo-upper"), worker, "process id of the worker")


@test
def a_reset_connection_is_logged_as_such():
    port = net.free_port()
    daemon = Daemon(echo(port))
    sock = net.tcp(port)
    net.ask(sock, b"hello\n")
    net.reset(sock)
    daemon.wait_line(r"echo-upper\[127\.0\.0\.1:\d+\]: reset by client: .* 6 in, 6 out")


@test
def silent_clients_do_not_disturb_others():
    port = net.free_port()
    Daemon(echo(port))
    silent = [net.tcp(port) for _ in range(50)]
    equal(net.ask(net.tcp(port), b"loud\n"), b"LOUD\n")
    for sock in silent:
        equal(net.ask(sock, b"after all\n"), b"AFTER ALL\n")


@test
def descriptors_are_closed_with_their_connections():
    port = net.free_port()
    daemon = Daemon(echo(port))
    if os.geteuid() != 0:
        net.tap.skip("only root may look at a worker's descriptors")
    worker = daemon.worker("echo-upper")
    net.ask(net.tcp(port), b"warm\n")
    for _ in range(100):
        sock = net.tcp(port)
        net.ask(sock, b"once\n")
        sock.close()
    wait_for(lambda: len(daemon.matches("closed by client")) == 100, "100 closed connections")
    sockets = [fd for fd in proc.fds(worker).values() if fd.startswith("socket:")]
    assert len(sockets) < 10, f"{len(sockets)} sockets are open"


@test
def datagrams_to_a_tcp_service_have_no_effect():
    port = net.free_port()
    Daemon(echo(port))
    sock = net.tcp(port)
    stray = net.socket.socket(net.socket.AF_INET, net.socket.SOCK_DGRAM)
    for _ in range(100):
        stray.sendto(b"stray", (net.LOOPBACK, port))
    stray.close()
    equal(net.ask(sock, b"fine\n"), b"FINE\n")


run()
