#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plugins that hang while they start: they are named, and hold nobody for ever."""

import os
import signal

from lib import net, tap
from lib.daemon import Daemon, configuration, echo, service
from lib.tap import equal, run, test

LATE = "hooks: worker .* did not start in time: killed$"


def hooks(port, *keys):
    """A service that does not start while there is the file gate()."""
    return service("hooks", f"127.0.0.1:{port}/tcp", "hooks.so", f"opt.wait = {gate()}", *keys)


def gate():
    return tap.path("gate")


def close_gate():
    tap.write("gate", "")


def answers(port):
    """Waits for the answer of hooks."""
    assert net.read_line(net.tcp(port)).startswith(b"loaded as ")


@test
def others_wait_ten_seconds_for_a_plugin_that_hangs():
    ports = net.free_port(), net.free_port()
    close_gate()
    daemon = Daemon(hooks(ports[0]) + echo(ports[1]), wait=False, deaths=True)
    daemon.wait_line("hooks: slow: its plugin has not started yet; the other services wait for it, "
                     "at most 10 s$")
    equal(daemon.matches("ready|echo-upper: slow"), [], "lines")
    daemon.wait_line("hooks: waiting: its plugin has not started within 10 s$", seconds=20)
    daemon.wait_line("ready: 1 service, 1 waiting$")
    equal(net.ask(net.tcp(ports[1]), b"calm\n"), b"CALM\n")
    daemon.wait_line("hooks: worker .* died: Killed; replaced$")
    daemon.wait_line(LATE)
    os.unlink(gate())
    answers(ports[0])
    daemon.wait_line("hooks: no longer waiting$")
    equal(len(daemon.matches("slow")), 1, "lines")


@test
def a_replaced_worker_that_hangs_is_killed_and_tried_again():
    port = net.free_port()
    daemon = Daemon(hooks(port), deaths=True)
    worker = daemon.worker("hooks")
    close_gate()
    os.kill(worker, signal.SIGKILL)
    daemon.wait_line(f"hooks: worker {worker} died: Killed; replaced$")
    daemon.wait_line(LATE, seconds=20)
    os.unlink(gate())
    answers(port)


@test
def a_reload_names_the_plugin_that_it_waits_for():
    port = net.free_port()
    daemon = Daemon(hooks(port))
    close_gate()
    configuration(hooks(port, "idle_timeout = 7s"))
    daemon.kill(signal.SIGHUP)
    daemon.wait_line("hooks: slow: its plugin has not started yet; the reload waits for it, "
                     "at most 10 s$")
    os.unlink(gate())
    daemon.wait_line("reloaded: 1 changed")


@test
def a_reload_is_refused_after_ten_seconds():
    port = net.free_port()
    daemon = Daemon(hooks(port), deaths=True)
    close_gate()
    configuration(hooks(port, "idle_timeout = 7s"))
    daemon.kill(signal.SIGHUP)
    daemon.wait_line("hooks: its plugin has not started within 10 s$", seconds=20)
    daemon.wait_line("reload refused: nothing changed$")
    os.unlink(gate())
    answers(port)


run()
