#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The reflector guard: no UDP service helps to attack others."""

import os
import signal
import socket
import struct

from lib import net
from lib.daemon import Daemon, service
from lib.tap import equal, needs_root, run, skip, test


def amplifier(port, *keys):
    return service("amplifier", f"127.0.0.1:{port}/udp", "amplifier.so", *keys)


def echo(listen, *keys):
    return service("echo-upper", listen, "echo_upper.so", *keys)


def is_dropped(sock, request):
    sock.send(request)
    return net.is_silent(sock)


@test
def a_reply_larger_than_the_request_is_dropped():
    port = net.free_port()
    Daemon(amplifier(port, "opt.size = 1000"))
    sock = net.udp(port)
    assert is_dropped(sock, b"0123456789"), "1000 bytes answered 10"
    assert is_dropped(sock, b"x" * 999), "1000 bytes answered 999"
    equal(len(net.ask(sock, b"x" * 1000)), 1000, "reply to 1000 bytes")


@test
def sixty_four_bytes_may_answer_any_request():
    port = net.free_port()
    Daemon(amplifier(port, "opt.size = 64"))
    equal(len(net.ask(net.udp(port), b"")), 64, "reply to 0 bytes")


@test
def sixty_five_bytes_may_not():
    port = net.free_port()
    Daemon(amplifier(port, "opt.size = 65"))
    assert is_dropped(net.udp(port), b"x"), "65 bytes answered 1"


@test
def all_replies_to_one_datagram_together_stay_within_the_limit():
    port = net.free_port()
    Daemon(amplifier(port, "opt.size = 40", "opt.replies = 10"))
    sock = net.udp(port)
    sock.send(b"x" * 100)
    sizes = []
    while not net.is_silent(sock):
        sizes.append(len(sock.recv(100)))
    assert 0 < sum(sizes) <= 100, f"100 bytes were answered by {sizes}"


@test
def udp_amplify_raises_the_limit():
    port = net.free_port()
    Daemon(amplifier(port, "opt.size = 1000", "udp_amplify = 10"))
    sock = net.udp(port)
    equal(len(net.ask(sock, b"x" * 100)), 1000, "reply to 100 bytes")
    assert is_dropped(sock, b"x" * 99), "1000 bytes answered 99"


@test
def dropped_datagrams_are_counted():
    port = net.free_port()
    daemon = Daemon(amplifier(port, "opt.size = 1000"))
    sock = net.udp(port)
    for _ in range(7):
        sock.send(b"x")
    equal(len(net.ask(sock, b"x" * 1000)), 1000, "reply to 1000 bytes")
    daemon.stop()
    equal(len(daemon.matches(r"datagrams: 8 in, 1 out, dropped 7: amplify\b")), 1, "lines")


@test
def datagrams_are_counted_even_if_the_worker_is_killed():
    port = net.free_port()
    daemon = Daemon(echo(f"127.0.0.1:{port}/udp"), deaths=True)
    equal(net.ask(net.udp(port), b"hello"), b"HELLO")
    os.kill(daemon.worker("echo-upper"), signal.SIGKILL)
    # A reply is counted when it has been sent: the client may be quicker than that.
    daemon.wait_line("echo-upper: datagrams: 1 in, [01] out$")


@test
def sources_below_port_1024_are_not_answered():
    needs_root()
    port = net.free_port()
    Daemon(echo(f"127.0.0.1:{port}/udp"))
    for low in 7, 19, 53, 123, 1023:
        try:
            sock = net.udp(port, source=("127.0.0.1", low))
        except OSError:
            continue            # somebody's real service
        assert is_dropped(sock, b"hello"), f"port {low} was answered"
    equal(net.ask(net.udp(port), b"hello"), b"HELLO")


@test
def sources_that_amplify_elsewhere_are_not_answered():
    port = net.free_port()
    Daemon(echo(f"127.0.0.1:{port}/udp"))
    tried = 0
    for known in 1900, 2049, 3702, 5353, 11211:
        try:
            sock = net.udp(port, source=("127.0.0.1", known))
        except OSError:
            continue            # somebody's real service
        tried += 1
        assert is_dropped(sock, b"hello"), f"port {known} was answered"
    if tried == 0:
        skip("all these ports are in use")


def forge(source, target, payload):
    """A datagram with an untrue source, as an attacker on the path would send it."""
    udp = struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(source[0]), socket.inet_aton(target[0]))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header + udp, (target[0], 0))



@test
def two_services_cannot_be_set_on_each_other():
    needs_root()
    first, second = net.free_port(), net.free_port()
    daemon = Daemon(service("one", f"127.0.0.1:{first}/udp", "echo_upper.so") +
                    service("two", f"0.0.0.0:{second}/udp", "echo_upper.so"))
    for _ in range(5):
        forge(("127.0.0.1", first), ("127.0.0.1", second), b"loop")
        forge(("127.0.0.3", second), ("127.0.0.1", first), b"loop")
    equal(net.ask(net.udp(first), b"sane"), b"SANE")
    equal(net.ask(net.udp(second), b"sane"), b"SANE")
    daemon.stop()
    for name in "one", "two":
        equal(len(daemon.matches(rf"{name}: datagrams: 6 in, 1 out, dropped 5: loop$")), 1, name)


def is_unanswered(target, option, value, reason):
    """A datagram to a group or to everybody arrives, is counted for that reason, not answered."""
    port = net.free_port()
    daemon = Daemon(echo(f"0.0.0.0:{port}/udp"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(*option, value)
        sock.settimeout(0.5)
        try:
            sock.sendto(b"everybody?", (target, port))
        except OSError as error:
            skip(f"cannot send to {target} here: {error}")
        try:
            raise AssertionError(f"an answer came from {sock.recvfrom(100)[1]}")
        except socket.timeout:
            pass
    equal(net.ask(net.udp(port), b"sane"), b"SANE")
    daemon.stop()
    if daemon.matches("datagrams: 1 in"):
        skip(f"the kernel does not deliver to {target} here")
    equal(len(daemon.matches(f"datagrams: 2 in, 1 out, dropped 1: {reason}$")), 1, "lines")


@test
def a_broadcast_is_not_answered():
    is_unanswered("127.255.255.255", (socket.SOL_SOCKET, socket.SO_BROADCAST), 1,
                  "(broadcast|send)")     # the loopback interface says it has no broadcast address


@test
def a_multicast_is_not_answered():
    is_unanswered("224.0.0.1", (socket.IPPROTO_IP, socket.IP_MULTICAST_IF),
                  socket.inet_aton("127.0.0.1"), "multicast")


@test
def source_port_zero_is_not_answered():
    needs_root()
    port = net.free_port()
    daemon = Daemon(echo(f"127.0.0.1:{port}/udp"))
    forge(("127.0.0.1", 0), ("127.0.0.1", port), b"nowhere")
    equal(net.ask(net.udp(port), b"hello"), b"HELLO")
    daemon.stop()
    equal(len(daemon.matches(r"datagrams: 2 in, 1 out, dropped 1: port$")), 1, "lines")


run()
