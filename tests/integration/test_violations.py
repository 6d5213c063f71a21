#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""on_violation: what a denied call costs, what the log says about it, and what learn teaches."""

from lib import net
from lib.daemon import Daemon, echo, service
from lib.tap import equal, run, test


def denied(port, protocol, *keys):
    return service("denied", f"127.0.0.1:{port}/{protocol}", "denied.so", *keys)


def start(mode, *keys, protocol="tcp", deaths=False):
    """A daemon whose service "denied" has that on_violation, and its port."""
    port = net.free_port()
    daemon = Daemon(denied(port, protocol, f"on_violation = {mode}", *keys), deaths=deaths)
    return daemon, port


def peer(sock):
    """The bracketed peer in a line about this connection, as a regular expression."""
    return rf"denied\[127\.0\.0\.1:{sock.getsockname()[1]}\]"


def end(daemon, sock):
    """Ends a connection and waits for the last line about it; returns the pattern of its peer."""
    who = peer(sock)
    sock.close()
    daemon.wait_line(who + ": closed by client")
    return who


@test
def hangup_closes_the_connection_and_says_what_to_write():
    daemon, port = start("hangup", deaths=True)
    sock = net.tcp(port)
    sock.sendall(b"openat\n")
    equal(net.read_all(sock), b"", "what the client got")
    daemon.wait_line(peer(sock) + ': denied openat: add "sandbox = rpath" and "read_paths"; '
                     "connection closed$")


@test
def the_hint_adds_to_what_is_granted():
    daemon, port = start("deny", "sandbox = rpath", "read_paths = /etc/hostname")
    sock = net.tcp(port)
    equal(net.ask(sock, b"socket\n"), b"socket: EPERM\n")
    daemon.wait_line(peer(sock) + ': denied socket: add "sandbox [+]= inet" and "connect_ports"$')


@test
def deny_lets_the_connection_and_the_worker_go_on():
    daemon, port = start("deny")
    worker = daemon.worker("denied")
    sock = net.tcp(port)
    equal(net.ask(sock, b"openat\n"), b"openat: EPERM\n")
    equal(net.ask(sock, b"socket\n"), b"socket: EPERM\n")
    equal(net.ask(sock, b"getpid\n"), b"getpid: done\n")
    end(daemon, sock)
    equal(daemon.worker("denied"), worker, "process id of the worker")


@test
def repeats_are_one_line_and_a_count_at_the_end():
    daemon, port = start("deny")
    sock = net.tcp(port)
    equal(net.ask(sock, b"openat 6\n"), b"openat 6: EPERM\n")
    who = end(daemon, sock)
    equal(len(daemon.matches(who + ": denied openat: ")), 1, "lines about the first call")
    equal(len(daemon.matches(who + ": denied openat 5 more times$")), 1, "lines that count")


@test
def each_connection_and_call_has_a_line_of_its_own():
    daemon, port = start("deny")
    for _ in range(3):
        sock = net.tcp(port)
        equal(net.ask(sock, b"openat\n"), b"openat: EPERM\n")
        equal(net.ask(sock, b"socket\n"), b"socket: EPERM\n")
        equal(net.ask(sock, b"openat\n"), b"openat: EPERM\n")
        who = end(daemon, sock)
        equal(len(daemon.matches(who + ": denied openat: ")), 1, "lines about openat")
        equal(len(daemon.matches(who + ": denied socket: ")), 1, "lines about socket")
        equal(len(daemon.matches(who + ": denied openat 1 more time$")), 1, "counts")


def ends_the_worker(mode, request, *words):
    daemon, port = start(mode, deaths=True)
    worker = daemon.worker("denied")
    sock = net.tcp(port)
    sock.sendall(request)
    assert net.is_ended(sock)
    for word in words:
        daemon.wait_line(peer(sock) + word)
    daemon.wait_line(f"denied: worker {worker} exited with status 70; in flight: 127")
    equal(net.ask(net.tcp(port), b"getpid\n"), b"getpid: done\n")


@test
def kill_ends_the_worker_at_the_first_denied_call():
    ends_the_worker("kill", b"openat\n", ": denied openat: .*; worker replaced$")


@test
def the_eighth_denied_call_of_a_connection_ends_the_worker():
    ends_the_worker("deny", b"openat 8\n", ': denied openat: .*"read_paths"$',
                    ": denied openat 6 more times$", ": denied openat: .*; worker replaced$")


@test
def the_eighth_denied_call_ends_the_worker_that_hangs_up_too():
    ends_the_worker("hangup", b"openat 8\n", ": denied openat: .*; connection closed$",
                    ": denied openat: .*; worker replaced$")


@test
def an_attackers_call_ends_the_worker_in_every_mode():
    for mode in "hangup", "deny":
        ends_the_worker(mode, b"vm\n", ": denied process_vm_writev: no promise allows it; "
                        "worker replaced$")


