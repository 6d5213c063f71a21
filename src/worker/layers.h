/* SPDX-License-Identifier: MIT */
/*
 * layers - which files and ports a service reaches through Landlock, and from when on.
 *
 *	layer 1, before the plugin is loaded    nothing is writable beyond write_paths
 *	layer 2, once it is ready to serve      only what the promises and their lists allow
 *
 * A layer binds the thread that enters it and those it creates later.  Both come while there is one
 * thread: before `start` for a plugin that is granted threads.
 */
#ifndef WORKER_LAYERS_H
#define WORKER_LAYERS_H

#include "common/settings.h"
#include "worker/landlock.h"

/* Ports of one kind. */
struct layers_ports {
	bool is_free; /* no list: any port */
	size_t count;
	const uint16_t *port; /* host order */
};

/* What is to be allowed. */
struct layers_grants {
	uint32_t promises;
	size_t reads, writes;
	const char **read, **write; /* paths */
	struct layers_ports connect, bind;
};

/* What the service of this process is granted; the lists stay the service's. */
struct layers_grants layers_of_service(void);

/* Layer 1 or layer 2 for these grants.  The caller owns it; NULL with errno. */
struct landlock_layer *layers_create_first(const struct layers_grants *grants);
struct landlock_layer *layers_create_second(const struct layers_grants *grants);
void layers_destroy(struct landlock_layer *layer);

/*
 * Something that these grants need and a kernel with this ABI lacks: the key that says so, with
 * the ABI it takes in *ret_needs; NULL if all can be enforced.  With only_listed, lists and not
 * promises count.
 */
const char *layers_find_unmet(const struct layers_grants *grants, int abi, bool only_listed,
			      int *ret_needs);

/*
 * Enter a layer, unless the key landlock is "off".  With "best-effort" a kernel that refuses is
 * only worth a line in the log.  0, or -1 with errno.  layers_enter_first() comes before anything
 * of the plugin.
 */
int layers_enter_first(void) UTIL_CHECKED;
int layers_enter_second(const struct layers_grants *grants) UTIL_CHECKED;

#endif
