#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients as students of a networking course write them, in several languages."""

import os
import shutil
import subprocess
import sys

from lib import net, tap
from lib.daemon import SOURCE, Daemon, service
from lib.tap import FACTOR, WAIT_SECONDS, equal, run, skip, test

LINES = b"hello\nwhat is a socket?\n42\n"


def program(name):
    found = shutil.which(name)
    if not found:
        skip(f"there is no {name} here")
    return found


def client(name):
    return os.path.join(SOURCE, "tests/clients", name)


def compiled(name):
    """Compiles a client; returns its path."""
    built = tap.path(name)
    subprocess.run([program(os.environ.get("CC", "cc").split()[0]), "-o", built,
                    client(name + ".c")], check=True)
    return built


def call(*command, data=b""):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True,
                          timeout=WAIT_SECONDS * FACTOR)
    return done.stdout


def serve():
    port = net.free_port()
    Daemon(service("echo-upper", f"127.0.0.1:{port}/tcp 127.0.0.1:{port}/udp", "echo_upper.so"))
    return str(port)


def speaks_both(*command):
    port = serve()
    for protocol in "tcp", "udp":
        answer = call(*command, "127.0.0.1", port, protocol, data=LINES)
        equal(answer, LINES.upper(), f"answer over {protocol}")


@test
def a_client_in_c():
    speaks_both(compiled("echo"))


@test
def a_client_in_python():
    speaks_both(sys.executable, client("echo.py"))


@test
def a_client_in_javascript():
    speaks_both(program("node"), client("echo.js"))


@test
def a_client_in_perl():
    speaks_both(program("perl"), client("echo.pl"))


@test
def netcat():
    program("nc")
    if b"-N" not in subprocess.run(["nc", "-h"], stderr=subprocess.PIPE, check=False).stderr:
        skip("this nc is not OpenBSD's")
    speaks_both("sh", client("echo.sh"))


@test
def a_head_client_in_c_ends_by_itself():
    port = net.free_port()
    Daemon(service("health", f"127.0.0.1:{port}/tcp", "health.so"))
    answer = call(compiled("head"), "127.0.0.1", str(port), "/")
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert answer.endswith(b"\r\n\r\n"), answer
    assert b"\r\nContent-Length: " in answer, answer


run()
