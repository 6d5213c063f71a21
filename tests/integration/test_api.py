#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The calls of cservd/plugin.h, as a client sees what they do."""

import re

from lib import net
from lib.daemon import Daemon, service
from lib.tap import equal, run, test, wait_for


def start(plugin, *keys, protocol="tcp", **others):
    """A daemon with one service; returns it and a connected socket."""
    port = net.free_port()
    daemon = Daemon(service("api", f"127.0.0.1:{port}/{protocol}", plugin, *keys), **others)
    return daemon, net.udp(port) if protocol == "udp" else net.tcp(port)


@test
def readline_takes_lf_and_crlf_and_a_last_line_without_end():
    _, sock = start("lines.so")
    equal(net.ask(sock, b"echo a\n"), b"a\n")
    equal(net.ask(sock, b"echo b\r\n"), b"b\n")
    sock.sendall(b"echo last")
    sock.shutdown(net.socket.SHUT_WR)
    equal(net.read_all(sock), b"last\n")


@test
def readline_takes_many_lines_of_one_packet():
    _, sock = start("lines.so")
    sock.sendall(b"".join(b"echo %d\n" % n for n in range(1000)) + b"quit\n")
    equal(net.read_all(sock), b"".join(b"%d\n" % n for n in range(1000)))


@test
def readline_refuses_a_line_that_does_not_fit():
    daemon, sock = start("lines.so")
    equal(net.ask(sock, b"echo " + b"f" * 194 + b"\n"), b"f" * 194 + b"\n")
    sock.sendall(b"echo " + b"f" * 195 + b"\n")
    assert net.is_ended(sock)
    daemon.wait_line("read failed: EMSGSIZE")


@test
def readline_refuses_a_nul():
    daemon, sock = start("lines.so")
    sock.sendall(b"echo a\0b\n")
    assert net.is_ended(sock)
    daemon.wait_line("read failed: EILSEQ")


@test
def readn_reads_exactly_what_it_is_told():
    _, sock = start("lines.so")
    sock.sendall(b"readn 5\nab")
    assert net.is_silent(sock, 0.2)
    sock.sendall(b"cdeecho next\n")
    equal(net.read_line(sock), b"abcde1 ok\n")
    equal(net.read_line(sock), b"next\n")


@test
def readn_tells_an_end_from_an_end_within():
    _, sock = start("lines.so")
    sock.sendall(b"readn 5\nab")
    sock.shutdown(net.socket.SHUT_WR)
    equal(net.read_all(sock), b"-1 EPROTO\n")
    _, sock = start("lines.so")
    sock.sendall(b"readn 5\n")
    sock.shutdown(net.socket.SHUT_WR)
    equal(net.read_all(sock), b"0 ok\n")


@test
def wait_tells_input_from_silence():
    _, sock = start("lines.so")
    equal(net.ask(sock, b"wait 50\n"), b"0 ok\n")
    sock.sendall(b"wait 20000\n")
    assert net.is_silent(sock, 0.2)
    equal(net.ask(sock, b"echo more\n"), b"1 ok\n")
    equal(net.read_line(sock), b"more\n")
    equal(net.ask(sock, b"wait 20000\necho held back\n"), b"1 ok\n")


@test
def a_handler_may_tighten_the_idle_limit():
    daemon, sock = start("lines.so")
    equal(net.ask(sock, b"idle 300\n"), b"0 ok\n")
    assert net.is_ended(sock)
    daemon.wait_line("read failed: ETIMEDOUT")
    daemon.wait_line(r"api\[.*\]: idle too long: [01]\.\d{3} s")


@test
def a_handler_cannot_loosen_the_idle_limit():
    daemon, sock = start("lines.so", "idle_timeout = 1s")
    equal(net.ask(sock, b"idle 600000\n"), b"0 ok\n")
    assert net.is_ended(sock)
    daemon.wait_line("idle too long")


@test
def a_handler_may_set_a_deadline():
    daemon, sock = start("lines.so")
    equal(net.ask(sock, b"deadline 300\n"), b"0 ok\n")
    assert net.is_ended(sock)
    daemon.wait_line("read failed: ETIMEDOUT")
    daemon.wait_line(r"api\[.*\]: open too long: ")


@test
def finish_half_closes_and_reading_goes_on():
    daemon, sock = start("lines.so")
    equal(net.ask(sock, b"finish\n"), b"0 ok\n")
    assert net.is_ended(sock)
    sock.sendall(b"log still heard\nquit\n")
    daemon.wait_line("still heard")


@test
def a_conn_knows_its_service_and_addresses():
    _, sock = start("lines.so")
    own = "127.0.0.1:%d" % sock.getsockname()[1]
    its = "127.0.0.1:%d" % sock.getpeername()[1]
    equal(net.ask(sock, b"who\n"), f"api {own} {its} 16 16\n".encode())