@test
def denied_datagrams_are_answered_where_deny_says_so():
    daemon, port = start("deny", "udp_amplify = 10", protocol="udp")
    sock = net.udp(port)
    equal(net.ask(sock, b"openat 3"), b"openat 3: EPERM")
    daemon.wait_line(peer(sock) + ': denied openat: add "sandbox = rpath" and "read_paths"$')
    daemon.wait_line(peer(sock) + ": denied openat 2 more times$")


@test
def looks_of_libc_cost_nothing_in_every_mode():
    for mode in "hangup", "deny", "kill":
        daemon, port = start(mode)
        sock = net.tcp(port)
        equal(net.ask(sock, b"libc 20\n"), b"libc 20: done\n")
        equal(net.ask(sock, b"libc-path\n") if mode == "deny" else b"libc-path: EPERM\n",
              b"libc-path: EPERM\n", "the same path from elsewhere")
        end(daemon, sock)
        equal(len(daemon.matches(": denied ")), 1 if mode == "deny" else 0, "lines")
        daemon.stop()


@test
def clone_fork_and_vfork_are_silent_in_every_mode():
    for mode in "hangup", "deny", "kill":
        daemon, port = start(mode)
        sock = net.tcp(port)
        for word in b"fork", b"clone":
            equal(net.ask(sock, word + b"\n"), word + b": EPERM\n")
        assert net.ask(sock, b"popen\n") != b"popen: done\n", "there was a process"
        sock.close()
        daemon.stop()
        equal(daemon.matches(": denied "), [], "lines about denied calls")


@test
def learn_says_the_line_to_write():
    daemon, port = start("learn")
    assert daemon.matches("denied: on_violation = learn: .*NEVER FOR PRODUCTION"), "not shouted"
    sock = net.tcp(port)
    equal(net.ask(sock, b"file-and-socket\n"), b"file-and-socket: done\n")
    equal(daemon.matches("learn: this handler"), [], "lines before the handler returned")
    sock.close()
    daemon.wait_line(r"denied: learn: this handler used: sandbox = inet rpath$")
    sock = net.tcp(port)
    equal(net.ask(sock, b"openat 20\n"), b"openat 20: done\n")
    end(daemon, sock)
    equal(len(daemon.matches("learn: this handler")), 1, "lines, the second run taught nothing")
    equal(daemon.matches(": denied "), [], "lines about denied calls")


@test
def what_learn_says_is_enough():
    daemon, port = start("learn")
    sock = net.tcp(port)
    net.ask(sock, b"access\n")
    sock.close()
    daemon.stop()
    words = daemon.wait_line(r"this handler used: (sandbox = .*)$").group(1)
    daemon, port = start("kill", words, "read_paths = /etc/passwd")
    equal(net.ask(net.tcp(port), b"access\n"), b"access: done\n")


@test
def learn_says_that_stdio_is_enough():
    daemon, port = start("learn")
    sock = net.tcp(port)
    equal(net.ask(sock, b"getpid\n"), b"getpid: done\n")
    equal(net.ask(sock, b"libc\n"), b"libc: done\n")
    sock.close()
    daemon.wait_line("denied: learn: this handler used: sandbox = stdio$")


@test
def learn_names_calls_that_no_promise_allows():
    daemon, port = start("learn")
    sock = net.tcp(port)
    net.ask(sock, b"vm\n")
    sock.close()
    daemon.wait_line("denied: learn: this handler used: sandbox = stdio; "
                     "no promise allows process_vm_writev$")


@test
def learn_lets_processes_be_made():
    daemon, port = start("learn")
    sock = net.tcp(port)
    equal(net.ask(sock, b"fork\n"), b"fork: done\n")
    equal(net.ask(sock, b"popen\n"), b"popen: done\n")
    sock.close()
    daemon.wait_line("denied: learn: this handler used: sandbox = exec$")


@test
def learn_works_for_datagrams():
    daemon, port = start("learn", "udp_amplify = 10", protocol="udp")
    equal(net.ask(net.udp(port), b"openat"), b"openat: done")
    daemon.wait_line("denied.*: learn: this handler used: sandbox = rpath$")


@test
def learn_still_guards_the_listener():
    daemon, port = start("learn")
    sock = net.tcp(port)
    for word in b"shutdown", b"unspec", b"filter":
        equal(net.ask(sock, word + b"\n"), word + b": EPERM\n")
    equal(net.ask(net.tcp(port), b"getpid\n"), b"getpid: done\n")
    daemon.wait_line(peer(sock) + ": denied shutdown: no promise allows it$")


@test
def other_services_do_not_learn():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(denied(ports[0], "tcp", "on_violation = learn") +
                    service("strict", f"127.0.0.1:{ports[1]}/tcp", "denied.so",
                            "on_violation = deny") + echo(net.free_port()))
    equal(net.ask(net.tcp(ports[0]), b"openat\n"), b"openat: done\n")
    equal(net.ask(net.tcp(ports[1]), b"openat\n"), b"openat: EPERM\n")
    equal(len(daemon.matches("on_violation = learn")), 1, "warnings")


run()
