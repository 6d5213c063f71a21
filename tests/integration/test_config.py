#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A wrong cservd.ini is refused as a whole, each error with its file and line; -t and -T."""

import os
import re
import resource

from lib import net, tap
from lib.daemon import plugin, run as cservd
from lib.tap import equal, needs_root, run, test, write

HEAD = "[cservd]\nplugin_dir = @PLUGINS@\nlog = stderr\n"      # lines 1 to 3
GOOD = "[good]\nlisten = 127.0.0.1:7007/tcp\nhandler = echo_upper.so\n"


def config(text):
    """Writes a configuration; @PLUGINS@ becomes the folder of plugins."""
    for name in "echo_upper.so", "options.so", "config_wrong.so", "asks.so", "hooks.so":
        plugin(name)
    text = text if isinstance(text, bytes) else text.encode()
    return write("cservd.ini", text.replace(b"@PLUGINS@", tap.path("plugins").encode()))


def check(file, *args):
    return cservd("-c", file, *args, "-t")


def refused(file, *patterns):
    """Checks that -t and a start both refuse the file with lines matching the patterns."""
    for args in ["-t"], []:
        done = cservd("-c", file, *args)
        said = done.stderr.decode(errors="replace")
        equal(done.returncode, 78, f"exit status with {args} ({said.strip()[-200:]})")
        for pattern in patterns:
            assert re.search(pattern, said, re.M), f"no {pattern!r} with {args} in:\n{said[:2000]}"
    return said


def refused_at(line, text, pattern="."):
    """Refused with a message for that line of cservd.ini."""
    return refused(config(text), rf"cservd\.ini:{line}: .*{pattern}")


def refused_key(key, pattern="."):
    """Refused because of one line in a service that is right otherwise."""
    refused_at(7, HEAD + GOOD + key + "\n", pattern)


@test
def a_right_file_is_accepted():
    done = check(config(HEAD + GOOD))
    equal(done.returncode, 0, f"exit status ({done.stderr})")


@test
def an_emptied_file_is_refused():
    for text in "", "# nothing is left\n":
        refused(config(text), r'cservd\.ini: no section: write a service such as "\[echo\]"$')


@test
def a_refused_plugin_is_told_at_its_handler_as_a_missing_one_is():
    refused(config(HEAD + "[o]\nlisten = 7007/tcp\nhandler = asks.so\n"), r"ini:6: ")
    refused(config(HEAD + "[o]\nlisten = 7007/tcp\nhandler = gone.so\n"), r"ini:6: ")


@test
def a_low_soft_limit_of_files_is_raised():
    text = HEAD + "".join(f"[s{i}]\nlisten = 127.0.0.1:{7007 + i}/tcp\nhandler = echo_upper.so\n"
                          for i in range(40))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    done = cservd("-c", config(text), "-t", preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (32, hard)))
    equal(done.returncode, 0, f"exit status ({done.stderr})")


@test
def every_error_is_listed_in_one_go():
    refused(config(HEAD + "[a]\nlisten = 0/tcp\nhandler = gone.so\nspeed = 9\n"
                   "[b]\nlisten = 7/sctp\nhandler = echo_upper.so\nidle_timeout = soon\n"),
            r"ini:5: ", r"ini:7: ", r"ini:9: ", r"ini:11: ")


@test
def a_missing_file_is_refused():
    refused(tap.path("absent.ini"), r"absent\.ini.*No such file")


@test
def an_unreadable_file_is_refused():
    if os.geteuid() == 0:
        tap.skip("root reads everything")
    refused(write("cservd.ini", HEAD + GOOD, mode=0), r"cservd\.ini.*Permission denied")


@test
def a_directory_is_refused():
    refused(tap.path(), r"directory")


@test
def a_device_is_refused():
    for device in "/dev/null", "/dev/zero":
        equal(check(device).returncode, 78, f"exit status for {device}")


@test
def binary_junk_is_refused():
    refused(config(bytes(range(256)) * 64), r"cservd\.ini:\d+: ")


@test
def an_executable_is_refused():
    with open("/bin/true", "rb") as file:
        refused(config(file.read()), r"cservd\.ini:\d+: ")


@test
def nul_bytes_are_refused():
    refused_at(7, HEAD + GOOD + "user = nob\0dy\n", "NUL")


@test
def megabytes_are_refused():
    said = refused(config(HEAD + GOOD + "nonsense = 1\n" * 800000), r"cservd\.ini:7: ")
    assert len(said) < 100000, f"{len(said)} bytes of messages"
    refused(config("; comment\n" * 1000000 + HEAD + GOOD), "file of more than")


