# SPDX-License-Identifier: MIT
"""Loopback sockets whose every call has a deadline, and ports that nobody else takes."""

import random
import socket
import struct

from lib import tap

LOOPBACK = "127.0.0.1"


def _port_range():
    """Ports that the kernel gives to nobody by itself, so that no client sits on them."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        low, high = map(int, file.read().split())
    return (10000, low - 1) if low > 14000 else (high + 1, 65535)


def _hold(family, kind, host, port):
    """Binds a port for this test alone; a daemon with SO_REUSEADDR may still listen there."""
    sock = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except OSError:
        sock.close()
        raise
    return sock


def _families():
    yield socket.AF_INET, "0.0.0.0"
    if has_ipv6():
        yield socket.AF_INET6, "::"


def _reserve(port):
    """Sockets that hold the port; OSError if it is taken in any way."""
    held = []
    try:
        for family, host in _families():
            _hold(family, socket.SOCK_DGRAM, host, port).close()
            held.append(_hold(family, socket.SOCK_STREAM, host, port))
    except OSError:
        for sock in held:
            sock.close()
        raise
    return held


def free_port():
    """A port free for TCP and UDP, and kept from other tests until this one is over."""
    for _ in range(1000):
        try:
            held = _reserve(random.randint(*_port_range()))
        except OSError:
            continue
        for sock in held:
            tap.current().on_exit(sock.close)
        return held[0].getsockname()[1]
    raise AssertionError("no free port")


def has_ipv6():
    """True if this machine has ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def needs_ipv6():
    """Skips the running test on a machine without IPv6."""
    if not has_ipv6():
        tap.skip("needs IPv6 on the loopback interface")


def _socket(kind, host, source):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    sock.settimeout(tap.WAIT_SECONDS * tap.FACTOR)
    tap.current().on_exit(sock.close)
    if source:
        sock.bind(source)
    return sock


def tcp(port, host=LOOPBACK, source=None, receive_buffer=None):
    """A connection, closed when the test is over."""
    sock = _socket(socket.SOCK_STREAM, host, source)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect((host, port))
    return sock


def udp(port, host=LOOPBACK, source=None):
    """A datagram socket that hears only from where it sends to."""
    sock = _socket(socket.SOCK_DGRAM, host, source)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    sock.connect((host, port))
    return sock


def read_exactly(sock, size):
    """That many bytes, fewer only at end of file."""
    parts = []
    while size > 0:
        part = sock.recv(min(size, 1 << 16))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_all(sock):
    """Everything until end of file."""
    parts = []
    while True:
        part = sock.recv(1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)


def read_line(sock):
    """A line with its end; shorter at end of file."""
    line = b""
    while not line.endswith(b"\n"):
        byte = sock.recv(1)
        if not byte:
            break
        line += byte
    return line


def ask(sock, request):
    """Sends a line or a datagram and returns the first line or datagram that comes back."""
    sock.sendall(request)
    return read_line(sock) if sock.type == socket.SOCK_STREAM else sock.recv(65535)


def is_silent(sock, seconds=0.5):
    """True if nothing, not even end of file, comes for that long."""
    before = sock.gettimeout()
    sock.settimeout(seconds)
    try:
        sock.recv(1, socket.MSG_PEEK)
        return False
    except socket.timeout:
        return True
    finally:
        sock.settimeout(before)


def reset(sock):
    """Closes a connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def is_ended(sock):
    """True if the other side ended the connection, by end of file or reset."""
    try:
        return sock.recv(1 << 16) == b""
    except ConnectionError:
        return True


def can_connect(port, host=LOOPBACK):
    """True if somebody listens there."""
    try:
        socket.create_connection((host, port), tap.WAIT_SECONDS * tap.FACTOR).close()
        return True
    except OSError:
        return False
