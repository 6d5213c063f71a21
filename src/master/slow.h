/* SPDX-License-Identifier: MIT */
/* slow - how long a plugin may take to start, and the line that says that one makes others wait. */
#ifndef MASTER_SLOW_H
#define MASTER_SLOW_H

#include "master/service.h"

#define SLOW_SAY_MS   2000	  /* [ms] after which the line is worth it */
#define SLOW_LIMIT_MS (10 * 1000) /* [ms] to load, check its configuration and start */

/* Where many start together both count from the last that was ready: it is the machine that is
 * slow while others still come. */
#define SLOW_WHY "its plugin has not started within 10 s"

/*
 * Names those of a group that have not settled; who: what waits for them, "the other services
 * wait".
 */
void slow_say(struct service *const *services, size_t count, const struct service_group *group,
	      const char *who);

#endif
