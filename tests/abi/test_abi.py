#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The plugin ABI: what compiles, what loads, and how everything else is refused."""

import os
import re
import shlex
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))

from lib import net, tap                                                # noqa: E402
from lib.daemon import BUILD, SOURCE, WORKER, Daemon, run as cservd, service    # noqa: E402
from lib.tap import equal, run, skip, test                              # noqa: E402

HERE = os.path.join(SOURCE, "tests/abi")
HEADER = os.path.join(SOURCE, "include/cservd/plugin.h")
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror"]

E_MACHINE = 18       # offsets in an ELF header, elf(5)
EI_CLASS, EI_DATA = 4, 5


def compiler(variable="CC", default="cc"):
    command = shlex.split(os.environ.get(variable) or default)
    if not shutil.which(command[0]):
        skip(f"there is no {command[0]} here")
    return command


def build(source, *flags, name=None):
    """Compiles a plugin the way the manual says; returns its path."""
    built = tap.path((name or source[:-2]) + ".so")
    subprocess.run([*compiler(), "-shared", "-fPIC", "-I" + os.path.join(SOURCE, "include"),
                    *flags, "-o", built, os.path.join(HERE, source)], check=True)
    return built


def bent(*defines):
    """A plugin whose descriptor differs from a right one."""
    return build("descriptor.c", *[f"-D{define}" for define in defines])


def refused(path, *sentences):
    """--plugin-info, -t and --try all say why they do not take the plugin."""
    port = net.free_port()
    config = tap.write("refused.ini", service("it", f"127.0.0.1:{port}/tcp", path))
    for args in ["--plugin-info", path], ["-c", config, "-t"], ["--try", path,
                                                                f"127.0.0.1:{port}/tcp"]:
        done = cservd(*args)
        said = done.stderr.decode(errors="replace")
        equal(done.returncode, 78, f"exit status of {args[0]} ({said.strip()})")
        for sentence in sentences:
            assert sentence in said, f"{args}: no {sentence!r} in {said!r}"
        assert os.path.basename(path) in said, f"{args}: no file in {said!r}"
        assert len(said.splitlines()) <= 2, f"{args} says more than a sentence: {said!r}"


def accepted(path, answer):
    """The plugin is described, and serves."""
    done = cservd("--plugin-info", path)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    port = net.free_port()
    Daemon(service("it", f"127.0.0.1:{port}/tcp", path))
    equal(net.read_all(net.tcp(port)), answer)


@test
def the_header_compiles_as_c99_and_c11():
    for standard in "c99", "c11":
        subprocess.run([*compiler(), f"-std={standard}", *STRICT, "-fsyntax-only",
                        "-I" + os.path.join(SOURCE, "include"),
                        os.path.join(HERE, "hello.c")], check=True)


@test
def the_header_compiles_as_cxx17():
    subprocess.run([*compiler("CXX", "c++"), "-std=c++17", *STRICT, "-fsyntax-only", "-x", "c++",
                    "-I" + os.path.join(SOURCE, "include"), os.path.join(HERE, "header.c")],
                   check=True)


@test
def a_plugin_compiles_with_one_line_of_pkg_config():
    if not shutil.which("pkg-config"):
        skip("there is no pkg-config here")
    line = f"{shlex.join(compiler())} -shared -fPIC $(pkg-config --cflags cservd) -o hello.so " \
           f"{shlex.quote(os.path.join(HERE, 'hello.c'))}"
    subprocess.run(line, shell=True, check=True, cwd=tap.path(),
                   env={**os.environ, "PKG_CONFIG_PATH": BUILD})
    accepted(tap.path("hello.so"), b"hello\n")


@test
def the_smallest_plugin_serves_datagrams_too():
    path = build("hello.c")
    port = net.free_port()
    Daemon(service("it", f"127.0.0.1:{port}/udp", path))
    equal(net.ask(net.udp(port), b""), b"hello\n")


def exported():
    """Names that the worker exports, without the linker's own."""
    if not shutil.which("nm"):
        skip("there is no nm here")
    lines = subprocess.run(["nm", "-D", "--defined-only", WORKER], stdout=subprocess.PIPE,
                           check=True).stdout.decode().splitlines()
    # Only functions: data of libraries that the worker uses is copied into it, and exported.
    names = {line.split()[-1] for line in lines if line.split()[-2] in "TWi"}
    if any(re.match(r"__?(asan|tsan|ubsan|sanitizer)_", name) for name in names):
        skip("the sanitizers export names of their own")
    return {name for name in names if not name.startswith("_")}


def declared():
    """Functions that the header declares."""
    with open(HEADER) as file:
        text = re.sub(r"/\*(.|\n)*?\*/|^#(\\\n|.)*$", "", file.read(), flags=re.M)
    return set(re.findall(r"\b(cservd_\w+)\(", text))


def listed():
    """Functions in the linker's list."""
    with open(os.path.join(SOURCE, "src/worker/cservd.syms")) as file:
        return set(re.findall(r"^\s*(\w+);", file.read(), re.M))


@test
def the_list_of_exports_is_the_header():
    equal(sorted(listed() ^ declared()), [], "difference")


@test
def the_worker_exports_the_header_and_nothing_else():
    equal(sorted(exported() ^ declared()), [], "difference")


@test
def a_right_descriptor_is_accepted():
    accepted(bent(), b"bent\n")


