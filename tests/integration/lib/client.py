# SPDX-License-Identifier: MIT
"""cservc, and small servers of the test's own for it."""

import os
import pty
import select
import signal
import socket
import subprocess
import threading

from . import daemon, net, tap

CSERVC = os.path.join(daemon.BUILD, "cservc")
MEGABYTES = 5


class Server:
    """A socket on a free port of host and a thread for it; stopped with the test."""

    def __init__(self, kind, host, serve):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, kind)
        self.sock.bind((host, 0))
        self.sock.settimeout(tap.WAIT_SECONDS * tap.FACTOR)
        self.port = self.sock.getsockname()[1]
        self.received = []
        if kind == socket.SOCK_STREAM:
            self.sock.listen()
        thread = threading.Thread(target=self._run, args=(serve,), daemon=True)
        tap.current().on_exit(self.sock.close)
        thread.start()

    def _run(self, serve):
        try:
            serve(self)
        except OSError:
            pass        # the test is over, or the client has gone

    def accept(self):
        """The next connection, with a deadline for each call on it."""
        conn = self.sock.accept()[0]
        conn.settimeout(tap.WAIT_SECONDS * tap.FACTOR)
        tap.current().on_exit(conn.close)
        return conn


def tcp(serve, host=net.LOOPBACK):
    """A server whose one connection is served by serve(conn)."""
    def one(server):
        with server.accept() as conn:
            serve(conn)
    return Server(socket.SOCK_STREAM, host, one)


def udp(answers, host=net.LOOPBACK):
    """A server that sends back answers(datagram), a list, for each datagram."""
    def all_of_them(server):
        while True:
            request, peer = server.sock.recvfrom(65536)
            server.received.append(request)
            for answer in answers(request):
                server.sock.sendto(answer, peer)
    return Server(socket.SOCK_DGRAM, host, all_of_them)


def upper(conn):
    """Echoes in upper case until end of file."""
    while True:
        part = conn.recv(65536)
        if not part:
            return
        conn.sendall(part.upper())


def filter_run(port, *options, data=b"", host=net.LOOPBACK):
    """Runs cservc in a pipe; returns a CompletedProcess."""
    return subprocess.run([CSERVC, *options, host, port], input=data, env=daemon.environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          timeout=tap.WAIT_SECONDS * tap.FACTOR)


def expect(done, status, out=b"", err=""):
    """Fails unless a run ended so; err is part of what it said."""
    tap.equal(done.stderr.decode() if not err else "", "", "standard error")
    assert err in done.stderr.decode(), f"{done.stderr!r} does not say {err!r}"
    tap.equal(done.stdout, out, "standard output")
    tap.equal(done.returncode, status, "exit status")


class Terminal:
    """cservc with a terminal around it."""

    def __init__(self, port, *options, host=net.LOOPBACK):
        self.shown = b""
        try:
            self.pid, self.fd = pty.fork()
        except OSError as error:
            tap.skip(f"no terminal to be had: {error}")     # a bare chroot
        if self.pid == 0:
            try:
                os.execve(CSERVC, [CSERVC, *options, host, port], daemon.environment())
            finally:
                os._exit(127)
        tap.current().on_exit(self._close)
        self.status = None

    def _close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def _read(self):
        """Takes what is shown within a moment; False at the end."""
        if not select.select([self.fd], [], [], 0.02)[0]:
            return True
        try:
            self.shown += os.read(self.fd, 65536)
        except OSError:
            return False    # EIO: the other side of the pty is closed
        return True

    def wait(self, text):
        """Waits until text is shown; returns all before it, and forgets both."""
        def found():
            self._read()
            return text in self.shown
        tap.wait_for(found, f"{text!r} on the terminal, which shows {self.shown!r}")
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, keys):
        """Types on the keyboard."""
        os.write(self.fd, keys)

    def end(self):
        """Waits for the end; returns the exit status and everything still shown."""
        tap.wait_for(lambda: not self._read(), "end of the session")
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status, self.shown
