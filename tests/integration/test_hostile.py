#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A hijacked worker cannot harm the master, the log or the other services."""

import re

from lib import net, proc
from lib.daemon import Daemon, echo, service
from lib.tap import equal, run, test


def survives(*lies, last=None):
    """Lets a worker lie; the master and another service have to stand it.  The last lie is one
    that it does not survive itself."""
    ports = net.free_port(), net.free_port()
    daemon = Daemon(service("liar", f"127.0.0.1:{ports[0]}/tcp", "liar.so", "drain_timeout = 1s") +
                    echo(ports[1]), "-v", deaths=True)
    other = daemon.worker("echo-upper")
    steady = net.tcp(ports[1])
    with net.tcp(ports[0]) as sock:
        for lie in lies:
            equal(net.ask(sock, lie + b"\n"), lie + b"\n")
            equal(net.ask(steady, b"steady\n"), b"STEADY\n")
        if last:
            sock.sendall(last + b"\n")
            daemon.wait_line("liar: worker .* sends nonsense: killed")
            daemon.wait_line("liar: worker .* died: Killed")
    with net.tcp(ports[0]) as sock:
        equal(net.ask(sock, b"hello\n"), b"hello\n", "answer of a worker")
    equal(net.ask(steady, b"steady\n"), b"STEADY\n")
    with net.tcp(ports[1]) as sock:
        equal(net.ask(sock, b"new\n"), b"NEW\n")
    equal(daemon.worker("echo-upper"), other, "worker of the other service")
    assert proc.is_alive(daemon.pid), "the master is gone"
    steady.close()
    daemon.stop()
    assert not re.search(r"[^\x20-\x7e\n]", daemon.log()), "bytes that are not printable"
    for line in daemon.lines():
        assert line.startswith("cservd: "), f"a line of its own: {line!r}"
    return daemon


@test
def junk_instead_of_messages():
    daemon = survives(last=b"junk")
    equal(len(daemon.matches("liar: worker .* nonsense")), 1, "lines about it")


@test
def half_a_message():
    survives(last=b"partial")


@test
def messages_of_every_type():
    survives(b"records")


@test
def many_messages_of_every_type():
    daemon = survives(*[b"records"] * 100)
    assert len(daemon.lines()) < 1000, f"{len(daemon.lines())} lines"


@test
def scribbled_shared_memory():
    survives(b"shared")


@test
def everything_together():
    survives(b"shared", b"records", last=b"junk")


run()