@test
def another_minor_version_is_refused_before_1_0():
    refused(bent("ABI=(CSERVD_ABI+1)"), "ABI 0.2", "speaks 0.1")
    refused(bent("ABI=(CSERVD_ABI-1)"), "ABI 0.0", "speaks 0.1")


@test
def another_major_version_is_refused():
    refused(bent("ABI=(7*65536+3)"), "ABI 7.3", "speaks 0.1")


@test
def a_longer_descriptor_with_an_unused_tail_is_accepted():
    accepted(bent("SIZE=sizeof(struct later_plugin)"), b"bent\n")


@test
def a_longer_descriptor_with_a_used_tail_is_refused():
    refused(bent("SIZE=sizeof(struct later_plugin)", "TAIL=1"), "features")


@test
def a_size_that_cannot_be_is_refused():
    for size in 0, 8, 1 << 20, 0xffffffff:
        refused(bent(f"SIZE={size}u"), "descriptor")


@test
def an_unknown_flag_is_refused():
    refused(bent("FLAGS=(UINT64_C(1)<<40)"), "0x10000000000")


@test
def an_unknown_promise_is_refused():
    refused(bent('SANDBOX="magic"'), '"magic"')


@test
def a_promise_that_nobody_granted_is_refused():
    path = bent('SANDBOX="inet"')
    port = net.free_port()
    config = tap.write("refused.ini", service("it", f"127.0.0.1:{port}/tcp", path))
    done = cservd("-c", config, "-t")
    equal(done.returncode, 78, "exit status")
    assert b'"inet"' in done.stderr, done.stderr


@test
def a_plugin_without_a_name_is_refused():
    refused(bent("NAME=NULL"), ".name")
    refused(bent('NAME=""'), ".name")


@test
def a_plugin_without_a_handler_is_refused():
    refused(bent("STREAM=NULL"), "handler")


@test
def a_listener_without_its_handler_is_refused():
    path = bent()
    config = tap.write("refused.ini", service("it", "127.0.0.1:7007/udp", path))
    done = cservd("-c", config, "-t")
    equal(done.returncode, 78, "exit status")
    assert b"UDP" in done.stderr or b"udp" in done.stderr, done.stderr


@test
def a_function_of_a_later_version_is_named():
    refused(build("later_call.c"), "cservd_teleport")


@test
def a_function_of_a_missing_library_is_named():
    refused(build("foreign_call.c"), "library_function")


@test
def a_missing_library_is_named():
    library = tap.path("libgone.so")
    subprocess.run([*compiler(), "-shared", "-fPIC", "-o", library,
                    os.path.join(HERE, "no_descriptor.c")], check=True)
    path = build("hello.c", "-Wl,--no-as-needed", library)
    os.unlink(library)
    refused(path, "libgone.so")


@test
def an_object_without_a_descriptor_is_refused():
    refused(build("no_descriptor.c"), "CSERVD_PLUGIN")


@test
def a_file_that_is_not_elf_is_refused():
    for content in b"", b"text\n", b"\x7fEL", b"\x7fELF", b"#!/bin/sh\nexit 0\n", bytes(5000):
        refused(tap.write("text.so", content), "ELF")


def patched(name, *changes):
    """A right plugin with bytes replaced: (offset, bytes)."""
    with open(build("hello.c"), "rb") as file:
        image = bytearray(file.read())
    for offset, new in changes:
        image[offset:offset + len(new)] = new
    return tap.write(name, bytes(image))


@test
def an_object_of_another_machine_is_refused():
    with open("/proc/self/exe", "rb") as file:
        here = struct.unpack_from("<H", file.read(64), E_MACHINE)[0]
    other = 183 if here == 62 else 62           # EM_AARCH64, EM_X86_64
    refused(patched("machine.so", (E_MACHINE, struct.pack("<H", other))), "another machine")
    refused(patched("class.so", (EI_CLASS, b"\1")), "another machine")
    refused(patched("order.so", (EI_DATA, b"\2")), "another machine")


@test
def an_object_file_is_refused():
    path = tap.path("object.so")
    subprocess.run([*compiler(), "-c", "-fPIC", "-I" + os.path.join(SOURCE, "include"), "-o", path,
                    os.path.join(HERE, "hello.c")], check=True)
    refused(path, "shared object")


@test
def a_program_is_refused():
    refused(shutil.copy("/bin/true", tap.path("true.so")), "it ")


@test
def a_truncated_object_is_refused():
    with open(build("hello.c"), "rb") as file:
        image = file.read()
    for size in 63, 64, 100, 600, 4096, 8192, 12288:
        if size < len(image) // 2:
            refused(tap.write(f"cut{size}.so", image[:size]), "it is ")


@test
def an_object_full_of_junk_never_crashes_cservd():
    with open(build("hello.c"), "rb") as file:
        image = bytearray(file.read())
    for start in range(64, 4096, 448):
        junk = image[:start] + b"\xa5" * 64 + image[start + 64:]
        path = tap.write("junk.so", bytes(junk))
        config = tap.write("junk.ini", service("it", "127.0.0.1:7007/tcp", path))
        for args in ["--plugin-info", path], ["-c", config, "-t"]:
            done = cservd(*args)
            assert done.returncode >= 0, f"{args[0]} died at {start}: {done.returncode}"
            assert done.returncode == 0 or b"junk.so" in done.stderr, f"nothing said at {start}"


run()
