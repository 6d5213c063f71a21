/* SPDX-License-Identifier: MIT */
/*
 * sandbox - puts the worker, and then its connection threads, behind seccomp filters.
 *
 * Order, each step once: sandbox_prepare() after the plugin's start; sandbox_enter() on the
 * whole process; then, on the nursery thread, sandbox_enter_thread(), whose filter every
 * thread it creates inherits.
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/util.h"
#include "worker/conn.h"

/*
 * Has libc open now what it would open later: time zone, libgcc_s, what malloc looks up; with
 * PROMISE_DNS it fixes where names come from.  Sets TZ in the environment if it is not set.  Once,
 * before anything keeps files from being opened; later calls do nothing.  0, or -1 with errno.
 */
int sandbox_warm_up(uint32_t promises) UTIL_CHECKED;

/*
 * Warms up, if that was not done, compiles the filters for these promises (stdio is always among
 * them) and installs the SIGSYS handler (sigsys.h).  listeners: how many, from WORKER_FD_LISTENERS
 * on, the guard protects; 0, as in the connector, means no guard, and so does PROMISE_EXEC, for a
 * program inherits the guard and knows nothing of these numbers.  0, or -1 with errno (ENOSYS: the
 * kernel has no seccomp filters).
 */
int sandbox_prepare(uint32_t promises, uint32_t listeners) UTIL_CHECKED;

/*
 * Listener guard and base filter on every thread of the process (TSYNC), and no_new_privs.  0, or
 * -1 with errno; EBUSY: some thread has a filter of its own.
 */
int sandbox_enter(void) UTIL_CHECKED;

/* The connection filter on the calling thread, after sandbox_enter().  0, or -1 with errno. */
int sandbox_enter_thread(void) UTIL_CHECKED;

/*
 * The filter of a forked process (concurrency = process) on its only thread: that of a connection,
 * or, if it makes_threads, one below which sandbox_enter_thread() is still to come for each.
 * sandbox_prepare() had PROMISE_FORKER among its promises.  0, or -1 with errno.
 */
int sandbox_enter_child(bool makes_threads) UTIL_CHECKED;

/* Before each handler: a plugin that blocked SIGSYS would turn a denial into a kill. */
void sandbox_unblock(void);

/* After each handler: says what was denied to *conn again, or what it taught (learn.h). */
void sandbox_leave(const struct cservd_conn *conn);

#endif
