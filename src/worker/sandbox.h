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

#include <stdint.h>

#include "common/util.h"

/*
 * Warms up what libc would otherwise open later (time zone, malloc arenas, libgcc_s; with
 * PROMISE_DNS where host names come from), compiles the filters for these promises (stdio is
 * always among them) and installs the SIGSYS handler (sigsys.h).  listeners: how many, from
 * WORKER_FD_LISTENERS on, the guard protects; 0, as in the connector, means no guard.  Sets TZ in
 * the environment if it is not set.  0, or -1 with errno (ENOSYS: the kernel has no seccomp
 * filters).
 */
int sandbox_prepare(uint32_t promises, uint32_t listeners) UTIL_CHECKED;

/*
 * Listener guard and base filter on every thread of the process (TSYNC), and no_new_privs.  0, or
 * -1 with errno; EBUSY: some thread has a filter of its own.
 */
int sandbox_enter(void) UTIL_CHECKED;

/* The connection filter on the calling thread, after sandbox_enter().  0, or -1 with errno. */
int sandbox_enter_thread(void) UTIL_CHECKED;

/* Before each handler: a plugin that blocked SIGSYS would turn a denial into a kill. */
void sandbox_unblock(void);

#endif
