/* SPDX-License-Identifier: MIT */
/*
 * libcprobe - tells files that libc looks at by itself, wherever a handler stands, from those
 * that a plugin wants to open.
 */
#ifndef WORKER_LIBCPROBE_H
#define WORKER_LIBCPROBE_H

#include <stdbool.h>
#include <stdint.h>

/* Notes where libc and the dynamic loader keep their constants; once, before any question. */
void libcprobe_init(void);

/*
 * Whether a system call of this number and these arguments is such a look: its path must be a
 * constant of libc's or the loader's own, and one of those in the table.  No pointer outside their
 * read-only segments is followed.  Async-signal-safe.
 */
bool libcprobe_is(int number, const uint64_t args[6]);

#endif
