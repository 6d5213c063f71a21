#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""concurrency = process: what a connection does, good or bad, stays its own."""

import os
import signal
import socket
import threading

from lib import net, proc, tap
from lib.daemon import Daemon, configuration, needs_no_tsan, run as cservd, service
from lib.tap import FACTOR, equal, run, test, wait_for

PROCESS = "concurrency = process"
FILTERED = "2"      # of Seccomp: in /proc/PID/status


def section(port, handler, *keys, protocols=("tcp",)):
    name = handler.partition(".")[0].replace("_", "-")
    listen = " ".join(f"127.0.0.1:{port}/{protocol}" for protocol in protocols)
    return service(name, listen, handler, PROCESS, *keys)


def start(handler, *keys, protocols=("tcp",), **others):
    """One service with a process for each connection; returns the daemon and its port."""
    port = net.free_port()
    return Daemon(section(port, handler, *keys, protocols=protocols), **others), port


def parent(daemon):
    """The worker, which forks the others."""
    def found():
        pids = [pid for pid in proc.children(daemon.pid) if proc.is_alive(pid)]
        return pids if len(pids) == 1 else None
    return wait_for(found, "one worker")[0]


def forked(daemon, name="connection"):
    """The processes of connections, or of datagrams."""
    return [pid for pid in proc.children(parent(daemon))
            if proc.is_alive(pid) and proc.name(pid) == name]


def wait_forked(daemon, count, name="connection"):
    wait_for(lambda: len(forked(daemon, name)) == count, f"{count} processes named {name}")
    return forked(daemon, name)


def address(sock):
    return "127.0.0.1:%d" % sock.getsockname()[1]


def line_of(daemon, sock, text):
    """Waits for the line that ends a connection."""
    return daemon.wait_line(rf"\[{address(sock)}\]: {text}")


@test
def a_connection_is_served_by_a_process_of_its_own():
    daemon, port = start("state.so")
    worker = parent(daemon)
    first, second = net.tcp(port), net.tcp(port)
    pids = {int(net.ask(sock, b"pid\n")) for sock in (first, second)}
    equal(len(pids), 2, "number of processes")
    assert worker not in pids, "the worker itself serves"
    equal(sorted(pids), forked(daemon), "children of the worker")
    first.close()
    second.close()


@test
def the_worker_has_one_thread():
    needs_no_tsan("has a thread of its own")
    daemon, port = start("echo_upper.so", protocols=("tcp", "udp"))
    equal(net.ask(net.udp(port), b"x"), b"X")
    equal(len(proc.threads(parent(daemon))), 1, "threads of the worker")


@test
def its_end_is_logged_with_its_bytes():
    daemon, port = start("echo_upper.so")
    sock = net.tcp(port)
    equal(net.ask(sock, b"hello\n"), b"HELLO\n")
    sock.shutdown(socket.SHUT_WR)
    line_of(daemon, sock, r"closed by client: \d+\.\d{3} s, 6 in, 6 out$")


@test
def log_connections_no_leaves_no_line_but_for_a_crash():
    daemon, port = start("crash.so", "log_connections = no")
    sock = net.tcp(port)
    net.ask(sock, b"quiet\n")
    sock.close()
    sock = net.tcp(port)
    sock.sendall(b"abort\n")
    line_of(daemon, sock, "its process died: ")
    daemon.stop()
    equal(len(daemon.matches(r"crash\[")), 1, "lines")


@test
def what_a_handler_writes_last_arrives():
    daemon, port = start("writer.so", "opt.size = 3000000")
    for _ in range(5):
        equal(len(net.read_all(net.tcp(port))), 3000000, "length")
    daemon.stop()


@test
def a_crash_costs_only_its_connection_and_one_line():
    daemon, port = start("crash.so")
    worker = parent(daemon)
    others = [net.tcp(port) for _ in range(5)]
    for sock in others:
        equal(net.ask(sock, b"before\n"), b"before\n")
    # AddressSanitizer has words of its own for a bad address.
    said = {b"segv": "its process died: ", b"abort": "its process died: Aborted",
            b"exit": "its process died: exit status 3", b"overflow": "its process died: "}
    for way, text in said.items():
        sock = net.tcp(port)
        sock.sendall(way + b"\n")
        assert net.is_ended(sock), f"{way} did not end the connection"
        line_of(daemon, sock, text + r".*: \d+\.\d{3} s$")
        equal(len(daemon.matches(address(sock) + r"\]: (its|closed)")), 1, f"lines about {way}")
    for sock in others:
        equal(net.ask(sock, b"after\n"), b"after\n")
        sock.close()
    equal(parent(daemon), worker, "the worker")


