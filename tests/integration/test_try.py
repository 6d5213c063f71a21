#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One plugin without a configuration: --try, --stdio, --plugin-info."""

import os
import re
import signal
import socket
import subprocess

from lib import net, proc, tap
from lib.daemon import CSERVD, READY, environment, plugin, run as cservd
from lib.tap import FACTOR, WAIT_SECONDS, equal, run, skip, test, wait_for


class Try:
    """A running cservd --try."""

    def __init__(self, *args):
        self.log_path = tap.path("log-try")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([CSERVD, "--try", *args], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=environment())
        tap.current().logs.append(self.log_path)
        tap.current().on_exit(self.stop)
        wait_for(lambda: re.search(READY, self.log()) or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, f"cservd --try ended with {self.process.returncode}"

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            equal(self.process.wait(WAIT_SECONDS * FACTOR), 0, "exit status")
            wait_for(lambda: not proc.children(os.getpid()), "end of the worker", 5)


@test
def try_serves_where_it_is_told():
    port = net.free_port()
    Try(plugin("echo_upper.so"), f"127.0.0.1:{port}/tcp", f"127.0.0.1:{port}/udp")
    equal(net.ask(net.tcp(port), b"tried\n"), b"TRIED\n")
    equal(net.ask(net.udp(port), b"tried"), b"TRIED")


@test
def try_looks_for_a_bare_name_in_two_places():
    done = cservd("--try", "gone.so")
    equal(done.returncode, 78, "exit status")
    assert re.search(rb"gone\.so: No such file or directory, here or in /", done.stderr), done.stderr


@test
def try_takes_keys_and_options():
    port = net.free_port()
    Try(plugin("echo_upper.so"), "opt.case=unicode", "idle_timeout=1s", f"localhost:{port}/tcp")
    sock = net.tcp(port)
    equal(net.ask(sock, "été\n".encode()), "ÉTÉ\n".encode())
    assert net.is_ended(sock), "idle_timeout was ignored"


@test
def try_without_listen_serves_port_7007():
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("127.0.0.1", 7007))
            except OSError:
                skip("port 7007 is in use")
    Try(plugin("echo_upper.so"))
    equal(net.ask(net.tcp(7007), b"tried\n"), b"TRIED\n")
    equal(net.ask(net.udp(7007), b"tried"), b"TRIED")


@test
def try_refuses_what_a_configuration_would():
    for args in [["speed=9"], ["opt.colour=red"], ["idle_timeout=soon"], ["7/sctp"], ["user=root"]]:
        done = cservd("--try", plugin("echo_upper.so"), *args)
        equal(done.returncode, 78, f"exit status for {args} ({done.stderr})")
        assert args[0].split("=")[0].split("/")[-1].replace("opt.", "").encode() in done.stderr


@test
def try_takes_a_relative_path():
    plugin("echo_upper.so")
    port = net.free_port()
    before = os.getcwd()
    os.chdir(tap.path("plugins"))
    try:
        Try("./echo_upper.so", f"127.0.0.1:{port}/tcp")
    finally:
        os.chdir(before)
    equal(net.ask(net.tcp(port), b"here\n"), b"HERE\n")


@test
def try_is_sandboxed():
    port = net.free_port()
    Try(plugin("denied.so"), f"127.0.0.1:{port}/tcp")
    sock = net.tcp(port)
    sock.sendall(b"openat\n")
    equal(net.read_all(sock), b"")


@test
def stdio_serves_a_pipe():
    done = cservd("--stdio", plugin("echo_upper.so"), data=b"one\ntwo\n")
    equal(done.stdout, b"ONE\nTWO\n")
    equal(done.returncode, 0, f"exit status ({done.stderr})")


@test
def stdio_takes_options():
    done = cservd("--stdio", plugin("echo_upper.so"), "opt.case=unicode", data="straße\n".encode())
    equal(done.stdout, "STRASSE\n".encode())


@test
def stdio_serves_megabytes():
    data = b"stdio " * 500000
    equal(cservd("--stdio", plugin("echo_upper.so"), data=data).stdout, data.upper())


@test
def stdio_serves_a_socket():
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([CSERVD, "--stdio", plugin("lines.so")], stdin=theirs,
                               stdout=theirs, stderr=subprocess.PIPE, env=environment())
    theirs.close()
    ours.settimeout(WAIT_SECONDS * FACTOR)
    with ours:
        equal(net.ask(ours, b"echo a\n"), b"a\n")
        ours.sendall(b"quit\n")
        equal(net.read_all(ours), b"")
    equal(process.wait(WAIT_SECONDS * FACTOR), 0, "exit status")
    process.stderr.close()


@test
def stdio_serves_files():
    source = tap.write("in", "from a file\n")
    with open(source, "rb") as given:
        equal(cservd("--stdio", plugin("echo_upper.so"), stdin=given).stdout, b"FROM A FILE\n")


@test
def stdio_reports_a_failed_handler_by_its_status():
    done = cservd("--stdio", plugin("lines.so"), data=b"fail\n")
    assert done.returncode not in (0, 78), f"exit status {done.returncode}"


@test
def stdio_needs_a_stream_handler():
    done = cservd("--stdio", plugin("amplifier.so"))
    equal(done.returncode, 78, "exit status")
    assert b"stream" in done.stderr, done.stderr


@test
def plugin_info_tells_what_the_plugin_says():
    done = cservd("--plugin-info", plugin("options.so"))
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    for word in b"options", b"2.5", b"0.1", b"stream", b"red, green or blue":
        assert word in done.stdout, f"{word} is not in {done.stdout}"
    assert b"datagram" not in done.stdout, done.stdout


@test
def plugin_info_tells_what_the_plugin_asks_for():
    done = cservd("--plugin-info", plugin("asks.so"))
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    assert b"rpath" in done.stdout, done.stdout


@test
def plugin_info_of_no_plugin_fails_with_a_sentence():
    for path in "/nonexistent.so", tap.write("text.so", "text\n"), tap.path():
        done = cservd("--plugin-info", path)
        assert done.returncode not in (0, None), f"exit status {done.returncode} for {path}"
        assert os.path.basename(path).encode() in done.stderr, done.stderr


run()
