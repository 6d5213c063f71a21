#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Starting and stopping: signals, drains, exit statuses, privileges, --daemon."""

import ctypes
import errno
import os
import re
import signal
import struct
import subprocess
import time

from lib import net, proc, tap
from lib.daemon import (CSERVD, Daemon, configuration, echo, environment, ordinary_user,
                        run as cservd, service)
from lib.tap import FACTOR, equal, needs_root, run, test, wait_for


@test
def sigterm_without_connections_ends_at_once():
    port = net.free_port()
    daemon = Daemon(echo(port))
    start = time.monotonic()
    daemon.stop()
    assert time.monotonic() - start < 5 * FACTOR, "an idle cservd took long to stop"
    assert not net.can_connect(port), "the port is still open"


@test
def sigint_ends_as_sigterm_does():
    daemon = Daemon(echo(net.free_port()))
    daemon.kill(signal.SIGINT)
    equal(daemon.wait_exit(), 0, "exit status")


@test
def user_signals_are_ignored():
    port = net.free_port()
    daemon = Daemon(echo(port))
    for name in "SIGUSR1", "SIGUSR2":
        daemon.kill(getattr(signal, name))
        daemon.wait_line(f"{name} ignored$")
    equal(net.ask(net.tcp(port), b"alive\n"), b"ALIVE\n")


@test
def inherited_descriptors_are_closed():
    lock = tap.path("lock")
    keep = f'exec 7>"{lock}" && exec "$@"'
    daemon = Daemon(echo(net.free_port()), prefix=["sh", "-c", keep, "sh"])
    equal([fd for fd in os.listdir(f"/proc/{daemon.pid}/fd")
           if os.path.realpath(f"/proc/{daemon.pid}/fd/{fd}") == os.path.realpath(lock)], [], "locks")
    assert os.path.exists(lock), "it never was open"


@test
def a_file_without_services_is_served_with_a_warning():
    daemon = Daemon("[defaults]\n")
    equal(len(daemon.matches("no service is configured: nothing will be served$")), 1, "lines")


@test
def a_stop_says_what_it_waits_for():
    port = net.free_port()
    daemon = Daemon(echo(port))
    sock = net.tcp(port)
    net.ask(sock, b"open\n")
    daemon.kill()
    daemon.wait_line(r"stopping: 1 connection open, at most 30 s; again to stop now$")
    equal(net.ask(sock, b"still here\n"), b"STILL HERE\n")
    sock.close()
    equal(daemon.wait_exit(), 0, "exit status")


@test
def a_stop_counts_connections_in_the_plural():
    port = net.free_port()
    daemon = Daemon(echo(port, "drain_timeout = 1s"))
    socks = [net.tcp(port) for _ in range(3)]
    for sock in socks:
        net.ask(sock, b"open\n")
    daemon.kill()
    daemon.wait_line(r"stopping: 3 connections open, at most 1 s; again to stop now$")
    equal(daemon.wait_exit(), 0, "exit status")


@test
def a_draining_service_takes_no_new_connection():
    port = net.free_port()
    daemon = Daemon(echo(port))
    sock = net.tcp(port)
    net.ask(sock, b"open\n")
    daemon.kill()
    daemon.wait_line("stopping: ")
    wait_for(lambda: not net.can_connect(port), "the closed port")
    equal(net.ask(sock, b"still here\n"), b"STILL HERE\n")
    sock.close()
    equal(daemon.wait_exit(), 0, "exit status")


@test
def a_drain_cuts_connections_at_its_end():
    port = net.free_port()
    daemon = Daemon(echo(port, "drain_timeout = 1s"))
    sock = net.tcp(port)
    net.ask(sock, b"open\n")
    start = time.monotonic()
    daemon.kill()
    assert net.is_ended(sock)
    seconds = time.monotonic() - start
    assert 0.9 < seconds < 1 + 3 * FACTOR, f"cut after {seconds:.3f} s"
    equal(daemon.wait_exit(), 0, "exit status")
    equal(len(daemon.matches(r"echo-upper\[.*\]: cut at the end of the drain: ")), 1, "lines")


