#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""echo_upper, health and headprobe in a running daemon, with the clients people use."""

import http.client
import http.server
import shutil
import signal
import socket
import subprocess
import threading
import time

from lib import net, tap
from lib.daemon import Daemon, configuration, run as cservd, service
from lib.tap import FACTOR, WAIT_SECONDS, equal, run, skip, test, wait_for

HEAD = b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nServer: fake\r\nContent-Length: 5\r\n\r\n"
GREEK = "\u03c3\u03c6\u03ac\u03bb\u03bc\u03b1"


def serve(name, handler, *keys):
    """A daemon with this service on TCP and UDP; returns it and the port."""
    port = net.free_port()
    protocols = ["tcp", "udp"] if handler == "echo_upper.so" else ["tcp"]
    listen = " ".join(f"127.0.0.1:{port}/{protocol}" for protocol in protocols)
    return Daemon(service(name, listen, handler, *keys)), port


def echo(*keys):
    return serve("echo-upper", "echo_upper.so", *keys)


def health(*keys):
    return serve("health", "health.so", *keys)


def probe(*keys):
    return serve("headprobe", "headprobe.so", *keys)


def talk(port, data):
    """Everything that comes back for these bytes; the client does not end its side."""
    with net.tcp(port) as sock:
        sock.sendall(data)
        return net.read_all(sock)


def command(*words):
    """The output of a program, which must succeed."""
    if not shutil.which(words[0]):
        skip(f"there is no {words[0]} here")
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
                          timeout=WAIT_SECONDS * FACTOR).stdout


def assert_undisturbed(daemon):
    equal([m.string for m in daemon.matches("denied|failed")], [], "list of complaints")


class Target:
    """A web server that says what it is told, to everybody, and counts its clients."""

    def __init__(self, answer, close=True):
        self.requests = []
        self._answer, self._close = answer, close
        self._sock = socket.create_server((net.LOOPBACK, 0))
        self._open = [self._sock]
        self.port = self._sock.getsockname()[1]
        self.url = f"http://{net.LOOPBACK}:{self.port}/"
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        tap.current().on_exit(lambda: thread.join(WAIT_SECONDS))
        tap.current().on_exit(self._stop)

    def _serve(self):
        try:
            while True:
                client = self._sock.accept()[0]
                self._open.append(client)
                client.settimeout(WAIT_SECONDS)
                self.requests.append(client.recv(65536))
                client.sendall(self._answer)
                if self._close:
                    client.close()
        except OSError:
            pass                            # stopped

    def _stop(self):
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass                        # already closed
            sock.close()


@test
def echo_upper_is_ascii_unless_told_otherwise():
    daemon, port = echo()
    with net.tcp(port) as sock:
        equal(net.ask(sock, "été\n".encode()), "éTé\n".encode())
    equal(net.ask(net.udp(port), "été".encode()), "éTé".encode())
    assert_undisturbed(daemon)


@test
def echo_upper_knows_unicode():
    daemon, port = echo("opt.case = unicode")
    with net.tcp(port) as sock:
        equal(net.ask(sock, "été, straße\n".encode()), "ÉTÉ, STRASSE\n".encode())
    sock = net.udp(port)
    equal(net.ask(sock, "été".encode()), "ÉTÉ".encode())
    equal(net.ask(sock, b""), b"")
    equal(net.ask(sock, b"caf\xe9"), b"CAF\xe9")
    assert_undisturbed(daemon)


@test
def echo_upper_joins_a_character_from_two_packets():
    _, port = echo("opt.case = unicode")
    with net.tcp(port) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"a\xc3")
        equal(net.read_exactly(sock, 1), b"A")
        assert net.is_silent(sock, 0.2)
        sock.sendall(b"\xa9")
        equal(net.read_exactly(sock, 2), "É".encode())
        sock.sendall(b"b\xe2\x82")
        sock.shutdown(socket.SHUT_WR)
        equal(net.read_all(sock), b"B\xe2\x82")


@test
def echo_upper_turns_megabytes_of_unicode():
    _, port = echo("opt.case = unicode")
    text = ("x" + GREEK * 7 + "été \U0001f600\n") * 20000
    data = text.encode()
    with net.tcp(port) as sock:
        def send():
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        answer = net.read_all(sock)
        sender.join()
    assert answer == text.upper().encode(), f"{len(answer)} bytes came back for {len(data)}"


