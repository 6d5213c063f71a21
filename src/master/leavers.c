/* SPDX-License-Identifier: MIT */
/* leavers - services that are no longer configured, or never came to be, and their last workers. */
#include "master/leavers.h"

static struct {
	struct service *first;	      /* linked by their next */
	struct service_group retired; /* they are looked after to their end */
	struct service_group dropped; /* their end is not worth a line */
	struct loop_timer sweep;
} leaving;

static void destroy(struct service *service)
{
	service_finish(service);
	free(service);
}

static void on_sweep(struct loop_timer *timer)
{
	struct service **at = &leaving.first;

	(void)timer;
	while (*at != NULL) {
		struct service *service = *at;

		if (service->children != NULL) {
			at = &service->next;
			continue;
		}
		*at = service->next;
		destroy(service);
	}
}

/* The service that tells this is still in use: freeing it has to wait for the loop. */
static void on_changed(void)
{
	loop_set_timer(&leaving.sweep, 0);
}

static void on_impossible(int status)
{
	(void)status; /* told by a worker that starts, and here none does */
}

static void take(struct service *service, struct service_group *group, enum service_phase phase)
{
	leaving.sweep.expired = on_sweep;
	group->changed = on_changed;
	group->impossible = on_impossible;
	group->phase = phase;
	service->group = group;
	service->next = leaving.first;
	leaving.first = service;
	on_changed();
}

void leavers_retire(struct service *service)
{
	take(service, &leaving.retired, PHASE_RUNNING);
	service_retire(service);
}

void leavers_drop(struct service *service)
{
	take(service, &leaving.dropped, PHASE_STOPPING);
	loop_clear_timer(&service->retry);
	service_kill(service);
	listener_close_all(&service->listeners); /* duplicates of what others go on with */
}

static bool may_accept(const struct service *service)
{
	for (const struct child *child = service->children; child != NULL; child = child->next) {
		if (child->state == CHILD_DRAINING && !child->has_stopped && !child->is_killed)
			return true;
	}
	return false;
}

bool leavers_may_accept(void)
{
	for (const struct service *at = leaving.first; at != NULL; at = at->next) {
		if (may_accept(at))
			return true;
	}
	return false;
}

uint64_t leavers_open(uint64_t *ret_longest_ms)
{
	uint64_t open = 0;

	*ret_longest_ms = 0;
	for (const struct service *at = leaving.first; at != NULL; at = at->next) {
		uint64_t here = service_open(at);

		open += here;
		if (here > 0 && at->config->drain_timeout > *ret_longest_ms)
			*ret_longest_ms = at->config->drain_timeout;
	}
	return open;
}

void leavers_stop(void)
{
	leaving.retired.phase = PHASE_STOPPING;
	for (struct service *at = leaving.first; at != NULL; at = at->next)
		service_stop(at);
}

void leavers_kill(void)
{
	for (struct service *at = leaving.first; at != NULL; at = at->next)
		service_kill(at);
}

void leavers_finish(void)
{
	loop_clear_timer(&leaving.sweep);
	while (leaving.first != NULL) {
		struct service *service = leaving.first;

		leaving.first = service->next;
		destroy(service);
	}
}