@test
def a_hundred_thousand_comments_are_no_error():
    file = config("; comment\n" * 100000 + HEAD + GOOD)
    equal(check(file).returncode, 0, "exit status")


@test
def a_line_of_5000_characters_is_refused():
    refused_at(7, HEAD + GOOD + "user = " + "x" * 5000 + "\n", "198")


@test
def a_line_has_at_most_198_bytes():
    equal(check(config(HEAD + GOOD + ";" + "c" * 197 + "\n")).returncode, 0, "exit status")
    refused_at(7, HEAD + GOOD + ";" + "c" * 198 + "\n", "198")


@test
def a_value_over_8_kib_is_refused():
    words = "".join(f"  127.0.0.1:{port}/tcp \\\n" for port in range(20000, 20500))
    refused_at(r"\d+", HEAD + "[long]\nhandler = echo_upper.so\nlisten = \\\n" + words + "\n")


@test
def a_continued_line_is_one_value():
    file = config(HEAD + "[good]\nlisten = 127.0.0.1:7007/tcp \\\n  127.0.0.1:7008/tcp\n"
                  "handler = echo_upper.so\n")
    done = cservd("-c", file, "-T")
    assert re.search(rb"listen.*7007/tcp.*7008/tcp", done.stdout), done.stdout


@test
def an_error_after_a_continued_line_has_its_own_line_number():
    refused_at(8, HEAD + "[good]\nlisten = 127.0.0.1:7007/tcp \\\n  127.0.0.1:7008/tcp\n"
               "handler = echo_upper.so\nspeed = 9\n", "speed")


@test
def an_indented_line_is_a_line_of_its_own():
    refused_at(7, HEAD + GOOD + "   speed = 9\n", "speed")


@test
def crlf_and_a_byte_order_mark_are_accepted():
    file = config(b"\xef\xbb\xbf" + (HEAD + GOOD).replace("\n", "\r\n").encode())
    done = check(file)
    equal(done.returncode, 0, f"exit status ({done.stderr})")


@test
def a_last_line_without_an_end_is_read():
    refused_at(7, HEAD + GOOD + "speed = 9", "speed")


@test
def comments_are_ignored():
    done = check(config("# head\n" + HEAD + GOOD + "; a comment\nuser = nobody ; why not\n"))
    equal(done.returncode, 0, f"exit status ({done.stderr})")


@test
def an_unknown_key_is_refused_with_the_nearest_one():
    refused_key("idle_timout = 1s", "idle_timeout")


@test
def xinetd_words_are_translated():
    refused_key("instances = 10", "max_connections")
    refused_key("disable = yes", "enabled")


@test
def a_duplicate_key_is_refused():
    refused_key("handler = echo_upper.so", "handler")


@test
def a_duplicate_section_is_refused():
    refused_at(7, HEAD + GOOD + GOOD, "good")


@test
def a_duplicate_option_is_refused():
    refused_at(8, HEAD + GOOD + "opt.case = ascii\nopt.case = ascii\n", "case")


@test
def one_listen_in_two_services_is_refused():
    refused_at(8, HEAD + GOOD + GOOD.replace("good", "better"), "7007/tcp.*good")


@test
def one_listen_twice_in_a_service_is_refused():
    refused_at(5, HEAD + "[twice]\nlisten = 7007/tcp 7007/tcp\nhandler = echo_upper.so\n", "7007")


@test
def a_wildcard_and_an_address_of_one_port_are_refused():
    refused_at(r"\d+", HEAD + GOOD + "[all]\nlisten = 7007/tcp\nhandler = echo_upper.so\n", "7007")


@test
def a_port_for_tcp_and_udp_is_no_conflict():
    file = config(HEAD + GOOD + "[udp]\nlisten = 127.0.0.1:7007/udp\nhandler = echo_upper.so\n")
    equal(check(file).returncode, 0, "exit status")


@test
def a_key_outside_a_section_is_refused():
    refused_at(1, "user = nobody\n" + HEAD + GOOD)


@test
def default_for_defaults_is_refused_with_the_right_word():
    refused_at(4, HEAD + "[default]\nuser = nobody\n" + GOOD, r"\[?defaults")


@test
def a_section_name_with_odd_letters_is_refused():
    for name in "Good", "go od", "gööd", "a/b", "-good", "", "x" * 33:
        refused_at(4, HEAD + GOOD.replace("good", name))


