#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The plugins printed in cservd-plugin(3) and README.md compile as they stand, and do what is said."""

import os
import re
import shlex
import shutil
import subprocess

from lib import net, tap
from lib.daemon import SOURCE, Daemon, echo, run as cservd, service
from lib.tap import equal, run, skip, test

MANUAL = os.path.join(SOURCE, "include/cservd/cservd-plugin.3")
README = os.path.join(SOURCE, "README.md")
BEGIN = "#include <cservd/plugin.h>"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def from_manual():
    """The programs of the manual page, with the escapes of roff undone."""
    blocks = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", read(MANUAL), re.M | re.S)
    return [block.replace("\\e", "\\").replace("\\&", "") for block in blocks
            if block.startswith(BEGIN)]


def from_readme():
    """The programs of README.md."""
    blocks = re.findall(r"^```c\n(.*?)^```$", read(README), re.M | re.S)
    return [block for block in blocks if block.startswith(BEGIN)]


def examples(programs):
    """The programs by the name in their descriptor."""
    return {re.search(r'\.name = "(\w+)"', program)[1]: program for program in programs}


def build(name, programs=None):
    """Compiles an example, of the manual page unless told; returns the plugin's path."""
    compiler = shlex.split(os.environ.get("CC") or "cc")
    if not shutil.which(compiler[0]):
        skip(f"there is no {compiler[0]} here")
    source = tap.write(name + ".c", examples(programs or from_manual())[name])
    built = tap.path(name + ".so")
    subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                    "-I" + os.path.join(SOURCE, "include"), "-o", built, source], check=True)
    return built


def stdio(name, *options, data=b"", programs=None):
    """What an example answers on standard output."""
    done = cservd("--stdio", build(name, programs), *options, data=data)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    return done.stdout


@test
def every_example_is_tried_here():
    equal(sorted(examples(from_manual())), ["forward", "greet", "sum", "ticket", "whoami"])
    equal(sorted(examples(from_readme())), ["greet"])


@test
def greet_of_the_readme_greets():
    equal(stdio("greet", data=b"Ann\n", programs=from_readme()), b"Hello, Ann!\n")


@test
def greet_greets():
    equal(stdio("greet", data=b"Ann\n"), b"Hello, Ann!\n")
    equal(stdio("greet"), b"")


@test
def sum_adds_and_refuses():
    equal(stdio("sum", data=b"1\n2\nx\n"), b"1\n3\nerror: not a number\n")
    equal(stdio("sum", data=b"9" * 20 + b"\n-5\nquit\n7\n"), b"error: too large\n-5\n")
    equal(stdio("sum", data=b"1" * 200), b"error: the line is too long\n")


@test
def ticket_obeys_its_options():
    equal(stdio("ticket"), b"T1\n")
    equal(stdio("ticket", "opt.format=json", "opt.first=7"), b'{"ticket": "T7"}\n')


@test
def ticket_refuses_wrong_options():
    plugin = build("ticket")
    for option in "opt.format=xml", "opt.first=0", "opt.prefix=-A", "opt.colour=red":
        done = cservd("--stdio", plugin, option)
        equal(done.returncode, 78, f"exit status for {option}")
        assert option.split("=")[0].encode() in done.stderr, done.stderr


@test
def ticket_counts_for_all_clients():
    port = net.free_port()
    daemon = Daemon(service("ticket", f"127.0.0.1:{port}/tcp", build("ticket")))
    answers = {net.read_all(net.tcp(port)) for _ in range(20)}
    equal(answers, {b"T%d\n" % number for number in range(1, 21)})
    daemon.stop()
    assert daemon.matches("20 tickets issued"), daemon.log()


@test
def whoami_answers_a_datagram():
    port = net.free_port()
    Daemon(service("whoami", f"127.0.0.1:{port}/udp", build("whoami")))
    sock = net.udp(port)
    equal(net.ask(sock, b"abc"), b"127.0.0.1:%d sent 3 bytes\n" % sock.getsockname()[1])


@test
def forward_carries_bytes_to_its_target():
    port, target = net.free_port(), net.free_port()
    Daemon(echo(target) + service("forward", f"127.0.0.1:{port}/tcp", build("forward"),
                                  f"opt.target = localhost:{target}"))
    sock = net.tcp(port)
    equal(net.ask(sock, b"there\n"), b"THERE\n")
    sock.close()


@test
def forward_says_when_its_target_is_not_there():
    port = net.free_port()
    Daemon(service("forward", f"127.0.0.1:{port}/tcp", build("forward"),
                   f"opt.target = 127.0.0.1:{net.free_port()}", "opt.patience = 2s"))
    equal(net.read_all(net.tcp(port)), b"The server is not available.\n")


run()
