/* SPDX-License-Identifier: MIT */
/* dial - resolves and connects to one target; blocking, for the connector's threads. */
#ifndef WORKER_DIAL_H
#define WORKER_DIAL_H

#include <netdb.h>
#include <stdint.h>

#include "common/util.h"
#include "worker/target.h"

/*
 * The address of a target that needs no look-up, to be freed with freeaddrinfo(); NULL for a
 * name or a path.  To be called before the sandbox: libc asks an ioctl for the scope of
 * [fe80::1%eth0].
 */
struct addrinfo *dial_numeric(const struct cservd_target *target);

/*
 * Connects to target until deadline_ms [ms, CLOCK_MONOTONIC]; numeric is what dial_numeric()
 * returned for it.  Returns a blocking connected socket, or -1 with errno, or with
 * *ret_resolve_error (EAI_*) set, which is 0 otherwise.  A look-up may last longer than the
 * deadline: its own limits are those of resolv.conf(5).
 */
int dial_target(const struct cservd_target *target, const struct addrinfo *numeric,
		int64_t deadline_ms, int *ret_resolve_error) UTIL_CHECKED;

#endif
