/* SPDX-License-Identifier: MIT */
/* sigsys - what a denied system call costs: a report, EPERM, and the connection. */
#ifndef WORKER_SIGSYS_H
#define WORKER_SIGSYS_H

#include "common/util.h"

#define SIGSYS_EXIT_STATUS 70 /* EX_SOFTWARE of <sysexits.h>: the worker must be replaced */

/*
 * Installs the handler of SIGSYS for the whole process; the filters trap into it.  Each denied
 * call is counted on the board; it is reported to the master, once for the same call of the same
 * connection; it fails with EPERM; the connection whose handler made it is cut, a datagram gets
 * no reply.  A call that only an attacker makes (promise_is_fatal()) ends the process with
 * SIGSYS_EXIT_STATUS after the report.  A call newer than libseccomp fails with ENOSYS,
 * reported but not cut, so that libc falls back to the older one.
 *
 * The report: number, arch, args, address, thread and peer; error is what the call returned, end
 * is END_DENIED if a stream was cut.  0, or -1 with errno.
 */
int sigsys_install(void) UTIL_CHECKED;

#endif
