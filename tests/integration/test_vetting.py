#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files that somebody else could change or exchange are refused, with the command that helps."""

import os
import shutil
import subprocess

from lib import net, tap
from lib.daemon import CSERVD, Daemon, configuration, echo, plugin, run as cservd, service
from lib.tap import equal, needs_root, run, test

STRANGER = 12345


def handler(file):
    return service("own", f"127.0.0.1:{net.free_port()}/tcp", file)


def own_plugin(*folders):
    """A copy of a plugin in folders of its own."""
    file = tap.path(*folders, "own.so")
    os.makedirs(os.path.dirname(file), exist_ok=True)
    for count in range(1, len(folders) + 1):
        os.chmod(tap.path(*folders[:count]), 0o755)
    shutil.copyfile(plugin("echo_upper.so"), file)
    os.chmod(file, 0o644)
    return file


def accept(config):
    done = cservd("-t", "-c", config)
    equal(done.returncode, 0, f"exit status ({done.stderr.decode()})")


def refuse(config, what, command):
    """The configuration is refused, and the command at the end of the line is the remedy."""
    done = cservd("-t", "-c", config)
    said = done.stderr.decode()
    equal(done.returncode, 78, f"exit status ({said})")
    assert what in said, f"{what!r} is not in {said!r}"
    assert f": {command}\n" in said, f"{command!r} does not end a line of {said!r}"
    subprocess.run(["sh", "-c", command], check=True)
    accept(config)


@test
def a_plugin_below_a_directory_that_its_group_may_write_is_refused():
    file = own_plugin("srv", "deep")
    os.chmod(tap.path("srv"), 0o775)
    refuse(configuration(handler(file)),
           f'handler "{file}": directory "{tap.path("srv")}" is writable by its group',
           f"chmod g-w {tap.path('srv')}")


@test
def a_plugin_that_everybody_may_write_is_refused():
    file = own_plugin("srv")
    os.chmod(file, 0o666)
    refuse(configuration(handler(file)), f'file "{file}" is writable by everybody',
           f"chmod go-w {file}")


@test
def a_plugin_below_a_directory_of_somebody_else_is_refused():
    needs_root()
    file = own_plugin("srv", "deep")
    os.chown(tap.path("srv"), STRANGER, STRANGER)
    refuse(configuration(handler(file)),
           f'directory "{tap.path("srv")}" belongs to user id {STRANGER}',
           f"chown root {tap.path('srv')}")


@test
def a_link_is_judged_by_where_it_leads():
    file = own_plugin("real")
    os.symlink(file, tap.path("link.so"))
    config = configuration(handler(tap.path("link.so")))
    accept(config)
    os.chmod(tap.path("real"), 0o777)
    refuse(config, f'directory "{tap.path("real")}" is writable by everybody',
           f"chmod go-w {tap.path('real')}")


@test
def a_sticky_directory_is_fine_for_ones_own_files():
    needs_root()
    file = own_plugin("shared", "mine")
    os.chmod(tap.path("shared"), 0o1777)
    config = configuration(handler(file))
    accept(config)
    os.chown(tap.path("shared", "mine"), STRANGER, STRANGER)
    refuse(config, f'directory "{tap.path("shared", "mine")}" belongs to user id {STRANGER}',
           f"chown root {tap.path('shared', 'mine')}")


@test
def a_configuration_that_others_may_write_is_refused():
    config = configuration(handler(own_plugin("srv")))
    os.chmod(config, 0o664)
    refuse(config, f'file "{config}" is writable by its group', f"chmod g-w {config}")


@test
def an_include_from_a_directory_that_others_may_write_is_refused():
    text = f"[cservd]\ninclude = conf.d/*.ini\nplugin_dir = {tap.path('plugins')}\n"
    tap.write("conf.d/echo.ini", echo(net.free_port()))
    own_plugin("plugins")
    os.rename(tap.path("plugins", "own.so"), tap.path("plugins", "echo_upper.so"))
    config = tap.write("cservd.ini", text)
    accept(config)
    os.chmod(tap.path("conf.d"), 0o777)
    refuse(config, f'cservd.ini:2: include "{tap.path("conf.d")}/*.ini": '
           f'directory "{tap.path("conf.d")}" is writable by everybody',
           f"chmod go-w {tap.path('conf.d')}")


@test
def a_configuration_from_a_pipe_is_refused():
    done = cservd("-t", "-c", "/dev/stdin", data=b"[cservd]\n")
    equal(done.returncode, 78, "exit status")
    assert b"this is not a regular file" in done.stderr, done.stderr


@test
def a_plugin_that_only_root_can_read_is_loaded():
    needs_root()
    file = own_plugin("secret")
    os.chmod(file, 0o600)
    os.chmod(tap.path("secret"), 0o700)
    port = net.free_port()
    Daemon(service("own", f"127.0.0.1:{port}/tcp", file))
    equal(net.ask(net.tcp(port), b"loaded\n"), b"LOADED\n")


@test
def plugins_are_loaded_although_the_kernel_forbids_to_execute_memory():
    needs_root()
    allow = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
             'echo 2 > /proc/sys/vm/memfd_noexec && exec "$@"', "sh"]
    if subprocess.run([*allow, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        tap.skip("this kernel has no vm.memfd_noexec, or it cannot be set")
    done = subprocess.run([*allow, CSERVD, "--stdio", plugin("echo_upper.so")], input=b"file\n",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    equal(done.stdout, b"FILE\n", f"answer ({done.stderr.decode()})")
    equal(done.stderr.count(b"vm.memfd_noexec"), 1, "number of warnings")


run()
