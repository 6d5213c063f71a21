#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What each promise reaches, what its lists keep away, and cservd --sandbox-info."""

import ctypes
import os
import re
import socket

from lib import net, tap
from lib.daemon import BUILD, Daemon, configuration, echo, run as cservd, service
from lib.tap import equal, run, skip, test

SYS_LANDLOCK_CREATE_RULESET = 444
SYS_LANDLOCK_VERSION = 1


def landlock_abi():
    """The version of Landlock in this kernel, 0 for none."""
    return max(0, ctypes.CDLL(None).syscall(SYS_LANDLOCK_CREATE_RULESET, None, 0,
                                            SYS_LANDLOCK_VERSION))


def needs_abi(abi):
    if landlock_abi() < abi:
        skip(f"needs Landlock ABI {abi}, this kernel has {landlock_abi()}")


def reaches(port, *keys):
    return service("reaches", f"127.0.0.1:{port}/tcp", "reaches.so", *keys)


def start(*keys, **others):
    """A daemon with such a service; returns it and its port."""
    port = net.free_port()
    return Daemon(reaches(port, *keys), **others), port


def ask(port, request):
    """What one try on a connection of its own comes to."""
    return net.ask(net.tcp(port), request.encode() + b"\n").decode().strip()


def folder(name, mode=0o777):
    """A folder that every user may write to, with a file in it; returns both paths."""
    where = tap.path(name)
    os.mkdir(where)
    os.chmod(where, mode)
    file = tap.write(f"{name}/file", "content\n", 0o666)
    return where, file


@test
def the_level_is_logged_once():
    daemon = Daemon(echo(net.free_port()) + service("second", f"127.0.0.1:{net.free_port()}/tcp",
                                                    "echo_upper.so"))
    abi = landlock_abi()
    wanted = rf"landlock: ABI {abi}: files" if abi else "this kernel has no Landlock: "
    equal(len(daemon.matches(wanted)), 1, "lines about it")


@test
def rpath_reads_below_read_paths_and_nothing_else():
    needs_abi(1)
    inside, file = folder("inside")
    _, other = folder("outside")
    _, port = start("sandbox = rpath", f"read_paths = {inside}")
    equal(ask(port, f"read {file}"), "done")
    equal(ask(port, f"list {inside}"), "done")
    equal(ask(port, f"read {other}"), "EACCES")
    equal(ask(port, "read /etc/passwd"), "EACCES")
    equal(ask(port, f"list {tap.path()}"), "EACCES")


@test
def rpath_without_a_list_opens_nothing_and_says_so():
    needs_abi(1)
    daemon, port = start("sandbox = rpath")
    daemon.wait_line('reaches: "sandbox" grants rpath, but without "read_paths" no file can be '
                     "opened")
    equal(ask(port, "read /etc/passwd"), "EACCES")


@test
def a_single_file_may_be_listed():
    needs_abi(1)
    _, file = folder("inside")
    other = tap.write("inside/other", "")
    _, port = start("sandbox = rpath", f"read_paths = {file}")
    equal(ask(port, f"read {file}"), "done")
    equal(ask(port, f"read {other}"), "EACCES")


@test
def wpath_writes_below_write_paths_and_creates_nothing():
    needs_abi(3)
    inside, file = folder("inside")
    _, other = folder("outside")
    daemon, port = start("sandbox = wpath", f"write_paths = {inside}", deaths=True)
    equal(ask(port, f"write {file}"), "done")
    equal(ask(port, f"truncate {file}"), "done")
    equal(ask(port, f"read {file}"), "done")
    equal(ask(port, f"write {other}"), "EACCES")
    equal(ask(port, f"truncate {other}"), "EACCES")
    equal(ask(port, f"read {other}"), "EACCES")
    equal(os.path.getsize(other), len("content\n"), "size of the file outside")
    equal(ask(port, f"create {inside}/new"), "", "answer after a denied call")
    daemon.wait_line(r'denied openat: .*\bcpath"')


