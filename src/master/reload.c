/* SPDX-License-Identifier: MIT */
/* reload - puts a new configuration in the place of the one that runs, wholly or not at all. */
#include <string.h>

#include "common/log.h"
#include "master/alike.h"
#include "master/check.h"
#include "master/image.h"
#include "master/leavers.h"
#include "master/reload.h"
#include "master/slow.h"
#include "master/world.h"

#define STOP_POLL_MS  5	   /* [ms] between looks whether old workers have stopped accepting */
#define STOP_LIMIT_MS 1000 /* [ms] until it does not matter any more */

/* The reload that runs. */
static struct {
	struct fleet *fleet; /* NULL: none */
	struct config *config;
	int *images;		   /* of those that no new service has taken */
	struct service **services; /* of config: those that stay, and new ones */
	size_t count;
	struct service_group trial; /* of the new ones */
	const struct listeners **sets;
	struct listener_pool pool;
	struct config_errors errors;
	struct check *checks; /* of disabled services */
	bool is_checking;
	bool is_lost;	 /* a new service is not ready, and had its chance */
	int64_t told_ms; /* [ms] when the old workers were told to stop; 0: they were not */
	struct loop_timer slow, limit, verdict;
	struct reload_counts counts;
	void (*done)(struct config *adopted, const struct reload_counts *counts);
} plan;

static bool is_new(const struct service *service)
{
	return service->group == &plan.trial;
}

static bool stays(const struct service *old)
{
	for (size_t i = 0; i < plan.count; i++) {
		if (plan.services[i] == old)
			return true;
	}
	return false;
}

static struct service *find_old(const char *name)
{
	for (size_t i = 0; i < plan.fleet->count; i++) {
		if (strcmp(plan.fleet->services[i]->config->name, name) == 0)
			return plan.fleet->services[i];
	}
	return NULL;
}

/* Workers are told the level of the log when they start. */
static bool is_unchanged(const struct service *old, const struct config_service *config, int image)
{
	return old->config->config->log_level == config->config->log_level &&
	       alike_services(old->config, config) && image_is_same(old->plugin, image);
}

static int plan_service(const struct config_service *config, int *image)
{
	struct service *old = find_old(config->name);
	struct service *service;

	if (old != NULL && is_unchanged(old, config, *image)) {
		plan.counts.unchanged++;
		plan.services[plan.count++] = old;
		return 0;
	}
	service = calloc(1, sizeof(*service));
	if (service == NULL)
		return -1;
	service_init(service, config, *image, &plan.trial);
	*image = -1;
	plan.services[plan.count++] = service;
	plan.counts.changed += old != NULL;
	plan.counts.added += old == NULL;
	return 0;
}

static int plan_services(void)
{
	const struct config *config = plan.config;

	plan.services = calloc(config->count + 1, sizeof(*plan.services));
	if (plan.services == NULL)
		return -1;
	for (size_t i = 0; i < config->count; i++) {
		if (config->services[i].enabled &&
		    plan_service(&config->services[i], &plan.images[i]) < 0)
			return -1;
	}
	plan.counts.removed = plan.fleet->count - plan.counts.unchanged - plan.counts.changed;
	return 0;
}

/* The sockets of all services that go are there for those that come, whatever their names. */
static int fill_pool(void)
{
	plan.sets = calloc(plan.fleet->count + 1, sizeof(*plan.sets));
	if (plan.sets == NULL)
		return -1;
	plan.pool = (struct listener_pool){.sets = plan.sets};
	for (size_t i = 0; i < plan.fleet->count; i++) {
		if (!stays(plan.fleet->services[i]))
			plan.sets[plan.pool.count++] = &plan.fleet->services[i]->listeners;
	}
	plan.trial.pool = &plan.pool;
	return 0;
}

static int bind_new(void)
{
	int result = 0;

	for (size_t i = 0; i < plan.count; i++) {
		if (is_new(plan.services[i]) && service_bind(plan.services[i]) < 0)
			result = -1;
	}
	return result;
}

static void on_changed(void)
{
	loop_set_timer(&plan.verdict, 0); /* a service that tells is still at work */
	if (plan.slow.is_set)
		loop_set_timer(&plan.slow, SLOW_SAY_MS);
	if (plan.limit.is_set)
		loop_set_timer(&plan.limit, SLOW_LIMIT_MS);
}

static void on_impossible(int status)
{
	(void)status; /* this machine cannot run it; the running services go on */
	plan.is_lost = true;
}

static void on_checked(void)
{
	plan.is_checking = false;
	on_changed();
}

static int check_disabled(void)
{
	const struct config *config = plan.config;
	size_t count = 0;

	plan.checks = calloc(config->count + 1, sizeof(*plan.checks));
	if (plan.checks == NULL)
		return -1;
	for (size_t i = 0; i < config->count; i++) {
		if (!config->services[i].enabled)
			plan.checks[count++] = (struct check){.service = &config->services[i],
							      .plugin = plan.images[i]};
	}
	plan.is_checking = check_begin(plan.checks, count, &plan.errors, on_checked) > 0;
	return 0;
}

static void start_new(void)
{
	for (size_t i = 0; i < plan.count; i++) {
		if (is_new(plan.services[i]))
			service_start(plan.services[i]);
	}
}

/* Has all new services settled, one way or the other; why says what became of the others. */
static void settle_new(const char *why)
{
	for (size_t i = 0; i < plan.count; i++) {
		struct service *service = plan.services[i];

		if (!is_new(service) || service->is_settled)
			continue;
		if (why != NULL)
			service_wait(service, why);
		service->is_settled = true;
	}
}

static void on_slow(struct loop_timer *timer)
{
	(void)timer;
	slow_say(plan.services, plan.count, &plan.trial, "the reload waits");
}

