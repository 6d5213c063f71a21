/* SPDX-License-Identifier: MIT */
/* stream - a conn over a connected, blocking socket, or over stdin and stdout. */
#ifndef WORKER_STREAM_H
#define WORKER_STREAM_H

#include "worker/conn.h"

extern const struct conn_ops stream_ops;

/*
 * Gives conn its connected socket, which stays the caller's to close.  kernel_idle_ms: [ms] what
 * SO_RCVTIMEO and SO_SNDTIMEO of fd are set to, CONN_NO_LIMIT for none: up to there the kernel
 * watches the idle limit without a system call of ours.
 */
void stream_attach(struct cservd_conn *conn, int fd, int kernel_idle_ms);

/*
 * What remains to be done when the handler has returned: half-close, discard input for at most
 * 1 s or 64 KiB, so that the last bytes arrive instead of a reset (RFC 1122 4.2.2.13).
 */
void stream_linger(struct cservd_conn *conn);

#endif
