/* SPDX-License-Identifier: MIT */
/* passing - sends a packet with a descriptor to another process. */
#ifndef WORKER_PASSING_H
#define WORKER_PASSING_H

#include <stddef.h>

#include "common/util.h"

/*
 * Sends size bytes through socket (SOCK_SEQPACKET), with a duplicate of fd unless it is -1.  flags:
 * of sendmsg(2); MSG_NOSIGNAL is added.  0, or -1 with errno.
 */
int passing_send(int socket, const void *bytes, size_t size, int fd, int flags) UTIL_CHECKED;

#endif