@test
def cpath_creates_renames_and_removes_below_write_paths():
    needs_abi(3)
    inside, file = folder("inside")
    outside, other = folder("outside")
    os.mkdir(inside + "/deep")
    os.chmod(inside + "/deep", 0o777)
    _, port = start("sandbox = cpath", f"write_paths = {inside}")
    equal(ask(port, f"create {inside}/new"), "done")
    equal(ask(port, f"rename {inside}/new>{inside}/deep/newer"), "done")
    equal(ask(port, f"unlink {inside}/deep/newer"), "done")
    equal(ask(port, f"create {outside}/new"), "EACCES")
    equal(ask(port, f"unlink {other}"), "EACCES")
    assert ask(port, f"rename {file}>{outside}/moved") in ("EACCES", "EXDEV")
    assert os.path.exists(file) and os.path.exists(other), "a file is gone"


@test
def a_file_may_grow_beyond_what_a_worker_needs_for_itself():
    needs_abi(3)
    inside, file = folder("inside")
    with open(file, "wb") as out:
        out.truncate(1 << 20)
    daemon, port = start("sandbox = cpath", f"write_paths = {inside}")
    with open(f"/proc/{daemon.worker('reaches')}/limits") as limits:
        line = next(line for line in limits if line.startswith("Max file size"))
    assert "unlimited" in line, line


@test
def nothing_is_writable_while_a_plugin_starts_but_write_paths():
    needs_abi(1)
    inside, file = folder("inside")
    _, other = folder("outside")
    for path, result in (file, "done"), (other, "EACCES"):
        daemon, _ = start(f"write_paths = {inside}", f"opt.early = write {path}")
        daemon.wait_line(f"start: {result}$")
        daemon.stop()


@test
def starting_may_read_anything_the_user_may():
    daemon, _ = start("opt.early = read /etc/passwd")
    daemon.wait_line("start: done$")


@test
def with_threads_even_the_start_reaches_only_the_lists():
    needs_abi(1)
    inside, file = folder("inside")
    for path, result in (file, "done"), ("/etc/passwd", "EACCES"):
        daemon, _ = start("sandbox = rpath threads", f"read_paths = {inside}",
                          f"opt.early = read {path}")
        daemon.wait_line(f"start: {result}$")
        daemon.stop()


@test
def a_thread_of_start_is_bound_as_well():
    needs_abi(1)
    inside, file = folder("inside")
    _, port = start("sandbox = rpath threads", f"read_paths = {inside}", "opt.thread = yes")
    equal(ask(port, f"read {file}"), "done")
    equal(ask(port, "read /etc/passwd"), "EACCES")


@test
def threads_without_the_promise_are_refused():
    daemon = Daemon(reaches(net.free_port(), "opt.thread = yes"), wait=False, deaths=True)
    daemon.wait_line('"reaches" has created threads: it must ask for the promise "threads"')


@test
def a_missing_path_is_named():
    needs_abi(1)
    daemon, _ = start("sandbox = rpath", "read_paths = /no/such/path")
    daemon.wait_line('reaches: cannot open "/no/such/path" of read_paths or write_paths')


def listening():
    """The port of a socket that listens on 127.0.0.1."""
    sock = socket.create_server(("127.0.0.1", 0))
    tap.current().on_exit(sock.close)
    return sock.getsockname()[1]


@test
def inet_connects_to_connect_ports_only():
    needs_abi(4)
    allowed, other = listening(), listening()
    _, port = start("sandbox = inet", f"connect_ports = {allowed}")
    equal(ask(port, f"connect {allowed}"), "done")
    equal(ask(port, f"connect {other}"), "EACCES")


@test
def inet_binds_bind_ports_only():
    needs_abi(4)
    allowed, other = net.free_port(), net.free_port()
    _, port = start("sandbox = inet", f"bind_ports = {allowed}")
    assert ask(port, f"bind {allowed}") in ("done", "EADDRINUSE")
    equal(ask(port, f"bind {other}"), "EACCES")


@test
def inet_without_lists_reaches_any_port():
    target = listening()
    _, port = start("sandbox = inet")
    equal(ask(port, f"connect {target}"), "done")
    equal(ask(port, "bind 0"), "done")


@test
def dns_resolves_and_reads_no_other_file():
    needs_abi(4)
    target = listening()
    daemon, port = start("sandbox = dns")
    equal(ask(port, "resolve localhost"), "done")
    equal(daemon.matches(": denied "), [], "denied calls")
    equal(ask(port, "read /etc/passwd"), "EACCES")
    equal(ask(port, "read /etc/hosts"), "done")
    equal(ask(port, f"connect {target}"), "EACCES")


