#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cservc as a filter: small servers of the test's own answer it."""

import os
import subprocess
import threading
import time

from lib import client, daemon, net, tap


@tap.test
def a_filter_answers_a_line():
    server = client.tcp(client.upper)
    client.expect(client.filter_run(f"{server.port}/tcp", data=b"hello\n"), 0, b"HELLO\n")


@tap.test
def a_filter_is_byte_exact_both_ways_at_once():
    data = os.urandom(client.MEGABYTES << 20)

    def echo(conn):
        for part in iter(lambda: conn.recv(65536), b""):
            conn.sendall(part)
    server = client.tcp(echo)
    client.expect(client.filter_run(f"{server.port}/tcp", data=data), 0, data)


@tap.test
def a_server_that_talks_first_and_listens_later_is_no_deadlock():
    data = os.urandom(client.MEGABYTES << 20)
    got = []

    def talk_then_listen(conn):
        conn.sendall(data)
        got.append(net.read_all(conn))
    server = client.tcp(talk_then_listen)
    client.expect(client.filter_run(f"{server.port}/tcp", data=data[::-1]), 0, data)
    tap.equal(got[0] == data[::-1], True, "what the server got is what was sent")


@tap.test
def a_filter_half_closes_and_gets_the_whole_answer():
    def reverse(conn):
        conn.sendall(net.read_all(conn)[::-1])
    server = client.tcp(reverse)
    client.expect(client.filter_run(f"{server.port}/tcp", data=b"abc"), 0, b"cba")


@tap.test
def a_filter_ends_when_the_server_does_though_stdin_is_open():
    server = client.tcp(lambda conn: conn.sendall(b"Sunday\n"))
    reader, writer = os.pipe()
    try:
        done = subprocess.run([client.CSERVC, net.LOOPBACK, f"{server.port}/tcp"], stdin=reader,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env=daemon.environment(), timeout=tap.WAIT_SECONDS * tap.FACTOR)
    finally:
        os.close(reader)
        os.close(writer)
    client.expect(done, 0, b"Sunday\n")


@tap.test
def a_server_that_closes_without_an_answer_is_a_failure():
    server = client.tcp(net.read_all)
    client.expect(client.filter_run(f"{server.port}/tcp", data=b"hello\n"), 1,
           err="closed by the server without an answer")


@tap.test
def nothing_asked_is_nothing_owed():
    server = client.tcp(net.read_all)
    client.expect(client.filter_run(f"{server.port}/tcp"), 0)


@tap.test
def a_silent_tcp_server_is_left_after_the_time_limit():
    over = threading.Event()
    tap.current().on_exit(over.set)
    server = client.tcp(lambda conn: over.wait(tap.WAIT_SECONDS))
    client.expect(client.filter_run(f"{server.port}/tcp", "-w", "0.3", data=b"x\n"), 1,
           err=f"no answer from 127.0.0.1:{server.port}/tcp within 0.3 s")


@tap.test
def an_answer_without_an_end_is_printed_and_reported():
    over = threading.Event()
    tap.current().on_exit(over.set)

    def answer(conn):
        conn.sendall(b"half")
        over.wait(tap.WAIT_SECONDS)
    server = client.tcp(answer)
    client.expect(client.filter_run(f"{server.port}/tcp", "-w", "0.3", data=b"x\n"), 1, b"half",
           "silent for 0.3 s, but not closed")


@tap.test
def a_slow_server_is_heard_to_its_end():
    def slowly(conn):
        net.read_all(conn)
        for byte in b"abcdef":
            conn.sendall(bytes([byte]))
            time.sleep(0.4)     # longer than the limit in all, shorter each time
    server = client.tcp(slowly)
    client.expect(client.filter_run(f"{server.port}/tcp", "-w", "1.5", data=b"x\n"), 0, b"abcdef")