@test
def echo_upper_refuses_another_case():
    path = configuration(service("echo", "127.0.0.1:7007/tcp", "echo_upper.so",
                                 "opt.case = upper"))
    done = cservd("-t", "-c", path)
    equal(done.returncode, 78, "exit status")
    assert b"opt.case" in done.stderr, done.stderr


@test
def health_answers_curl():
    daemon, port = health()
    head = command("curl", "-sSI", f"http://127.0.0.1:{port}/healthz")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    assert b"\r\nContent-Length: 3\r\n" in head and head.endswith(b"\r\n\r\n"), head
    equal(command("curl", "-sSf", f"http://127.0.0.1:{port}/"), b"ok\n")
    equal(command("curl", "-sS0", f"http://127.0.0.1:{port}/"), b"ok\n", "answer to HTTP/1.0")
    equal(command("curl", "-sSd", "x" * 100000, f"http://127.0.0.1:{port}/"),
          b"method not allowed\n")
    assert_undisturbed(daemon)


@test
def health_answers_busybox_wget():
    _, port = health()
    command("busybox", "wget", "-q", "--spider", f"http://127.0.0.1:{port}/healthz")


@test
def health_answers_python():
    _, port = health("opt.path = /healthz")
    for method, path, status in (("HEAD", "/healthz", 200), ("GET", "/healthz?v", 200),
                                 ("HEAD", "/", 404), ("DELETE", "/healthz", 405)):
        client = http.client.HTTPConnection(net.LOOPBACK, port, timeout=WAIT_SECONDS)
        client.request(method, path)
        response = client.getresponse()
        equal(response.status, status, f"status of {method} {path}")
        equal(len(response.read()) > 0, method != "HEAD", "presence of a body")
        client.close()


@test
def health_satisfies_haproxy():
    if not shutil.which("haproxy"):
        skip("there is no haproxy here")
    _, port = health("opt.path = /healthz")
    stats = tap.path("stats")
    backend = f"""
backend {{0}}
    option httpchk HEAD /{{0}}
    server one 127.0.0.1:{port} check inter 100ms
"""
    config = tap.write("haproxy.cfg", f"""
global
    stats socket {stats}
defaults
    mode http
    timeout connect 5s
    timeout server 5s
""" + backend.format("healthz") + backend.format("other"))
    proxy = subprocess.Popen(["haproxy", "-db", "-q", "-f", config], stderr=subprocess.DEVNULL)
    tap.current().on_exit(proxy.wait)
    tap.current().on_exit(proxy.kill)

    def checks():
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(stats)
                sock.sendall(b"show stat\n")
                lines = net.read_all(sock).decode().splitlines()
        except OSError:
            return None                     # not yet there
        found = {line.split(",")[0]: line for line in lines if ",one," in line}
        return found if all("L7" in line for line in found.values()) else None
    found = wait_for(checks, "the checks of haproxy")
    assert "L7OK" in found["healthz"], found
    assert "L7STS" in found["other"] and ",404," in found["other"], found


@test
def health_ends_the_connection_by_itself():
    _, port = health()
    stay = HEAD.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
    for request in HEAD, HEAD + HEAD, stay:
        answer = talk(port, request)
        equal(answer.count(b"HTTP/1.1 200 OK\r\n"), 1, "number of answers")
        assert b"\r\nConnection: close\r\n" in answer, answer


@test
def health_refuses_what_is_not_a_request():
    _, port = health()
    for request, status in ((b"GET /\r\n", 400), (b"\x16\x03\x01\x02\x00\x01\n", 400),
                            (b"GET / HTTP/1.1\r\n\r\n", 400),
                            (b"GET / HTTP/1.0\r\nA: \0\r\n\r\n", 400),
                            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
                            (b"GET / HTTP/1.0\r\nA: " + b"x" * 60000, 431)):
        answer = talk(port, request)
        assert answer.startswith(b"HTTP/1.1 %d " % status), (request[:30], answer)


