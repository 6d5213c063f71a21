/* SPDX-License-Identifier: MIT */
/* daemon - leaving the terminal, and the pid file. */
#ifndef MASTER_DAEMON_H
#define MASTER_DAEMON_H

#include <stdbool.h>

#include "common/util.h"

/*
 * Continues in a child, in a session of its own.  The parent stays and ends as the child's start
 * turns out: with 0 once it is ready, else with the child's exit status.  0 in the child, or -1
 * with errno.  Comes before anything that starts workers: they die with the process that did.
 */
int daemon_begin(void) UTIL_CHECKED;

/*
 * Lets the parent go and turns 0, 1 and, unless it is to be kept, 2 into /dev/null.  0 or -1 with
 * errno.
 */
int daemon_ready(bool keep_stderr) UTIL_CHECKED;

/* Writes our process id to path and locks it for as long as we run.  0, or -1 with errno: EEXIST if
 * a running cservd has it. */
int daemon_write_pid(const char *path) UTIL_CHECKED;

#endif