@test
def a_log_line_has_service_and_peer():
    daemon, sock = start("lines.so")
    net.ask(sock, b"log something happened\n")
    daemon.wait_line(rf"api\[127\.0\.0\.1:{sock.getsockname()[1]}\]: something happened$")


@test
def a_log_line_stays_one_line_whatever_is_in_it():
    daemon, sock = start("lines.so")
    net.ask(sock, b"control\n")
    daemon.wait_line(r"api\[.*\]: one.*two.*red$")
    assert "\033" not in daemon.log(), "an escape reached the log"
    sock.sendall("log \x1b[31mé\u202e\x07 %s%n\n".encode())
    net.read_line(sock)
    daemon.wait_line(r"%s%n$")
    assert not re.search(r"[^\x20-\x7e\n]", daemon.log()), "bytes that are not printable"


@test
def log_lines_of_every_priority_arrive():
    daemon, sock = start("lines.so")
    net.ask(sock, b"priorities said\n")
    daemon.wait_line(r"api\[.*\]: said at 6$")
    for priority in range(7):
        equal(len(daemon.matches(rf"said at {priority}$")), 1, f"lines of priority {priority}")
    equal(len(daemon.matches("said at 7$")), 0, "lines of debug")


@test
def log_level_debug_shows_more():
    port = net.free_port()
    daemon = Daemon(service("api", f"127.0.0.1:{port}/tcp", "lines.so"), "-v")
    net.ask(net.tcp(port), b"priorities said\n")
    daemon.wait_line(r"api\[.*\]: said at 7$")


@test
def log_level_error_shows_less():
    port = net.free_port()
    daemon = Daemon("[cservd]\nlog_level = error\n" +
                    service("api", f"127.0.0.1:{port}/tcp", "lines.so"), wait=False)
    wait_for(lambda: net.can_connect(port), "the open port")
    net.ask(net.tcp(port), b"priorities said\n")
    daemon.wait_line(r"api\[.*\]: said at 3$")
    equal(len(daemon.matches("said at [4-7]$")), 0, "lines below errors")


@test
def a_flood_of_log_lines_does_not_stop_the_service():
    daemon, sock = start("lines.so")
    equal(net.ask(sock, b"flood 100000\n"), b"0 ok\n")
    equal(net.ask(sock, b"echo alive\n"), b"alive\n")
    assert len(daemon.matches("flood")) < 100000, "nothing limits the lines of a plugin"
    sock.close()
    daemon.wait_line(r"api: .*(messages were lost|lines suppressed)")


@test
def sleep_wakes_up_and_a_client_that_leaves_ends_it():
    _, sock = start("sleeper.so")
    equal(net.ask(sock, b"10\n"), b"awake\n")


@test
def sleep_ends_with_the_drain():
    daemon, sock = start("sleeper.so", "drain_timeout = 1s")
    equal(net.ask(sock, b"1\n"), b"awake\n")
    sock.sendall(b"60000\n")
    daemon.kill()
    daemon.wait_line("sleep ended: ECANCELED")
    equal(daemon.wait_exit(), 0, "exit status")


@test
def a_library_may_use_the_descriptor():
    _, sock = start("rawfd.so")
    equal(net.ask(sock, b"raw\n"), b"raw\n")
    sock.sendall(b"x" * 100000)
    sock.shutdown(net.socket.SHUT_WR)
    equal(net.read_all(sock), b"x" * 100000)


@test
def the_descriptor_is_refused_while_bytes_are_held_back():
    _, sock = start("rawfd.so", "opt.peek = yes")
    equal(net.ask(sock, b"line\nmore"), b"EBUSY\n")
    _, sock = start("rawfd.so", "opt.peek = yes")
    equal(net.ask(sock, b"line\n"), b"done\n")


@test
def a_datagram_has_no_descriptor():
    _, sock = start("rawfd.so", protocol="udp")
    equal(net.ask(sock, b"?"), b"EOPNOTSUPP")     # ENOTSUP by its other name


@test
def options_have_their_defaults():
    _, sock = start("options.so")
    equal(net.read_all(sock), b"text=unset choice=1 flag=0 number=-1 size=4096 delay=1500\n")


@test
def options_of_every_kind_arrive():
    _, sock = start("options.so", "opt.text = two words", "opt.choice = blue", "opt.flag = yes",
                    "opt.number = -5", "opt.size = 3M", "opt.delay = 2m", "opt.item.web = a",
                    "opt.item.mail = b")
    equal(net.read_all(sock), b"text=two words choice=2 flag=1 number=-5 size=3145728 "
                              b"delay=120000\nitem.web=a\nitem.mail=b\n")


@test
def data_of_the_service_reaches_its_handlers():
    _, sock = start("hooks.so")
    assert net.read_all(sock).endswith(b"data 42\n")


run()
