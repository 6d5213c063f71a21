/* SPDX-License-Identifier: MIT */
/* slow - how long a plugin may take to start, and the line that says that one makes others wait. */
#include "master/slow.h"

#include "common/log.h"

void slow_say(struct service *const *services, size_t count, const struct service_group *group,
	      const char *who)
{
	for (size_t i = 0; i < count; i++) {
		if (services[i]->group == group && !services[i]->is_settled)
			log_warning("%s: slow: its plugin has not started yet; %s for it, at most "
				    "%d s",
				    services[i]->config->name, who, SLOW_LIMIT_MS / 1000);
	}
}
