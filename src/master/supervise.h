/* SPDX-License-Identifier: MIT */
/* supervise - runs all services from the first verdict to the last drain. */
#ifndef MASTER_SUPERVISE_H
#define MASTER_SUPERVISE_H

#include "master/config.h"

/* What its caller does for it. */
struct supervise_host {
	/* Called once, when every service has said whether it can serve and those that can,
	 * serving of them, do accept. */
	void (*ready)(size_t serving);
	/*
	 * Reads the configuration again, and its plugins into *ret_images (image.h); what new
	 * workers are told of the log is as it says from now on.  NULL with errors added.  The
	 * member may be NULL: there is nothing to read again.
	 */
	struct config *(*load)(int **ret_images, struct config_errors *errors);
	/* A reload ended: adopted is in force, and the callee's to destroy; NULL: nothing changed.
	 */
	void (*reloaded)(struct config *adopted);
};

/*
 * Serves until SIGTERM or SIGINT, and reloads at SIGHUP; loop_init(), spawn_init() and
 * world_init() come first.  images: the plugins of config->services, which are taken over.
 * Returns the exit status: EX_OK, EX_CONFIG with errors added (then nothing was ever accepted),
 * EX_NOPERM or EX_OSERR after logging why.
 */
int supervise_run(const struct config *config, int *images, struct config_errors *errors,
		  const struct supervise_host *host);

#endif
