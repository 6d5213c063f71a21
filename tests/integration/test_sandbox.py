#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The sandbox: every thread is filtered, and a denied call costs what the manual says."""

import os

from lib import net, proc
from lib.daemon import Daemon, echo, service
from lib.tap import equal, run, test, wait_for

FILTERED = "2"      # SECCOMP_MODE_FILTER, as in the Seccomp line of a status file


def denied(port, protocol="tcp", *keys):
    return service("denied", f"127.0.0.1:{port}/{protocol}", "denied.so", *keys)


def unfiltered(pid):
    """The threads of a process without a seccomp filter."""
    modes = {tid: proc.status(pid, tid).get("Seccomp") for tid in proc.threads(pid)}
    return {tid: mode for tid, mode in modes.items() if mode not in (FILTERED, None)}


@test
def every_thread_of_every_worker_is_filtered():
    ports = [net.free_port() for _ in range(3)]
    daemon = Daemon(echo(ports[0]) +
                    service("udp", f"127.0.0.1:{ports[1]}/udp", "echo_upper.so") +
                    service("both", f"127.0.0.1:{ports[2]}/tcp 127.0.0.1:{ports[2]}/udp",
                            "echo_upper.so"))
    socks = [net.tcp(port) for port in (ports[0], ports[2]) for _ in range(20)]
    for sock in socks:
        net.ask(sock, b"hello\n")
    for port in ports[1:]:
        net.ask(net.udp(port), b"hello")
    workers = daemon.workers()
    assert len(workers) >= 3, f"{len(workers)} workers for three services"
    for worker in workers:
        assert proc.threads(worker), f"worker {worker} is gone"
        equal(unfiltered(worker), {}, "threads without a filter")


@test
def a_connector_is_filtered_as_well():
    port, target = net.free_port(), net.free_port()
    daemon = Daemon(echo(target) + service("relay", f"127.0.0.1:{port}/tcp", "relay.so",
                                           f"opt.target = 127.0.0.1:{target}"))
    equal(net.ask(net.tcp(port), b"through\n"), b"THROUGH\n")
    for pid in daemon.workers():
        equal(unfiltered(pid), {}, f"threads of {proc.command(pid)} without a filter")


def ends_with_a_line(word, call, promise):
    """The named attempt fails, its connection ends, one line explains it; others go on."""
    port = net.free_port()
    daemon = Daemon(denied(port) + echo(net.free_port()), deaths=True)
    sock = net.tcp(port)
    source = f"127\\.0\\.0\\.1:{sock.getsockname()[1]}"
    sock.sendall(word + b"\n")
    equal(net.read_all(sock), b"", "what the client got")
    hint = f'add "sandbox = {promise}"' if promise else "no promise allows it"
    daemon.wait_line(rf"denied\[{source}\]: denied {call}: {hint}.*; connection closed$")
    equal(len(daemon.matches(r": denied ")), 1, "lines about the denied call")
    return daemon, port


@test
def opening_a_file_is_denied():
    daemon, _ = ends_with_a_line(b"openat", "openat", "rpath")
    daemon.wait_line("tried openat: EPERM")
    daemon.wait_line(r"denied\[.*\]: cut after a denied system call: ")


@test
def creating_a_socket_is_denied():
    daemon, _ = ends_with_a_line(b"socket", "socket", "inet")
    daemon.wait_line("tried socket: EPERM")


@test
def executable_memory_is_denied():
    daemon, _ = ends_with_a_line(b"mmap", "mmap", None)
    daemon.wait_line("tried mmap: EPERM")


@test
def signalling_the_master_is_denied():
    daemon, _ = ends_with_a_line(b"kill", "kill", "proc")
    daemon.wait_line("tried kill: EPERM")


@test
def replacing_the_signal_handler_is_denied():
    daemon, _ = ends_with_a_line(b"sigaction", "rt_sigaction", None)
    daemon.wait_line("tried sigaction: EPERM")


@test
def shutting_down_the_listener_is_denied():
    daemon, port = ends_with_a_line(b"shutdown", "shutdown", None)
    equal(net.ask(net.tcp(port), b"getpid\n"), b"getpid: done\n")
    daemon.wait_line("tried shutdown: EPERM")