@test
def a_broken_section_line_is_refused():
    refused_at(4, HEAD + GOOD.replace("[good]", "[good"))


@test
def a_line_without_an_equals_sign_is_refused():
    refused_key("just words")


@test
def a_colon_does_not_separate():
    refused_key("user: nobody")


@test
def wrong_listen_values_are_refused():
    for value, pattern in [("0/tcp", "port 0"), ("65536/tcp", "65535"), ("7007/sctp", "sctp"),
                           ("7007", "tcp"), ("/tcp", "."), ("nosuchservice/tcp", "nosuchservice"),
                           ("300.1.1.1:7/tcp", "300.1.1.1"), ("::1:7/tcp", "."), ("-1/tcp", "."),
                           ("[::1:7/tcp", "."), ("example.org:7/tcp", "example.org"), ("", ".")]:
        refused_at(5, HEAD + f"[bad]\nlisten = {value}\nhandler = echo_upper.so\n", pattern)


@test
def a_service_without_listen_is_refused():
    refused_at(4, HEAD + "[bad]\nhandler = echo_upper.so\n", "listen")


@test
def a_service_without_handler_is_refused():
    refused_at(4, HEAD + "[bad]\nlisten = 7007/tcp\n", "handler")


@test
def a_missing_handler_file_is_refused():
    refused_at(6, HEAD + "[bad]\nlisten = 7007/tcp\nhandler = gone.so\n", "gone.so.*No such file")


@test
def a_handler_that_is_no_plugin_is_refused():
    text = write("plugins/text.so", "not a plugin\n")
    os.makedirs(tap.path("plugins", "folder.so"))
    for name in "text.so", "folder.so", text:
        refused_at("[46]", HEAD + f"[bad]\nlisten = 7007/tcp\nhandler = {name}\n",
                   r"(text|folder)\.so")


@test
def a_disabled_service_is_checked_too():
    refused_at(6, HEAD + "[bad]\nlisten = 7007/tcp\nhandler = gone.so\nenabled = no\n" + GOOD,
               "gone.so")


@test
def an_empty_value_is_refused():
    for key in "user =", "idle_timeout =", "sandbox =", "opt.case =":
        refused_key(key, key.split()[0].replace(".", r"\."))


@test
def wrong_values_are_refused():
    for key, pattern in [("idle_timeout = 5", "unit"), ("idle_timeout = 0s", "unlimited"),
                         ("idle_timeout = -1s", "."), ("max_connections = 0", "unlimited|1"),
                         ("max_connections = many", "many"), ("backlog = 1K", "."),
                         ("stack_size = 64K", "128K"), ("stack_size = 99999999999999999G", "."),
                         ("log_connections = maybe", "yes"), ("enabled = 1", "yes"),
                         ("concurrency = magic", "thread"), ("drain_timeout = 1 s", "."),
                         ("udp_amplify = 0", ".")]:
        refused_key(key, pattern)


@test
def an_unknown_user_is_refused():
    refused_key("user = nosuchuser", "nosuchuser")


@test
def an_unknown_group_is_refused():
    refused_key("group = nosuchgroup", "nosuchgroup")


@test
def root_is_refused_as_user():
    refused_key("user = root", "0|root")
    refused_key("user = 0", "0")


@test
def an_unknown_promise_is_refused():
    refused_key("sandbox = stdio magic", "magic")


@test
def a_promise_that_was_not_granted_is_refused():
    refused_at(r"\d+", HEAD + "[bad]\nlisten = 7007/tcp\nhandler = asks.so\n", "rpath")


@test
def an_unknown_option_is_refused():
    refused_key("opt.colour = red", "colour")


@test
def wrong_options_are_refused_with_their_lines():
    text = HEAD + "[o]\nlisten = 7007/tcp\nhandler = options.so\n"
    for key, pattern in [("opt.choice = pink", "red"), ("opt.flag = 2", "yes"),
                         ("opt.number = 6", "5"), ("opt.size = big", "."), ("opt.delay = 3", "."),
                         ("opt.nothing = 1", "nothing")]:
        refused_at(7, text + key + "\n", pattern)


@test
def a_plugin_refuses_options_in_its_own_words():
    refused(config(HEAD + "[o]\nlisten = 7007/tcp\nhandler = config_wrong.so\n"
                   "opt.colour = red\nopt.shape = ball\n"),
            r'ini:7: .*colour: no paint left for "red"', r"ini:8: .*shape: too round")