@test
def a_handler_sees_the_drain_and_its_end():
    port = net.free_port()
    daemon = Daemon(service("lines", f"127.0.0.1:{port}/tcp", "lines.so", "drain_timeout = 1s"))
    sock = net.tcp(port)
    equal(net.ask(sock, b"draining\n"), b"0 ok\n")
    daemon.kill()
    daemon.wait_line("stopping: ")
    wait_for(lambda: net.ask(sock, b"draining\n") == b"1 ok\n", "cservd_draining()", 1)
    daemon.wait_line("read failed: ECANCELED")
    equal(daemon.wait_exit(), 0, "exit status")


@test
def a_handler_that_never_returns_is_ended_with_the_drain():
    port = net.free_port()
    daemon = Daemon(service("spin", f"127.0.0.1:{port}/tcp", "spin.so", "drain_timeout = 1s"),
                    deaths=True)
    equal(net.read_line(net.tcp(port)), b"spinning\n")
    daemon.stop()


@test
def a_second_signal_ends_at_once():
    port = net.free_port()
    daemon = Daemon(echo(port))
    sock = net.tcp(port)
    net.ask(sock, b"open\n")
    daemon.kill()
    daemon.wait_line("stopping: ")
    start = time.monotonic()
    daemon.kill()
    daemon.wait_exit()
    assert time.monotonic() - start < 5 * FACTOR, "the second signal took long"
    assert net.is_ended(sock)
    wait_for(lambda: not proc.children(os.getpid()), "end of all workers", 5)


@test
def workers_die_with_a_killed_master():
    ports = net.free_port(), net.free_port()
    daemon = Daemon(echo(ports[0]) +
                    service("lines", f"127.0.0.1:{ports[1]}/tcp", "lines.so"), deaths=True)
    workers = daemon.workers()
    assert len(workers) >= 2, f"{len(workers)} workers for two services"
    sock = net.tcp(ports[0])
    net.ask(sock, b"open\n")
    os.kill(workers[0], signal.SIGSTOP)             # one that cannot notice by itself
    daemon.kill(signal.SIGKILL)
    daemon.wait_exit()
    wait_for(lambda: not any(map(proc.is_alive, workers)), "end of all workers", 1)
    assert net.is_ended(sock)


@test
def the_stop_hook_runs():
    port = net.free_port()
    daemon = Daemon(service("hooks", f"127.0.0.1:{port}/tcp", "hooks.so"))
    net.read_line(net.tcp(port))
    daemon.stop()
    equal(len(daemon.matches("hooks: hook start$")), 1, "lines of start")
    equal(len(daemon.matches("hooks: hook stop 42$")), 1, "lines of stop")


@test
def a_wrong_option_exits_with_64():
    for args in ["--no-such-option"], ["-c"], ["extra"], ["--try"]:
        done = cservd(*args)
        equal(done.returncode, 64, f"exit status of {args}")
        assert done.stderr, f"nothing said about {args}"


@test
def help_and_version_exit_with_0():
    for option, word in ("-h", b"--try"), ("-V", b"cservd "):
        done = cservd(option)
        equal(done.returncode, 0, f"exit status of {option}")
        assert word in done.stdout, f"{word} is not in the output of {option}"


def pid_in(file):
    try:
        with open(file) as handle:
            return int(handle.read())
    except (OSError, ValueError):
        return 0


@test
def daemon_goes_to_the_background_and_writes_its_pid():
    port = net.free_port()
    pid_file = tap.path("pid")
    config = configuration("[cservd]\nlog = syslog\n" + echo(port))
    done = cservd("-c", config, "-p", pid_file, "--daemon")
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    pid = wait_for(lambda: pid_in(pid_file), "the process id")
    try:
        with net.tcp(port) as sock:
            equal(net.ask(sock, b"background\n"), b"BACKGROUND\n")
        assert os.getsid(pid) != os.getsid(0), "it is still in this session"
        equal(os.readlink(f"/proc/{pid}/fd/0"), "/dev/null", "stdin")
        equal(os.readlink(f"/proc/{pid}/cwd"), "/", "working directory")
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not proc.is_alive(pid), "its end")
    assert not os.path.exists(pid_file), "the pid file is still there"