@test
def a_violation_costs_only_its_connection():
    daemon, port = start("denied.so")
    worker = parent(daemon)
    other = net.tcp(port)
    equal(net.ask(other, b"getpid\n"), b"getpid: done\n")
    for call in b"openat", b"socket", b"execve", b"ptrace", b"sigaction", b"kill":
        sock = net.tcp(port)
        sock.sendall(call + b"\n")
        assert net.is_ended(sock), f"{call} did not end the connection"
        line_of(daemon, sock, "denied .*; connection closed")
        line_of(daemon, sock, "cut after a denied system call")
    equal(net.ask(other, b"getpid\n"), b"getpid: done\n")
    equal(parent(daemon), worker, "the worker")
    other.close()
    daemon.stop()
    equal(daemon.matches("replaced|successor|taint"), [], "lines about a successor")


@test
def on_violation_kill_ends_only_that_process():
    daemon, port = start("denied.so", "on_violation = kill")
    worker = parent(daemon)
    other = net.tcp(port)
    equal(net.ask(other, b"getpid\n"), b"getpid: done\n")
    sock = net.tcp(port)
    sock.sendall(b"openat\n")
    assert net.is_ended(sock)
    line_of(daemon, sock, "cut after a denied system call")
    equal(net.ask(other, b"getpid\n"), b"getpid: done\n")
    equal(parent(daemon), worker, "the worker")


@test
def on_violation_deny_goes_on():
    _, port = start("denied.so", "on_violation = deny")
    sock = net.tcp(port)
    equal(net.ask(sock, b"openat\n"), b"openat: EPERM\n")
    equal(net.ask(sock, b"getpid\n"), b"getpid: done\n")
    sock.close()


@test
def a_process_can_neither_fork_nor_make_threads():
    _, port = start("denied.so")
    sock = net.tcp(port)
    equal(net.ask(sock, b"fork\n"), b"fork: EPERM\n")
    equal(net.ask(sock, b"thread\n"), b"thread: EPERM\n")
    equal(net.ask(sock, b"getpid\n"), b"getpid: done\n")
    sock.close()


@test
def a_process_has_no_listener_to_harm():
    _, port = start("denied.so", protocols=("tcp", "udp"))
    sock = net.tcp(port)
    equal(net.ask(sock, b"shutdown\n"), b"shutdown: EBADF\n")    # it found none
    equal(net.ask(net.tcp(port), b"getpid\n"), b"getpid: done\n")
    sock.close()


@test
def processes_and_worker_are_filtered():
    daemon, port = start("denied.so", protocols=("tcp", "udp"))
    sock = net.tcp(port)
    net.ask(sock, b"getpid\n")
    worker = parent(daemon)
    for pid in [worker] + proc.descendants(worker):
        for tid in proc.threads(pid):
            status = proc.status(pid, tid)
            equal(status["Seccomp"], FILTERED, f"Seccomp of {proc.name(pid)}")
            equal(status["NoNewPrivs"], "1", "NoNewPrivs")

    def filters(pid):
        return int(proc.status(pid)["Seccomp_filters"])
    for name in "connection", "datagrams":
        equal(filters(wait_forked(daemon, 1, name)[0]), filters(worker) + 1, f"filters of {name}")
    sock.close()


@test
def a_process_keeps_no_descriptor_of_others():
    tap.needs_root()
    daemon, port = start("echo_upper.so", protocols=("tcp", "udp"))
    socks = [net.tcp(port) for _ in range(3)]
    for sock in socks:
        net.ask(sock, b"open\n")
    for pid in wait_forked(daemon, 3):
        sockets = [name for name in proc.fds(pid).values() if name.startswith("socket:")]
        equal(len(set(sockets)), 2, "sockets: the connection and the channel")
        others = [name for name in proc.fds(pid).values()
                  if name != "/dev/null" and not name.startswith("socket:")]
        equal(others, [], "other descriptors")


@test
def static_variables_are_not_shared():
    _, port = start("state.so")
    first, second = net.tcp(port), net.tcp(port)
    equal(net.ask(first, b"count\n"), b"1\n")
    equal(net.ask(first, b"count\n"), b"2\n")
    equal(net.ask(second, b"count\n"), b"1\n")
    first.close()
    second.close()
    equal(net.ask(net.tcp(port), b"count\n"), b"1\n")


@test
def what_start_prepared_is_there():
    _, port = start("hooks.so")
    assert net.read_all(net.tcp(port)).endswith(b"data 42\n")