@tap.test
def a_reset_is_reported_after_what_was_said():
    def cut(conn):
        conn.recv(1)
        conn.sendall(b"half")
        tap.wait_for(lambda: b"" if conn.recv(65536) else b"x", "end of the input")
        net.reset(conn)
    server = client.tcp(cut)
    done = client.filter_run(f"{server.port}/tcp", data=b"hello\n")
    client.expect(done, 1, b"half", "connection cut: Connection reset by peer")


@tap.test
def a_server_that_does_not_want_it_all_is_reported():
    server = client.tcp(lambda conn: conn.recv(1))
    done = client.filter_run(f"{server.port}/tcp", data=bytes(client.MEGABYTES << 20))
    tap.equal(done.returncode, 1, "exit status")
    assert f"127.0.0.1:{server.port}/tcp: " in done.stderr.decode(), done.stderr


@tap.test
def a_closed_tcp_port_is_named():
    port = net.free_port()
    client.expect(client.filter_run(f"{port}/tcp", data=b"x\n"), 1,
           err=f"cservc: 127.0.0.1:{port}/tcp: Connection refused: nothing listens there\n")


@tap.test
def an_unknown_host_is_named():
    client.expect(client.filter_run("7/tcp", host="nosuchhost.invalid"), 1, err='cservc: "nosuchhost.invalid": ')


@tap.test
def a_full_disk_is_reported():
    server = client.tcp(client.upper)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([client.CSERVC, net.LOOPBACK, f"{server.port}/tcp"], input=b"x\n",
                              stdout=full, stderr=subprocess.PIPE, check=False,
                              env=daemon.environment(), timeout=tap.WAIT_SECONDS * tap.FACTOR)
    tap.equal(done.returncode, 1, "exit status")
    assert b"standard output: No space left on device" in done.stderr, done.stderr


@tap.test
def a_closed_stdin_is_the_end_and_a_closed_stdout_an_error():
    for closed, status, err in ("0<&-", 0, ""), ("1>&-", 1, "standard output: Bad file"):
        server = client.tcp(lambda conn: conn.sendall(b"Sunday\n"))
        done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", client.CSERVC, net.LOOPBACK,
                               f"{server.port}/tcp"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env=daemon.environment(), timeout=tap.WAIT_SECONDS * tap.FACTOR)
        client.expect(done, status, b"" if status else b"Sunday\n", err)


@tap.test
def tcp_over_ipv6_with_and_without_brackets():
    net.needs_ipv6()
    for host in "::1", "[::1]":
        server = client.tcp(client.upper, "::1")
        client.expect(client.filter_run(f"{server.port}/tcp", data=b"hello\n", host=host), 0, b"HELLO\n")


@tap.test
def each_family_can_be_demanded():
    server = client.tcp(client.upper)
    client.expect(client.filter_run(f"{server.port}/tcp", "-4", data=b"x\n", host="localhost"), 0, b"X\n")
    client.expect(client.filter_run(f"{server.port}/tcp", "-6", host=net.LOOPBACK), 1, err='"127.0.0.1": ')
    client.expect(client.filter_run(f"{server.port}/tcp", "-4", host="[::1]"), 1, err='"[::1]": ')


@tap.test
def udp_sends_a_datagram_for_each_line():
    server = client.udp(lambda request: [request.upper()])
    done = client.filter_run(f"{server.port}/udp", data=b"one\n\ntwo\r\nlast")
    client.expect(done, 0, b"ONE\n\nTWO\r\nLAST\n")
    tap.equal(server.received, [b"one", b"", b"two\r", b"last"], "datagrams")


@tap.test
def udp_is_byte_exact():
    line = bytes(byte for byte in range(256) if byte != 10) * 200
    server = client.udp(lambda request: [request])
    client.expect(client.filter_run(f"{server.port}/udp", data=line + b"\n"), 0, line + b"\n")


