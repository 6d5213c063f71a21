/* SPDX-License-Identifier: MIT */
/* landlock - puts one layer of Landlock rules onto this process. */
#ifndef WORKER_LANDLOCK_H
#define WORKER_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/lsm.h"
#include "common/util.h"

struct landlock_file {
	const char *path; /* what is below a folder is meant as well */
	uint64_t rights;  /* LSM_* of enum lsm_file */
	bool is_listed;	  /* the administrator wrote it, so it should exist */
};

struct landlock_port {
	uint16_t port;	 /* host order */
	uint64_t rights; /* LSM_* of enum lsm_port */
};

/* What is handled is denied, but for what the rules allow.  The kernel takes 16 layers. */
struct landlock_layer {
	uint64_t files, ports; /* handled: LSM_* */
	uint64_t scopes;
	size_t file_count, port_count;
	struct landlock_file *file;
	struct landlock_port *port;
};

/*
 * Adds layer, as much of it as abi (lsm_landlock_abi()) knows, to the calling thread and to those
 * that it creates from now on; other threads stay as they are.  Sets no_new_privs.  A path that
 * cannot be opened gets no rule: if it is listed, skipped (may be NULL) is told, with errno.
 * 0, or -1 with errno (E2BIG: there are 16 layers).
 */
int landlock_restrict(const struct landlock_layer *layer, int abi,
		      void (*skipped)(const char *path)) UTIL_CHECKED;

#endif