@test
def unix_connects_to_paths_and_not_to_abstract_sockets():
    path = tap.path("socket")
    for name in path, "\0cservd-test-" + os.path.basename(os.path.dirname(path)):
        sock = socket.socket(socket.AF_UNIX)
        tap.current().on_exit(sock.close)
        sock.bind(name)
        sock.listen()
    os.chmod(path, 0o777)
    _, port = start("sandbox = unix")
    equal(ask(port, f"unix {path}"), "done")
    if landlock_abi() >= 6:
        equal(ask(port, "unix @" + name[1:]), "EPERM")


@test
def proc_forks_and_signals_nobody_else():
    daemon, port = start("sandbox = proc")
    equal(ask(port, "fork"), "done")
    equal(ask(port, "abort"), "done")
    if landlock_abi() >= 6:
        equal(ask(port, f"kill {daemon.pid}"), "EPERM")
    equal(daemon.matches(": denied "), [], "denied calls")


@test
def stdio_opens_nothing_even_if_a_filter_failed():
    """The rules in force have no path at all: --sandbox-info prints the same table."""
    text = sandbox_info(echo(net.free_port()), "echo-upper")
    assert re.search(r"^serving +no other file can be opened$", text, re.M), text
    assert re.search(r"^connect +none$", text, re.M), text


def execs(port, *keys):
    return service("execs", f"127.0.0.1:{port}/tcp", "execs.so", *keys)


def say(port, words):
    """What a program writes to the client."""
    sock = net.tcp(port)
    sock.sendall(words.encode() + b"\n")
    return net.read_all(sock).decode()


@test
def exec_runs_programs_with_their_output_to_the_client():
    port = net.free_port()
    daemon = Daemon(execs(port, "sandbox = exec"))
    equal(say(port, "/bin/echo hello there"), "hello there\n")
    equal(say(port, "sh -c ulimit;echo"), say(port, "sh -c ulimit;echo"))
    equal(say(port, "expr 6 * 7"), "42\n")
    equal(say(port, "no-such-program"), "ENOENT\n")
    equal(daemon.matches(": denied "), [], "denied calls")


@test
def a_forked_connection_reaches_and_runs_the_same():
    inside, file = folder("inside")
    ports = net.free_port(), net.free_port()
    Daemon(reaches(ports[0], "sandbox = rpath", f"read_paths = {inside}", "concurrency = process") +
           execs(ports[1], "sandbox = exec", "concurrency = process"))
    equal(ask(ports[0], f"read {file}"), "done")
    if landlock_abi() >= 1:
        equal(ask(ports[0], "read /etc/passwd"), "EACCES")
    equal(say(ports[1], "/bin/echo hello there"), "hello there\n")


@test
def learning_is_not_hindered_by_landlock():
    daemon, port = start("on_violation = learn")
    sock = net.tcp(port)
    equal(net.ask(sock, b"read /etc/passwd\n"), b"done\n")
    sock.close()
    daemon.wait_line("learn: .*rpath")


@test
def a_program_gets_no_descriptor_of_the_worker():
    port = net.free_port()
    Daemon(execs(port, "sandbox = exec", "read_paths = /proc"))
    found = set(say(port, "ls /proc/self/fd").split())
    assert found <= {"0", "1", "2", "3", "4", "5"}, f"descriptors {found}"


@test
def a_program_reaches_only_what_is_listed():
    needs_abi(1)
    port = net.free_port()
    inside, file = folder("inside")
    _, other = folder("outside")
    Daemon(execs(port, "sandbox = exec", f"read_paths = {inside}"))
    equal(say(port, f"cat {file}"), "content\n")
    equal(say(port, f"cat {other}"), "failed\n")
    equal(say(port, "cat /etc/passwd"), "failed\n")
    equal(say(port, f"cp {file} {inside}/copy"), "failed\n")
    assert not os.path.exists(inside + "/copy"), "a file was written"


@test
def exec_must_be_granted():
    daemon = Daemon(execs(net.free_port()), wait=False, deaths=True)
    equal(daemon.wait_exit(), 78, "exit status")
    daemon.wait_line('it asks for the promise "exec": grant it with "sandbox \\+= exec"')


@test
def a_connector_reaches_the_ports_of_its_targets():
    port, target = net.free_port(), net.free_port()
    Daemon(echo(target) + service("relay", f"127.0.0.1:{port}/tcp", "relay.so",
                                  f"opt.target = localhost:{target}"))
    equal(net.ask(net.tcp(port), b"through\n"), b"THROUGH\n")


