/* SPDX-License-Identifier: MIT */
/* lost - notices that a plugin has closed a descriptor that the worker lives on. */
#ifndef WORKER_LOST_H
#define WORKER_LOST_H

/*
 * Called with the errno of a call on fd that failed.  Where that says that fd is not what it was, a
 * line is logged and the process ends: the master has the sockets, and a successor gets them again.
 * Otherwise returns with errno = error.
 */
void lost_check(int fd, int error);

#endif