@test
def daemon_reports_a_wrong_configuration_before_it_leaves():
    config = configuration("[broken]\nlisten = nonsense\nhandler = echo_upper.so\n")
    done = cservd("-c", config, "--daemon")
    equal(done.returncode, 78, "exit status")
    assert b"cservd.ini:" in done.stderr, done.stderr


@test
def closed_standard_descriptors_do_no_harm():
    for option in "", "--daemon":
        port = net.free_port()
        pid_file = tap.path("pid" + option)
        command = f"exec '{CSERVD}' -c '{configuration(echo(port))}' -p '{pid_file}' {option}"
        process = subprocess.Popen(["sh", "-c", command + " <&- >&- 2>&-"], env=environment())
        pid = wait_for(lambda: pid_in(pid_file), "the process id")
        wait_for(lambda: net.can_connect(port), "the open port")
        try:
            # The port is open before there is a worker.
            (worker,) = wait_for(lambda: proc.children(pid), "a worker")
            os.kill(worker, signal.SIGKILL)         # the next one needs what 0, 1, 2 may be
            wait_for(lambda: proc.is_reaped(worker), "the end of its worker")
            with net.tcp(port) as sock:
                equal(net.ask(sock, b"hello\n"), b"HELLO\n")
        finally:
            os.kill(pid, signal.SIGTERM)
            equal(process.wait(tap.WAIT_SECONDS * FACTOR), 0, "exit status")
            wait_for(lambda: not proc.is_alive(pid), "its end")


@test
def output_that_cannot_be_written_is_an_error():
    config = configuration(echo(net.free_port()))
    for where in ">&-", ">/dev/full":
        done = subprocess.run(["sh", "-c", f"exec '{CSERVD}' -c '{config}' -T {where}"],
                              stderr=subprocess.PIPE, env=environment(), check=False)
        equal(done.returncode, 74, f"exit status with {where} ({done.stderr})")


@test
def a_stopped_worker_is_ended_with_the_drain():
    daemon = Daemon(echo(net.free_port(), "drain_timeout = 1s"), deaths=True)
    os.kill(daemon.worker("echo-upper"), signal.SIGSTOP)
    daemon.stop()


@test
def a_pid_file_is_written_in_the_foreground_too():
    pid_file = tap.path("pid")
    daemon = Daemon(echo(net.free_port()), "-p", pid_file)
    equal(pid_in(pid_file), daemon.pid, "process id")
    daemon.stop()
    assert not os.path.exists(pid_file), "the pid file is still there"


@test
def workers_run_without_privileges():
    needs_root()
    port = net.free_port()
    groups = os.getgroups()
    os.setgroups([0, 4])                            # what cservd must not hand on
    try:
        daemon = Daemon(service("hooks", f"127.0.0.1:{port}/tcp", "hooks.so", "user = nobody"))
    finally:
        os.setgroups(groups)
    status = proc.status(daemon.worker("hooks"))
    for key in "Uid", "Gid":
        ids = set(status[key].split())
        assert len(ids) == 1 and "0" not in ids, f"{key}: {status[key]}"
    equal(status["Groups"], "", "Groups")
    for key in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
        equal(int(status[key], 16), 0, key)
    equal(status["NoNewPrivs"], "1", "NoNewPrivs")
    uid = status["Uid"].split()[0].encode()
    equal(net.read_line(net.tcp(port)), b"loaded as " + uid + b", data 42\n")


@test
def a_service_runs_as_its_user():
    needs_root()
    ports = net.free_port(), net.free_port()
    daemon = Daemon(service("one", f"127.0.0.1:{ports[0]}/tcp", "hooks.so", "user = 12345",
                            "group = 23456") +
                    service("two", f"127.0.0.1:{ports[1]}/tcp", "hooks.so", "user = daemon"))
    equal(proc.status(daemon.worker("one"))["Uid"].split()[0], "12345", "uid")
    equal(proc.status(daemon.worker("one"))["Gid"].split()[0], "23456", "gid")
    equal(proc.status(daemon.worker("two"))["Uid"].split()[0], "1", "uid")
    equal(net.read_line(net.tcp(ports[0])), b"loaded as 12345, data 42\n")