@test
def max_connections_is_a_limit_and_further_clients_wait():
    daemon, port = start("echo_upper.so", "max_connections = 3")
    served = [net.tcp(port) for _ in range(3)]
    for sock in served:
        net.ask(sock, b"served\n")
    waiting = net.tcp(port)
    waiting.sendall(b"waiting\n")
    assert net.is_silent(waiting)
    equal(len(forked(daemon)), 3, "processes")
    served[0].close()
    equal(net.read_line(waiting), b"WAITING\n")
    equal(len(forked(daemon)), 3, "processes")
    for sock in served + [waiting]:
        sock.close()


@test
def two_hundred_clients_at_once_are_served_and_leave_no_zombie():
    daemon, port = start("echo_upper.so")
    socks = [net.tcp(port) for _ in range(200)]
    for number, sock in enumerate(socks):
        sock.sendall(b"client %d\n" % number)
    for number, sock in enumerate(socks):
        equal(net.read_line(sock), b"CLIENT %d\n" % number)
    equal(len(forked(daemon)), 200, "processes")
    for sock in socks:
        sock.close()
    wait_for(lambda: not proc.children(parent(daemon)), "the end of all, reaped")
    daemon.stop()
    equal(len(daemon.matches("closed by client")), 200, "lines")


@test
def several_listeners_are_accepted_from():
    first, second = net.free_port(), net.free_port()
    Daemon(service("echo-upper", f"127.0.0.1:{first}/tcp 127.0.0.1:{second}/tcp", "echo_upper.so",
                   PROCESS))
    for port in first, second, first:
        equal(net.ask(net.tcp(port), b"there\n"), b"THERE\n")


@test
def limits_end_a_connection():
    daemon, port = start("echo_upper.so", "idle_timeout = 200ms", "max_duration = 1s")
    sock = net.tcp(port)
    assert net.is_ended(sock)
    line_of(daemon, sock, "idle too long")
    sock = net.tcp(port)

    def speaks_to_nobody():
        try:
            sock.sendall(b"x")
            return net.is_ended(sock)
        except ConnectionError:
            return True
    wait_for(speaks_to_nobody, "max_duration")
    line_of(daemon, sock, "open too long")


@test
def a_handler_that_never_returns_is_killed_at_max_duration():
    daemon, port = start("spin.so", "max_duration = 300ms")
    sock = net.tcp(port)
    equal(net.read_line(sock), b"spinning\n")
    line_of(daemon, sock, "open too long")
    wait_for(lambda: not proc.children(parent(daemon)), "its end")
    equal(len(daemon.matches("did not return when it was cut")), 1, "lines")


@test
def a_drain_lets_connections_finish_and_tells_handlers():
    daemon, port = start("state.so")
    told, busy = net.tcp(port), net.tcp(port)
    equal(net.ask(busy, b"draining\n"), b"no\n")
    told.sendall(b"wait\n")
    wait_forked(daemon, 2)
    daemon.kill()
    equal(net.read_line(told), b"yes\n")
    wait_for(lambda: not net.can_connect(port), "a closed port")
    equal(net.ask(busy, b"draining\n"), b"yes\n")
    told.close()
    busy.close()
    equal(daemon.wait_exit(), 0, "exit status")


@test
def the_end_of_a_drain_cuts():
    daemon, port = start("sleeper.so", "drain_timeout = 300ms")
    sock = net.tcp(port)
    sock.sendall(b"60000\n")
    wait_forked(daemon, 1)
    daemon.kill()
    assert net.is_ended(sock)
    equal(daemon.wait_exit(), 0, "exit status")
    line_of(daemon, sock, "cut at the end of the drain")
    equal(len(daemon.matches("sleep ended: ECANCELED")), 1, "lines of the handler")
    equal(daemon.matches("did not return"), [], "lines about killed handlers")


@test
def a_stop_leaves_no_process():
    daemon, port = start("spin.so", "drain_timeout = 200ms")
    socks = [net.tcp(port) for _ in range(3)]
    for sock in socks:
        equal(net.read_line(sock), b"spinning\n")
    family = proc.descendants(daemon.pid)
    equal(len(family), 4, "worker and connections")
    daemon.stop()
    assert not any(map(proc.is_alive, family)), "somebody is left"


@test
def the_stop_hook_runs_once_in_the_worker():
    daemon, port = start("hooks.so")
    net.read_all(net.tcp(port))
    daemon.stop()
    equal(len(daemon.matches("hook stop 42")), 1, "lines")


@test
def killing_the_worker_ends_all_and_names_the_peers():
    daemon, port = start("echo_upper.so", deaths=True)
    socks = [net.tcp(port) for _ in range(3)]
    for sock in socks:
        net.ask(sock, b"open\n")
    worker = parent(daemon)
    family = proc.children(worker)
    equal(len(family), 3, "connections")
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not any(map(proc.is_alive, family)), "the end of the connections")
    line = daemon.wait_line(f"worker {worker} died: Killed; in flight: ").string
    for sock in socks:
        assert address(sock) in line, line
    equal(net.ask(net.tcp(port), b"back\n"), b"BACK\n")


