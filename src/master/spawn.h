/* SPDX-License-Identifier: MIT */
/*
 * spawn - starts cservd-worker, without any privilege.
 *
 * The only file that forks while cservd may be root, and it drops the privileges itself.
 */
#ifndef MASTER_SPAWN_H
#define MASTER_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/settings.h"

/* One process to start.  Descriptors stay the caller's. */
struct spawn {
	const char *name; /* of the service, for ps(1) */
	uid_t uid;	  /* ids are changed only when cservd runs as root */
	gid_t gid;
	int fd[WORKER_FD_LISTENERS]; /* by number (enum worker_fd), -1 for none; 0 to 2 unused */
	const int *listeners;
	uint32_t listener_count;
	uint64_t max_files;  /* RLIMIT_NOFILE, as far as the hard limit allows */
	uint64_t max_memory; /* [bytes] of the plugin, SETTINGS_UNLIMITED for none */
	uint64_t stacks;     /* [bytes] of all stacks together; counts with max_memory only */
	bool writes_files;   /* file sizes are not limited */
	bool keeps_terminal; /* 0, 1, 2 stay what they are, and file sizes are not limited */
};

/*
 * Finds the worker program and opens what every start needs: the program that stands beside the
 * running cservd, if root or the caller owns it, or else the installed one.  keep_stderr: workers
 * may write to our stderr.  Returns 0, or -1 after logging why.
 */
int spawn_init(bool keep_stderr) UTIL_CHECKED;

/*
 * Starts a worker.  Returns its process id, and in *ret_pidfd a descriptor (pidfd_open(2)) for
 * the caller to close; or -1 with errno.  What fails later, in the child, arrives as
 * MESSAGE_FAILED on its message pipe, and the child exits with status 71.
 */
pid_t spawn_worker(const struct spawn *spawn, int *ret_pidfd) UTIL_CHECKED;

#endif