@test
def an_ordinary_user_can_run_everything():
    needs_root()
    port = net.free_port()
    user = ordinary_user()
    daemon = Daemon(echo(port), user=user)
    equal(net.ask(net.tcp(port), b"ordinary\n"), b"ORDINARY\n")
    for pid in [daemon.pid, *daemon.workers()]:
        equal(set(proc.status(pid)["Uid"].split()), {str(user)}, "user ids")


@test
def a_worker_has_only_the_documented_descriptors():
    needs_root()
    port = net.free_port()
    os.open("/dev/null", os.O_RDONLY)               # and one that cservd might inherit
    spare = os.dup2(0, 77, inheritable=True)
    try:
        daemon = Daemon(echo(port) + service("two", f"127.0.0.1:{net.free_port()}/udp",
                                             "echo_upper.so"))
    finally:
        os.close(spare)
    net.ask(net.tcp(port), b"warm\n")
    fds = proc.fds(daemon.worker("echo-upper"))
    for number in 0, 1, 2:
        equal(fds[number], "/dev/null", f"descriptor {number}")
    assert len(fds) < 24, f"{len(fds)} descriptors: {fds}"
    unexpected = [f"{n} {to}" for n, to in fds.items()
                  if n > 2 and not re.match(r"socket:|pipe:|anon_inode:|/memfd:|/.*\.so$", to)]
    equal(unexpected, [], "descriptors")
    assert 77 not in fds, "a descriptor of the caller reached the worker"


@test
def a_process_list_names_the_services():
    daemon = Daemon(echo(net.free_port()))
    command = proc.command(daemon.worker("echo-upper"))
    assert "cservd-worker" in command[0] and "echo-upper" in " ".join(command), command


@test
def a_kernel_without_seccomp_exits_with_71():
    numbers = {"x86_64": 317, "aarch64": 277}
    if os.uname().machine not in numbers:
        tap.skip("knows the number of seccomp(2) on x86-64 and arm64 only")
    config = configuration(echo(net.free_port()))
    done = cservd("-c", config, preexec_fn=lambda: lose_seccomp(numbers[os.uname().machine]))
    equal(done.returncode, 71, f"exit status ({done.stderr})")
    assert b"sandbox = none" in done.stderr, done.stderr


def lose_seccomp(number):
    """From now on seccomp(2) fails with ENOSYS, as on a kernel without it."""
    code = struct.pack("HBBI" * 4,
                       0x20, 0, 0, 0,                               # load the number
                       0x15, 0, 1, number,                          # if it is not seccomp, skip
                       0x06, 0, 0, 0x00050000 | errno.ENOSYS,       # return SECCOMP_RET_ERRNO
                       0x06, 0, 0, 0x7fff0000)                      # return SECCOMP_RET_ALLOW
    instructions = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("HP", 4, ctypes.addressof(instructions)))
    libc = ctypes.CDLL(None)
    libc.prctl(38, 1, 0, 0, 0)                      # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, program) != 0:             # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError("cannot install a filter")


@test
def readiness_is_notified_to_systemd():
    sock = net.socket.socket(net.socket.AF_UNIX, net.socket.SOCK_DGRAM)
    tap.current().on_exit(sock.close)
    sock.bind(tap.path("notify"))
    os.chmod(tap.path("notify"), 0o777)
    sock.settimeout(tap.WAIT_SECONDS * FACTOR)
    os.environ["NOTIFY_SOCKET"] = tap.path("notify")
    try:
        daemon = Daemon(echo(net.free_port()))
    finally:
        del os.environ["NOTIFY_SOCKET"]
    assert b"READY=1" in sock.recv(4096).split(b"\n")
    daemon.kill()
    wait_for(lambda: b"STOPPING=1" in sock.recv(4096).split(b"\n"), "STOPPING=1")
    equal(daemon.wait_exit(), 0, "exit status")


run()