@test
def health_gives_a_slow_client_five_seconds():
    _, port = health()
    start = time.monotonic()
    with net.tcp(port) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\nA: ")
        while net.is_silent(sock, 0.4):
            sock.sendall(b"x")
            assert time.monotonic() - start < WAIT_SECONDS * FACTOR, "no answer to a slow client"
        answer = net.read_all(sock)
    assert answer.startswith(b"HTTP/1.1 408 "), answer
    assert time.monotonic() - start >= 4.9, "answered too early"


@test
def health_says_503_while_it_drains():
    daemon, port = health()
    socks = [net.tcp(port) for _ in range(100)]
    for sock in socks:
        sock.sendall(b"GET / HTTP/1.0\r\n")
    talk(port, HEAD)                        # a later connection is served: they all are accepted
    daemon.kill(signal.SIGTERM)
    daemon.wait_line("stopping")

    def finish():
        sock = socks.pop()
        sock.sendall(b"\r\n")
        answer = net.read_all(sock)
        return answer if answer.startswith(b"HTTP/1.1 503 ") else None
    # The worker learns of it a moment after the log.
    answer = wait_for(finish, "status 503")
    assert answer.endswith(b"\r\n\r\ndraining\n"), answer
    for sock in socks:
        sock.close()
    equal(daemon.wait_exit(), 0, "exit status")


@test
def headprobe_reports_on_a_server():
    target = Target(OK)
    daemon, port = probe(f"opt.target = {target.url}x?y")
    first, *rest = talk(port, b"").decode().splitlines()
    assert first.startswith("OK 200 HTTP/1.1 "), first
    assert first.endswith(f' addr=127.0.0.1:{target.port} server="fake" length=5'), first
    equal(rest, ["Server: fake", "Content-Length: 5"])
    equal(target.requests, [b"HEAD /x?y HTTP/1.1\r\n"
                            b"Host: 127.0.0.1:%d\r\n" % target.port +
                            b"User-Agent: cservd-headprobe/0.1\r\n"
                            b"Accept: */*\r\n"
                            b"Connection: close\r\n\r\n"])
    assert_undisturbed(daemon)


@test
def headprobe_gets_along_with_health():
    up, down = net.free_port(), net.free_port()
    Daemon(service("health", f"127.0.0.1:{up}/tcp", "health.so", "opt.path = /up") +
           service("headprobe", f"127.0.0.1:{down}/tcp", "headprobe.so", "opt.mode = ask",
                   f"opt.target.up = http://localhost:{up}/up",
                   f"opt.target.other = http://localhost:{up}/other"))
    assert talk(down, b"up\n").startswith(b"OK 200 HTTP/1.1 ")
    assert talk(down, b"other\r\n").startswith(b"FAIL 404 HTTP/1.1 ")