@test
def killing_the_master_leaves_no_process():
    daemon, port = start("echo_upper.so", protocols=("tcp", "udp"), deaths=True)
    net.ask(net.tcp(port), b"open\n")
    family = proc.descendants(daemon.pid)
    equal(len(family), 3, "worker, connection, datagrams")
    daemon.kill(signal.SIGKILL)
    daemon.process.wait()
    wait_for(lambda: not any(map(proc.is_alive, family)), "their end")


@test
def datagrams_are_answered():
    daemon, port = start("echo_upper.so", protocols=("tcp", "udp"))
    equal(net.ask(net.udp(port), b"datagram"), b"DATAGRAM")
    daemon.stop()
    daemon.wait_line("datagrams: 1 in, 1 out")


@test
def a_crash_by_a_datagram_costs_no_connection():
    daemon, port = start("crash.so", protocols=("tcp", "udp"))
    stream, datagram = net.tcp(port), net.udp(port)
    equal(net.ask(stream, b"before\n"), b"before\n")
    equal(net.ask(datagram, b"before"), b"before")
    datagram.send(b"abort")
    daemon.wait_line("the process of its datagrams died: Aborted")
    equal(net.ask(datagram, b"after"), b"after")
    equal(net.ask(stream, b"after\n"), b"after\n")
    stream.close()


@test
def a_violation_by_a_datagram_gets_a_new_process_for_datagrams():
    daemon, port = start("denied.so", protocols=("tcp", "udp"))
    sock = net.udp(port)
    equal(net.ask(sock, b"getpid"), b"getpid: done")
    first = wait_forked(daemon, 1, "datagrams")
    sock.send(b"openat")
    daemon.wait_line("denied openat: .*; no reply")
    wait_for(lambda: forked(daemon, "datagrams") not in ([], first), "another process")
    equal(net.ask(sock, b"getpid"), b"getpid: done")


@test
def handlers_connect_to_their_targets():
    port, target = net.free_port(), net.free_port()
    Daemon(service("echo-upper", f"127.0.0.1:{target}/tcp", "echo_upper.so") +
           section(port, "relay.so", f"opt.target = localhost:{target}"))
    socks = [net.tcp(port) for _ in range(50)]
    for number, sock in enumerate(socks):
        sock.sendall(b"client %d\n" % number)
    for number, sock in enumerate(socks):
        equal(net.read_line(sock), b"CLIENT %d\n" % number)
        sock.close()


@test
def a_refused_target_is_an_error_of_the_call():
    _, port = start("relay.so", f"opt.target = 127.0.0.1:{net.free_port()}")
    equal(net.read_all(net.tcp(port)), b"cannot connect: ECONNREFUSED\n")


@test
def a_drain_cuts_a_handler_that_waits_for_its_target():
    server = socket.socket()
    tap.current().on_exit(server.close)
    server.bind(("127.0.0.1", 0))
    server.listen()
    daemon, port = start("relay.so", "opt.target = 127.0.0.1:%d" % server.getsockname()[1],
                         "drain_timeout = 300ms")
    sock = net.tcp(port)
    server.settimeout(tap.WAIT_SECONDS * FACTOR)
    tap.current().on_exit(server.accept()[0].close)
    daemon.kill()
    assert net.is_ended(sock)
    equal(daemon.wait_exit(), 0, "exit status")
    line_of(daemon, sock, "cut at the end of the drain")


@test
def threads_and_learning_are_refused():
    for key, named in ("sandbox = threads", b'"threads"'), ("on_violation = learn", b"learn"):
        done = cservd("-c", configuration(section(7007, "echo_upper.so", key)), "-t")
        equal(done.returncode, 78, f"exit status with {key}")
        assert b" does not go with" in done.stderr and named in done.stderr, done.stderr


@test
def a_plugin_that_made_a_thread_in_its_start_is_refused():
    done = cservd("-c", configuration(section(net.free_port(), "starts_thread.so")))
    equal(done.returncode, 78, "exit status")
    assert b'created threads' in done.stderr, done.stderr


@test
def connections_under_load_are_all_served():
    daemon, port = start("echo_upper.so", "max_connections = 8")
    failed = []

    def client():
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", port), 20 * FACTOR) as sock:
                sock.sendall(b"load\n")
                if net.read_line(sock) != b"LOAD\n":
                    failed.append(1)
    threads = [threading.Thread(target=client) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failed, [], "failures")
    daemon.stop()
    equal(len(daemon.matches("closed by client")), 800, "lines")


run()