@test
def landlock_off_leaves_files_to_the_user():
    _, port = start("sandbox = rpath", "landlock = off")
    equal(ask(port, "read /etc/passwd"), "done")


@test
def landlock_require_is_kept_where_it_can_be():
    needs_abi(6)
    daemon, port = start("sandbox = rpath inet proc", "landlock = require",
                         "read_paths = /etc/hosts", "connect_ports = 1")
    equal(ask(port, "read /etc/hosts"), "done")
    equal(ask(port, "read /etc/passwd"), "EACCES")


# --- kernels that lack something: a launcher answers ENOSYS ---

MISSING = ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "clone3",
           "close_range", "faccessat2", "rseq", "openat2", "epoll_pwait2"]


class Old(Daemon):
    """A daemon on a kernel that lacks what MISSING names."""
    launcher = [os.path.join(BUILD, "tests/tools/enosys"), *MISSING, "--"]


@test
def an_old_kernel_serves_and_says_what_it_lacks():
    port = net.free_port()
    daemon = Old(echo(port))
    daemon.wait_line("this kernel has no Landlock: paths are guarded by seccomp and the user's "
                     "rights only")
    equal(net.ask(net.tcp(port), b"old\n"), b"OLD\n")


@test
def an_old_kernel_warns_about_lists():
    port = net.free_port()
    daemon = Old(reaches(port, "sandbox = rpath", "read_paths = /etc/hosts"))
    daemon.wait_line('"read_paths" is not enforced: it needs Landlock ABI 1, and this kernel has 0')
    equal(ask(port, "read /etc/passwd"), "done")


@test
def an_old_kernel_runs_programs():
    port = net.free_port()
    Old(execs(port, "sandbox = exec"))
    equal(say(port, "/bin/echo old"), "old\n")


@test
def landlock_require_refuses_an_old_kernel():
    daemon = Old(echo(net.free_port(), "landlock = require"), wait=False, deaths=True)
    equal(daemon.wait_exit(), 71, "exit status")
    daemon.wait_line('"landlock = require": "sandbox" needs Landlock ABI 1, and this kernel has 0')


# --- cservd --sandbox-info ---

def sandbox_info(ini, name):
    done = cservd("--sandbox-info", name, "-c", configuration(ini))
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    return done.stdout.decode()


@test
def sandbox_info_prints_the_table_in_effect():
    text = sandbox_info(reaches(net.free_port(), "sandbox = rpath inet", "read_paths = /srv",
                                "connect_ports = 80 443"), "reaches")
    for wanted in (r"^service +reaches$", r"^sandbox +stdio inet rpath$", r"^concurrency +thread$",
                   r"^any other call +hangup: ", r"^serving +/srv: read$", r"^connect +80 443$",
                   r"^bind +any$", r"^read +allowed +stdio +-$", r"^openat +allowed +rpath +arg2 & ",
                   r"^fork +EPERM +stdio +-$|aarch64", r"^accept4 +allowed +\(worker\) +-$"):
        assert re.search(wanted, text, re.M), f"{wanted} is not in\n{text}"
    assert not re.search(r"^mkdir", text, re.M), text


@test
def sandbox_info_of_exec_names_its_wide_list():
    text = sandbox_info(execs(net.free_port(), "sandbox = exec"), "execs")
    for wanted in (r"^any other call +exec: it fails with EPERM, silently$",
                   r"^execve +allowed +exec +-$", r"^serving +/usr: read execute$",
                   r"^mmap +allowed +exec +-$"):
        assert re.search(wanted, text, re.M), f"{wanted} is not in\n{text}"


@test
def sandbox_info_of_none_says_that():
    text = sandbox_info(echo(net.free_port(), "sandbox = none"), "echo-upper")
    assert re.search(r"^sandbox +none: whatever its user may do$", text, re.M), text
    assert "SYSTEM CALL" not in text, text


@test
def sandbox_info_names_the_services_there_are():
    done = cservd("--sandbox-info", "nobody", "-c", configuration(echo(net.free_port())))
    equal(done.returncode, 64, "exit status")
    assert b'has no service "nobody"; it has: echo-upper' in done.stderr, done.stderr


run()