static void on_limit(struct loop_timer *timer)
{
	(void)timer;
	settle_new(SLOW_WHY);
	on_changed();
}

/* Those of the UDP listeners that are in force. */
static void tell_world(void)
{
	const struct fleet *fleet = plan.fleet;
	CLEANUP_FREE union addr *list =
		calloc(fleet->count * SETTINGS_LISTENERS_MAX + 1, sizeof(*list));
	size_t count = 0;

	if (list == NULL) {
		log_warning("cannot list the listeners anew: %m");
		return;
	}
	for (size_t i = 0; i < fleet->count; i++) {
		const struct listeners *open = &fleet->services[i]->listeners;

		for (uint32_t k = open->tcp; k < open->count; k++)
			list[count++] = open->endpoint[k]->addr;
	}
	world_set_listeners(list, count);
}

static void drop_new(void)
{
	for (size_t i = 0; i < plan.count; i++) {
		if (is_new(plan.services[i]))
			leavers_drop(plan.services[i]);
	}
	free(plan.services);
	config_destroy(plan.config);
}

/* Forgets everything about the reload but what checks that still end may need. */
static void forget(void)
{
	loop_clear_timer(&plan.slow);
	loop_clear_timer(&plan.limit);
	loop_clear_timer(&plan.verdict);
	plan.fleet = NULL;
	free(plan.sets);
	config_errors_finish(&plan.errors);
	if (!plan.is_checking)
		free(plan.checks);
}

static void refuse(void)
{
	struct reload_counts counts = {0};

	for (size_t i = 0; i < plan.errors.count; i++)
		log_error("%s", plan.errors.lines[i]);
	image_close_all(plan.images, plan.config->count);
	drop_new();
	tell_world();
	forget();
	plan.done(NULL, &counts);
}

/* The new workers accept before the old ones stop. */
static void let_new_accept(void)
{
	for (size_t i = 0; i < plan.count; i++) {
		struct service *service = plan.services[i];

		if (!is_new(service))
			continue;
		if (listener_apply(service->config, &service->listeners) < 0)
			log_warning("%s: cannot set up its sockets anew: %m",
				    service->config->name);
		service->group = &plan.fleet->group;
		service_go(service);
	}
}

static void retire_old(void)
{
	for (size_t i = 0; i < plan.fleet->count; i++) {
		struct service *old = plan.fleet->services[i];

		if (stays(old))
			continue;
		doorbell_take_down(&old->bell);
		for (size_t k = 0; k < plan.count; k++) {
			if (plan.services[k] != old)
				listener_bequeath(&old->listeners, &plan.services[k]->listeners);
		}
		leavers_retire(old);
	}
}

static void finish(void)
{
	const struct reload_counts counts = plan.counts;
	struct config *config = plan.config;

	forget();
	plan.done(config, &counts);
}

/* Old workers accept until they hear that they are old: what is said to be reloaded is so for
 * every client that comes from then on. */
static void wait_for_old(void)
{
	if (leavers_may_accept() && util_now_ms() - plan.told_ms < STOP_LIMIT_MS)
		loop_set_timer(&plan.verdict, STOP_POLL_MS);
	else
		finish();
}

static void commit(void)
{
	image_close_all(plan.images, plan.config->count);
	let_new_accept();
	retire_old();
	free(plan.fleet->services);
	plan.fleet->services = plan.services;
	plan.fleet->count = plan.count;
	tell_world();
	plan.told_ms = util_now_ms();
	wait_for_old();
}

static void on_verdict(struct loop_timer *timer)
{
	bool is_complete = !plan.is_checking;

	(void)timer;
	if (plan.told_ms != 0) {
		wait_for_old();
		return;
	}
	for (size_t i = 0; i < plan.count; i++) {
		const struct service *service = plan.services[i];

		if (!is_new(service))
			continue;
		if (!service->is_settled)
			is_complete = false;
		else if (!service_is_ready(service))
			plan.is_lost = true;
	}
	if (!is_complete)
		return;
	if (plan.is_lost || plan.errors.total > 0)
		refuse();
	else
		commit();
}

/* 0, or -1 if nothing was started, for reasons that were added. */
static int begin(void)
{
	if (plan_services() < 0 || fill_pool() < 0) {
		config_errors_add(&plan.errors, (struct place){.file = NULL}, "%m");
		return -1;
	}
	if (bind_new() < 0)
		return -1;
	if (check_disabled() < 0) {
		config_errors_add(&plan.errors, (struct place){.file = NULL}, "%m");
		return -1;
	}
	start_new();
	return 0;
}

void reload_begin(struct fleet *fleet, struct config *config, int *images,
		  void (*done)(struct config *adopted, const struct reload_counts *counts))
{
	memset(&plan, 0, sizeof(plan));
	plan.fleet = fleet;
	plan.config = config;
	plan.images = images;
	plan.done = done;
	plan.trial = (struct service_group){.errors = &plan.errors,
					    .is_trial = true,
					    .changed = on_changed,
					    .impossible = on_impossible};
	plan.slow.expired = on_slow;
	plan.limit.expired = on_limit;
	plan.verdict.expired = on_verdict;
	loop_set_timer(&plan.slow, SLOW_SAY_MS);
	loop_set_timer(&plan.limit, SLOW_LIMIT_MS);
	if (begin() < 0)
		settle_new(NULL);
	on_changed();
}

bool reload_is_running(void)
{
	return plan.fleet != NULL;
}

void reload_cancel(void)
{
	if (plan.fleet == NULL)
		return;
	if (plan.told_ms != 0) {
		finish();
		return;
	}
	check_cancel();
	image_close_all(plan.images, plan.config->count);
	drop_new();
	forget();
}
