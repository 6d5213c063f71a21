/* SPDX-License-Identifier: MIT */
/*
 * reload - puts a new configuration in the place of the one that runs, wholly or not at all.
 *
 *	compare -> bind what is new -> start successors -> all ready? --yes--> they accept,
 *	                                                      |               the old ones drain
 *	                                                      '---no---> all that is new goes
 *
 * Until the last step the running services are not touched; a socket that stays is the same one
 * for the old and the new workers, so the kernel's queue knows no gap.
 */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "master/service.h"

/* The services that run: the enabled ones of a configuration, each allocated. */
struct fleet {
	struct service **services;
	size_t count;
	struct service_group group;
};

struct reload_counts {
	size_t changed, added, removed, unchanged;
};

/*
 * Begins to put config, with the images of its services (image.h), in the place of what fleet
 * runs; takes over both.  done is called once, from within the loop: with config, the caller's
 * from then on, or with NULL if the reload is refused; why has been logged then.
 */
void reload_begin(struct fleet *fleet, struct config *config, int *images,
		  void (*done)(struct config *adopted, const struct reload_counts *counts));

bool reload_is_running(void);

/* Gives up a reload that runs, if any; done is called only if it was as good as done. */
void reload_cancel(void);

#endif
