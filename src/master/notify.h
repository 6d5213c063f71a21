/* SPDX-License-Identifier: MIT */
/* notify - tells a service manager how we are (the protocol of sd_notify(3)). */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

#include "common/util.h"

/*
 * Sends lines such as "READY=1\nSTATUS=serving" to the socket named by NOTIFY_SOCKET.  Returns 0,
 * also when nobody listens for them (the variable is not set), or -1 with errno: EINVAL for a
 * name that is neither a path nor abstract ('@'), or what sendto(2) says.
 */
int notify_send(const char *lines) UTIL_CHECKED;

#endif