@test
def headprobe_gets_along_with_a_python_server():
    server = http.server.ThreadingHTTPServer((net.LOOPBACK, 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tap.current().on_exit(server.server_close)
    tap.current().on_exit(server.shutdown)
    _, port = probe(f"opt.target = http://127.0.0.1:{server.server_port}/")
    answer = talk(port, b"")
    assert answer.startswith(b"WARN 501 HTTP/1.0 "), answer
    assert b' note="HEAD unsupported"\nServer: BaseHTTP/' in answer, answer


@test
def headprobe_gets_along_with_busybox():
    if not shutil.which("busybox"):
        skip("there is no busybox here")
    target = net.free_port()
    tap.write("www/index.html", "hello\n")
    httpd = subprocess.Popen(["busybox", "httpd", "-f", "-p", f"127.0.0.1:{target}",
                              "-h", tap.path("www")])
    tap.current().on_exit(httpd.wait)
    tap.current().on_exit(httpd.terminate)
    wait_for(lambda: net.can_connect(target), "busybox")
    _, port = probe(f"opt.target = http://127.0.0.1:{target}/index.html")
    answer = talk(port, b"")
    assert answer.startswith(b"OK 200 HTTP/1."), answer
    assert b" length=6\n" in answer, answer


@test
def headprobe_reaches_only_named_targets():
    target = Target(OK)
    _, port = probe("opt.mode = ask", f"opt.target.web = {target.url}")
    for line in target.url.encode(), b"http://127.0.0.1:22/", b"WEB", b"":
        answer = talk(port, line + b"\n")
        assert answer.startswith(b"ERR denied " if line else b"ERR badreq "), answer
    equal(talk(port, b"x" * 5000), b"ERR badreq line too long\n")
    equal(target.requests, [])
    answer = talk(port, b"web\n")
    assert answer.startswith(b"OK 200 ") and b" target=web\n" in answer, answer


@test
def headprobe_tells_what_went_wrong():
    closed, silent = net.free_port(), Target(b"", close=False)
    urls = {"refused": f"http://127.0.0.1:{closed}/", "silent": silent.url,
            "mute": Target(b"").url, "ssh": Target(b"SSH-2.0-x\r\n").url,
            "large": Target(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000).url}
    _, port = probe("opt.mode = ask", *(f"opt.target.{n} = {u}" for n, u in urls.items()))
    for name, answer in (("refused", b"ERR refused\n"),
                         ("mute", b"ERR closed before status line\n"),
                         ("ssh", b"ERR malformed status line\n"),
                         ("large", b"ERR toolarge headers>100 lines\n"),
                         ("silent", b"ERR timeout response 5000ms\n")):
        equal(talk(port, name.encode() + b"\n"), answer, name)


@test
def headprobe_reports_a_name_that_does_not_exist():
    _, port = probe("opt.target = http://nothing.invalid/")
    answer = talk(port, b"")
    # Where no name server answers, the time for the connection is over first.
    assert answer.startswith((b"ERR dns ", b"ERR timeout connect ")), answer


@test
def headprobe_makes_hostile_headers_harmless():
    target = Target(b"HTTP/1.1 200 \x1b[2J\r\nServer: \x1b]0;\x07\"\xff\r\n\r\nOK 200 forged")
    _, port = probe(f"opt.target = {target.url}")
    answer = talk(port, b"")
    assert all(byte == 10 or 32 <= byte <= 126 for byte in answer), answer
    assert answer.endswith(b' server="\\x1B]0;\\x07\\x22\\xFF"\n'
                           b'Server: \\x1B]0;\\x07"\\xFF\n'), answer


@test
def headprobe_shares_one_probe_among_many_clients():
    target = Target(OK)
    _, port = probe(f"opt.target = {target.url}", "opt.min_interval = 1h")
    socks = [net.tcp(port) for _ in range(20)]
    answers = {net.read_all(sock) for sock in socks}
    equal(len(answers), 1, "number of different answers")
    equal(len(target.requests), 1, "number of probes")


@test
def headprobe_refuses_targets_it_cannot_probe():
    for key, why in (("opt.target = https://127.0.0.1/", b"https is not supported"),
                     ("opt.target = http://user@127.0.0.1/", b"user name"),
                     ("opt.target = http://2130706433/", b"host must be"),
                     ("opt.mode = ask", b"needs at least one opt.target.NAME"),
                     ("opt.expect = 200", b"opt.target: is missing")):
        path = configuration(service("headprobe", "127.0.0.1:7081/tcp", "headprobe.so", key))
        done = cservd("-t", "-c", path)
        equal(done.returncode, 78, f"exit status for {key}")
        assert why in done.stderr, done.stderr


@test
def the_smallest_stack_is_enough():
    up, echoes, probes = net.free_port(), net.free_port(), net.free_port()
    Daemon("[defaults]\nstack_size = 128K\n" +
           service("health", f"127.0.0.1:{up}/tcp", "health.so") +
           service("echo", f"127.0.0.1:{echoes}/tcp 127.0.0.1:{echoes}/udp", "echo_upper.so",
                   "opt.case = unicode") +
           service("headprobe", f"127.0.0.1:{probes}/tcp", "headprobe.so",
                   f"opt.target = http://127.0.0.1:{up}/"))
    assert talk(probes, b"").startswith(b"OK 200 ")
    equal(net.ask(net.udp(echoes), b"x" * 65507), b"X" * 65507)
    with net.tcp(echoes) as sock:
        equal(net.ask(sock, "é".encode() * 8000 + b"\n"), "É".encode() * 8000 + b"\n")


run()
