# SPDX-License-Identifier: MIT
"""What /proc says about processes and their threads."""

import os


def _stat(pid):
    """State and parent of a process, or None."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def children(pid):
    """Ids of the child processes, zombies too."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = _stat(name)
            if stat and stat[1] == pid:
                found.append(int(name))
    return sorted(found)


def descendants(pid):
    """Ids of the children, their children, and so on."""
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def thread_count(pid):
    """How many threads a process has; one small file, quickly read."""
    with open(f"/proc/{pid}/stat", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[17])


def is_alive(pid):
    """True unless the process is gone or a zombie."""
    stat = _stat(pid)
    return bool(stat) and stat[0] not in "ZX"


def is_reaped(pid):
    """True once the process is gone altogether, its last thread too."""
    return not os.path.exists(f"/proc/{pid}")


def name(pid):
    """The command name, or "?"."""
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return "?"


def command(pid):
    """The command line as a list of words; empty if the process is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def threads(pid):
    """Ids of the threads; empty if the process is gone."""
    try:
        return sorted(int(tid) for tid in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []


def status(pid, tid=None):
    """The fields of a process's or a thread's status file; empty if it is gone."""
    try:
        with open(f"/proc/{pid}/task/{tid or pid}/status") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def fds(pid):
    """Descriptor numbers and what they refer to; root's or the owner's to read."""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            pass                            # closed meanwhile
    return found


def resident(pid):
    """[KiB] of memory in use."""
    return int(status(pid).get("VmRSS", "0 kB").split()[0])