def replaces_the_worker(word, call):
    port = net.free_port()
    daemon = Daemon(denied(port), deaths=True)
    worker = daemon.worker("denied")
    sock = net.tcp(port)
    sock.sendall(word + b"\n")
    assert net.is_ended(sock)
    daemon.wait_line(rf"denied\[127\.0\.0\.1:\d+\]: denied {call}")
    wait_for(lambda: proc.is_reaped(worker), "end of the worker")
    equal(daemon.matches("tried "), [], "lines of the handler after the call")
    equal(net.ask(net.tcp(port), b"getpid\n"), b"getpid: done\n")


@test
def execve_replaces_the_worker():
    replaces_the_worker(b"execve", "execve")


@test
def ptrace_replaces_the_worker():
    replaces_the_worker(b"ptrace", "ptrace")


@test
def fork_fails_silently():
    port = net.free_port()
    daemon = Daemon(denied(port))
    sock = net.tcp(port)
    equal(net.ask(sock, b"fork\n"), b"fork: EPERM\n")
    equal(net.ask(sock, b"getpid\n"), b"getpid: done\n")
    sock.close()
    daemon.stop()
    equal(daemon.matches(": denied "), [], "lines about denied calls")


@test
def a_thread_that_a_handler_creates_is_filtered_too():
    port = net.free_port()
    daemon = Daemon(denied(port), deaths=True)
    equal(net.ask(net.tcp(port), b"thread\n"), b"thread: EPERM\n")
    daemon.wait_line(r'denied: denied openat: add "sandbox = rpath"')


@test
def a_handler_that_blocks_all_signals_costs_only_its_worker():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(denied(ports[0]) + echo(ports[1]), deaths=True)
    other = net.tcp(ports[1])
    sock = net.tcp(ports[0])
    sock.sendall(b"blocked\n")
    assert net.is_ended(sock)
    equal(net.ask(other, b"untouched\n"), b"UNTOUCHED\n")
    equal(net.ask(net.tcp(ports[0]), b"getpid\n"), b"getpid: done\n")


@test
def other_connections_of_the_service_live_on_after_a_denied_call():
    port = net.free_port()
    daemon = Daemon(denied(port), deaths=True)
    steady = net.tcp(port)
    equal(net.ask(steady, b"getpid\n"), b"getpid: done\n")
    sock = net.tcp(port)
    sock.sendall(b"openat\n")
    assert net.is_ended(sock)
    daemon.wait_line(": denied openat")
    equal(net.ask(steady, b"getpid\n"), b"getpid: done\n")
    equal(net.ask(net.tcp(port), b"getpid\n"), b"getpid: done\n")
    steady.close()


@test
def a_hundred_denied_calls_leave_the_service_usable():
    port = net.free_port()
    daemon = Daemon(denied(port, "tcp", "log_connections = no") + echo(net.free_port()),
                    deaths=True)
    for _ in range(100):
        sock = net.tcp(port)
        sock.sendall(b"openat\n")
        assert net.is_ended(sock)
    equal(net.ask(net.tcp(port), b"getpid\n"), b"getpid: done\n")
    assert len(daemon.matches("tried openat: done")) == 0, "a file was opened"


@test
def a_denied_call_in_a_datagram_handler_means_no_reply():
    port = net.free_port()
    daemon = Daemon(denied(port, "udp", "udp_amplify = 10"), deaths=True)
    sock = net.udp(port)
    sock.send(b"openat")
    assert net.is_silent(sock), "a reply came"
    source = f"127\\.0\\.0\\.1:{sock.getsockname()[1]}"
    daemon.wait_line(rf'denied\[{source}\]: denied openat: add "sandbox = rpath".*; no reply$')
    equal(net.ask(sock, b"getpid"), b"getpid: done")


@test
def sandbox_none_is_shouted_and_allows_everything():
    port = net.free_port()
    daemon = Daemon(denied(port, "tcp", "sandbox = none"))
    assert daemon.matches("denied: sandbox = none: "), "nothing was said about it"
    sock = net.tcp(port)
    equal(net.ask(sock, b"openat\n"), b"openat: done\n")
    worker = daemon.worker("denied")
    assert len(unfiltered(worker)) == len(proc.threads(worker)), "there are filters"
    sock.close()


@test
def a_worker_gains_no_privileges_and_is_not_dumpable():
    daemon = Daemon(echo(net.free_port()))
    worker = daemon.worker("echo-upper")
    equal(proc.status(worker)["NoNewPrivs"], "1", "NoNewPrivs")
    equal(os.stat(f"/proc/{worker}/maps").st_uid, 0, "owner of a process that is not dumpable")


run()