@test
def a_plugin_that_crashes_in_config_is_refused():
    refused(config(HEAD + "[o]\nlisten = 7007/tcp\nhandler = hooks.so\nopt.crash = config\n"),
            r"hooks")


@test
def defaults_hold_for_all_services():
    file = config(HEAD + "[defaults]\nidle_timeout = 7s\n" + GOOD +
                  "[own]\nlisten = 127.0.0.1:7008/tcp\nhandler = echo_upper.so\n"
                  "idle_timeout = 9s\n")
    printed = cservd("-c", file, "-T").stdout.decode()
    good, _, own = printed.partition("[own]")
    assert re.search(r"^idle_timeout = 7s", good, re.M), printed
    assert re.search(r"^idle_timeout = 9s", own, re.M), printed


@test
def a_key_of_services_alone_is_refused_in_defaults():
    refused_at(5, HEAD + "[defaults]\nlisten = 7007/tcp\n" + GOOD, "listen")


@test
def an_include_adds_services_with_its_own_line_numbers():
    write("more.ini", "\n[more]\nlisten = 127.0.0.1:7009/tcp\nhandler = gone.so\n")
    refused(config(HEAD + "include = more.ini\n" + GOOD), r"more\.ini:4: .*gone\.so")


@test
def a_missing_include_is_refused_unless_it_has_a_wildcard():
    refused_at(4, HEAD + "include = absent.ini\n" + GOOD, "absent.ini")
    equal(check(config(HEAD + "include = absent*.ini\n" + GOOD)).returncode, 0, "exit status")


@test
def global_sections_are_refused_in_an_include():
    for section in "cservd", "defaults":
        write("more.ini", f"[{section}]\n")
        refused(config(HEAD + "include = more.ini\n" + GOOD), rf"more\.ini:1: .*{section}")


@test
def an_include_that_includes_itself_is_refused():
    refused(config(HEAD + "include = cservd.ini\n" + GOOD))


@test
def what_is_printed_parses_back_to_itself():
    file = config(HEAD + "[defaults]\nmax_duration = 90s\n" + GOOD + "idle_timeout = unlimited\n"
                  "[o]\nlisten = 7010/tcp [::1]:7011/udp localhost:7012/tcp\nhandler = options.so\n"
                  "opt.text = one; two # three \\ four\nopt.item.a = x\nstack_size = 1M\n"
                  "enabled = no\nlog_connections = no\n")
    first = cservd("-c", file, "-T")
    equal(first.returncode, 0, f"exit status ({first.stderr})")
    second = cservd("-c", write("again.ini", first.stdout), "-T")
    equal(second.returncode, 0, f"exit status of the second round ({second.stderr})")
    equal(second.stdout, first.stdout, "second output")


@test
def checking_opens_no_socket():
    port = net.free_port()
    with net.socket.socket() as sock:
        sock.setsockopt(net.socket.SOL_SOCKET, net.socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen()
        file = config(HEAD + GOOD.replace("7007", str(port)))
        equal(check(file).returncode, 0, "exit status while the port is in use")


@test
def a_file_that_others_may_write_is_not_a_handler_for_root():
    needs_root()
    os.chmod(plugin("echo_upper.so"), 0o666)
    refused_at(6, HEAD + GOOD, r"echo_upper\.so.*writ")


@test
def control_characters_do_not_reach_the_terminal():
    said = refused(config(HEAD + "[bad\x1b[31m]\n" + "k\x1b]0;title\x07 = 1\n"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", said), repr(said)


@test
def everything_that_is_wrong_is_listed_in_one_round_in_the_order_of_the_lines():
    file = config(HEAD + "[one]\nlisten = 127.0.0.1:7007/tcp\nhandler = echo_upper.so\n"
                  "opt.case = banana\n"
                  "[two]\nlisten = 127.0.0.1:7008/tcp\nhandler = missing.so\n"
                  "[three]\nlisten = 70000/tcp\nhandler = echo_upper.so\nopt.cse = unicode\n"
                  "[four]\nlisten = 127.0.0.1:7009/udp\nbogus = 1\nhandler = echo_upper.so\n")
    said = check(file).stderr.decode()
    wanted = ["banana", "missing.so", "70000/tcp", "no such option", "bogus"]
    places = [said.find(word) for word in wanted]
    assert -1 not in places and places == sorted(places), said
    equal(len(said.splitlines()), len(wanted), "errors")


run()
