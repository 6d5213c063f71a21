/* SPDX-License-Identifier: MIT */
/* filter - seccomp filters as BPF: built once from the promises, installed where needed. */
#ifndef WORKER_FILTER_H
#define WORKER_FILTER_H

#include <linux/filter.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/util.h"

/*
 * Builds the filter that allows what these promises (PROMISE_*, promise_expand()ed) bring, traps
 * the rest (SIGSYS) or with PROMISE_EXEC fails it with EPERM, and kills the process that calls
 * through another architecture's door.  arch: AUDIT_ARCH_*,
 * or 0 for this machine.  The caller owns *ret: filter_finish().  0, or -1 with errno.
 */
int filter_build(uint32_t arch, uint32_t promises, struct sock_fprog *ret) UTIL_CHECKED;

/*
 * As filter_build() for this machine, for a process that does not exist yet: where a rule wants its
 * id, the program holds a place for it, which filter_set_pid() fills.
 */
int filter_build_template(uint32_t promises, struct sock_fprog *ret) UTIL_CHECKED;

/* Makes a template the filter of the process pid; once.  Async-signal-safe. */
void filter_set_pid(struct sock_fprog *program, pid_t pid);

/*
 * Builds the guard: allows everything, but traps what would change the sockets first ..
 * first + count - 1, which the master shares.  arch and *ret as above.  0, or -1 with errno.
 */
int filter_build_guard(uint32_t arch, uint32_t first, uint32_t count,
		       struct sock_fprog *ret) UTIL_CHECKED;

/* Frees what a build made; NULL and an all-zero program are fine. */
void filter_finish(struct sock_fprog *program);

/*
 * Adds the filter to the calling thread, or with SECCOMP_FILTER_FLAG_TSYNC to every thread of the
 * process.  Needs no_new_privs.  0, or -1 with errno; EBUSY: some thread has a filter of its own.
 */
int filter_install(const struct sock_fprog *program, unsigned int flags) UTIL_CHECKED;

#endif