@tap.test
def udp_over_ipv6():
    net.needs_ipv6()
    server = client.udp(lambda request: [request.upper()], "::1")
    client.expect(client.filter_run(f"{server.port}/udp", data=b"hello\n", host="[::1]"), 0, b"HELLO\n")


@tap.test
def a_line_too_long_for_a_datagram_is_refused():
    server = client.udp(lambda request: [request])
    done = client.filter_run(f"{server.port}/udp", data=b"a\n" + b"x" * 70000 + b"\nb\n")
    client.expect(done, 1, b"a\n", "line 2: too long for a datagram")
    tap.equal(server.received, [b"a"], "datagrams")


@tap.test
def a_silent_udp_server_is_named_and_the_next_line_still_sent():
    server = client.udp(lambda request: [] if request == b"lost" else [request])
    done = client.filter_run(f"{server.port}/udp", "-w", "1.5", data=b"a\nlost\nb\n")
    client.expect(done, 1, b"a\nb\n",
           f"cservc: no answer from 127.0.0.1:{server.port}/udp within 1.5 s\n")


@tap.test
def a_closed_udp_port_is_named_at_once():
    port = net.free_port()
    start = time.monotonic()
    client.expect(client.filter_run(f"{port}/udp", "-w", "15", data=b"x\n"), 1,
           err=f"cservc: 127.0.0.1:{port}/udp: Connection refused: nothing listens there\n")
    assert time.monotonic() - start < 10, "it waited for the time limit"


@tap.test
def wrong_usage_is_64_with_a_reason():
    for words, reason in [
            ([], "HOST and PORT/PROTO are needed"),
            (["localhost"], "HOST and PORT/PROTO are needed"),
            (["localhost", "7/tcp", "more"], "HOST and PORT/PROTO are needed"),
            (["localhost", "7007"], '"7007": the protocol is missing'),
            (["localhost", "7007/sctp"], '"7007/sctp": the protocol must be tcp or udp'),
            (["localhost", "0/tcp"], '"0/tcp": port 0'),
            (["localhost", "65536/tcp"], '"65536/tcp": the highest port'),
            (["localhost", "nosuchservice/udp"], "/etc/services"),
            (["localhost", "127.0.0.1:7/tcp"], "two words"),
            (["", "7/tcp"], "the host is missing"),
            (["[::1", "7/tcp"], "the closing ] is missing"),
            (["-w", "0", "localhost", "7/tcp"], '-w "0"'),
            (["-w", "-1", "localhost", "7/tcp"], '-w "-1"'),
            (["-w", "5s", "localhost", "7/tcp"], '-w "5s"'),
            (["-w", "1.2.3", "localhost", "7/tcp"], '-w "1.2.3"'),
            (["-w"], "-w: a number of seconds is missing"),
            (["-x", "localhost", "7/tcp"], '"-x": no such option'),
            (["--nosuch", "localhost", "7/tcp"], '"--nosuch": no such option')]:
        done = subprocess.run([client.CSERVC, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, env=daemon.environment(),
                              timeout=tap.WAIT_SECONDS * tap.FACTOR)
        client.expect(done, 64, err=reason)
        tap.equal(done.stderr.count(b"\n"), 1, f"lines about {words}")


@tap.test
def help_fits_one_screen_and_names_every_option():
    for option in "-h", "--help":
        done = subprocess.run([client.CSERVC, option], stdout=subprocess.PIPE, check=True)
        lines = done.stdout.decode().splitlines()
        assert len(lines) <= 24 and max(map(len, lines)) < 100, f"{len(lines)} lines"
        for name in "-4", "-6", "-w", "-h", "-V":
            assert name in done.stdout.decode(), name


@tap.test
def version_is_one_line():
    done = subprocess.run([client.CSERVC, "-V"], stdout=subprocess.PIPE, check=True)
    assert done.stdout.startswith(b"cservc ") and done.stdout.count(b"\n") == 1, done.stdout


if __name__ == "__main__":
    tap.run()
