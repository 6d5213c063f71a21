/* SPDX-License-Identifier: MIT */
/* sigsys - what a denied system call costs: a report, EPERM, and what `on_violation` says. */
#ifndef WORKER_SIGSYS_H
#define WORKER_SIGSYS_H

#include "common/util.h"
#include "worker/conn.h"

#define SIGSYS_EXIT_STATUS 70 /* EX_SOFTWARE of <sysexits.h>: the worker must be replaced */

/* Denied calls of one handler run, or of a thread of the plugin's own, that end the worker. */
#define SIGSYS_VIOLATIONS_MAX 8

/*
 * Installs the handler of SIGSYS for the whole process; the filters trap into it.  Each denied
 * call is counted on the board and fails with EPERM.  It is reported at its first time on a
 * connection (MESSAGE_DENIED).  What else it costs is for settings.on_violation to say:
 *
 *	hangup	the connection whose handler made it is cut, a datagram gets no reply; the first
 *		time in a process that serves, the master is asked for a successor
 *	deny	nothing
 *	kill	the process ends with SIGSYS_EXIT_STATUS after the report
 *	learn	nothing: only calls on the listeners come here then (learn.h)
 *
 * A call that only an attacker makes (promise_is_fatal()), and the SIGSYS_VIOLATIONS_MAXth of a
 * handler run, are as with kill.
 *
 * Two kinds of calls are denied, counted on the board, and cost nothing: looks of libc's own
 * (libcprobe.h), not reported either; and calls newer than libseccomp, which fail with ENOSYS so
 * that libc falls back to the older one.  0, or -1 with errno.
 */
int sigsys_install(void) UTIL_CHECKED;

/* After each handler, on its thread: reports the calls that were denied to *conn more than once. */
void sigsys_report_repeats(const struct cservd_conn *conn);

#endif
