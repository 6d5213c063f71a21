#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""UDP: datagrams of every size are answered, from the address they were sent to."""

import os
import socket

from lib import net, proc
from lib.daemon import Daemon, service
from lib.tap import equal, run, test, wait_for

LARGEST_IPV4 = 65507
LARGEST_IPV6 = 65487    # the loopback's packets have at most 65535 bytes with their IPv6 header


def echo(listen, *keys):
    return service("echo-upper", listen, "echo_upper.so", *keys)


def letters(size):
    return (b"the quick brown fox " * (size // 20 + 1))[:size]


def echo_sizes(port, host, sizes):
    sock = net.udp(port, host)
    for size in sizes:
        equal(net.ask(sock, letters(size)), letters(size).upper(), f"answer to {size} bytes")


@test
def datagrams_of_all_sizes_come_back_whole():
    port = net.free_port()
    Daemon(echo(f"127.0.0.1:{port}/udp"))
    echo_sizes(port, "127.0.0.1", [0, 1, 2, 1000, 1472, 1473, 9000, LARGEST_IPV4, 0, 1])


@test
def datagrams_of_all_sizes_come_back_whole_over_ipv6():
    net.needs_ipv6()
    port = net.free_port()
    Daemon(echo(f"[::1]:{port}/udp"))
    echo_sizes(port, "::1", [0, 1, 2, 1000, 1452, 1453, 9000, LARGEST_IPV6, 0, 1])


@test
def an_empty_datagram_is_answered_by_an_empty_one():
    port = net.free_port()
    Daemon(echo(f"127.0.0.1:{port}/udp"))
    equal(net.ask(net.udp(port), b""), b"")


@test
def one_service_answers_on_tcp_and_udp():
    port = net.free_port()
    Daemon(echo(f"127.0.0.1:{port}/tcp 127.0.0.1:{port}/udp"))
    equal(net.ask(net.udp(port), b"datagram"), b"DATAGRAM")
    equal(net.ask(net.tcp(port), b"stream\n"), b"STREAM\n")


def source_of_answer(port, host):
    """Where the answer to a datagram came from, through a socket that hears everybody."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.settimeout(20)
        sock.sendto(b"who", (host, port))
        answer, source = sock.recvfrom(100)
    equal(answer, b"WHO")
    return source[:2]


@test
def answers_leave_from_the_address_they_were_asked_at():
    port = net.free_port()
    Daemon(echo(f"0.0.0.0:{port}/udp"))
    for host in "127.0.0.1", "127.0.0.2", "127.9.8.7":
        equal(source_of_answer(port, host), (host, port), "source")


@test
def answers_of_a_bound_listener_leave_from_its_address():
    port = net.free_port()
    Daemon(echo(f"127.0.0.2:{port}/udp"))
    equal(source_of_answer(port, "127.0.0.2"), ("127.0.0.2", port), "source")


@test
def answers_leave_from_the_address_they_were_asked_at_over_ipv6():
    net.needs_ipv6()
    port = net.free_port()
    Daemon(echo(f"{port}/udp"))
    equal(source_of_answer(port, "::1"), ("::1", port), "source")
    equal(source_of_answer(port, "127.0.0.2"), ("127.0.0.2", port), "source")


@test
def two_thousand_datagrams_arrive_in_windows_and_none_is_lost():
    port = net.free_port()
    Daemon(echo(f"127.0.0.1:{port}/udp"))
    sock = net.udp(port)
    for window in range(40):
        sent = {b"%d of %d" % (number, window) for number in range(50)}
        for text in sent:
            sock.send(text)
        equal({sock.recv(100).lower() for _ in sent}, sent, f"answers of window {window}")


@test
def a_burst_within_the_receive_buffer_is_not_lost():
    port = net.free_port()
    Daemon(echo(f"127.0.0.1:{port}/udp"))
    sock = net.udp(port)
    for number in range(500):
        sock.send(b"burst %d" % number)
    equal(len({sock.recv(100) for _ in range(500)}), 500, "answers")


@test
def many_clients_get_their_own_answers():
    port = net.free_port()
    Daemon(echo(f"127.0.0.1:{port}/udp"))
    socks = [net.udp(port) for _ in range(100)]
    for number, sock in enumerate(socks):
        sock.send(b"client %d" % number)
    for number, sock in enumerate(socks):
        equal(sock.recv(100), b"CLIENT %d" % number)


@test
def a_worker_death_loses_at_most_one_batch_of_datagrams():
    port = net.free_port()
    daemon = Daemon(service("crash", f"127.0.0.1:{port}/udp", "crash.so"), deaths=True)
    worker = daemon.worker("crash")
    sock = net.udp(port)
    for number in range(100):
        sock.send(b"before %d" % number)
    for _ in range(100):
        sock.recv(100)
    sock.send(b"segv")
    for number in range(200):
        sock.send(b"after %d" % number)
    wait_for(lambda: daemon.worker("crash") != worker, "another worker")
    equal(net.ask(net.udp(port), b"alive"), b"alive")
    sock.setblocking(False)
    answers = set()

    def drain():
        try:
            answers.add(sock.recv(100))
        except BlockingIOError:
            pass
        return len(answers) >= 200 - 64
    wait_for(drain, "answers to all but one batch of what followed")


@test
def datagrams_are_not_logged_singly():
    port = net.free_port()
    daemon = Daemon(echo(f"127.0.0.1:{port}/udp"))
    sock = net.udp(port)
    for _ in range(200):
        net.ask(sock, b"quiet")
    daemon.stop()
    assert len(daemon.lines()) < 20, f"{len(daemon.lines())} lines for 200 datagrams"


@test
def a_stream_service_does_not_take_datagrams():
    port = net.free_port()
    Daemon(echo(f"127.0.0.1:{port}/tcp"))
    sock = net.udp(port)
    sock.send(b"nobody")
    try:
        sock.recv(100)
        raise AssertionError("a datagram was answered")
    except ConnectionRefusedError:
        pass


@test
def datagram_threads_are_few():
    port = net.free_port()
    daemon = Daemon(echo(f"127.0.0.1:{port}/udp"))
    net.ask(net.udp(port), b"hello")
    threads = len(proc.threads(daemon.worker("echo-upper")))
    assert threads <= 4 + 2 * os.cpu_count(), f"{threads} threads for one UDP listener"


run()
