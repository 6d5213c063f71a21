/* SPDX-License-Identifier: MIT */
/* supervise - runs all services from the first verdict to the last drain. */
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#include "common/log.h"
#include "master/check.h"
#include "master/notify.h"
#include "master/service.h"
#include "master/supervise.h"

#define START_LIMIT_MS (30 * 1000) /* [ms] for the first verdicts */

static struct {
	struct service *services; /* the enabled ones */
	size_t count;
	struct service_group group;
	struct loop_timer start_limit;
	void (*on_ready)(size_t serving);
	int status;
	bool hurries; /* no drain any more */
} all;

static void tell_manager(const char *lines)
{
	if (notify_send(lines) < 0)
		log_warning("cannot notify the service manager: %m");
}

static void kill_all(void)
{
	all.hurries = true;
	for (size_t i = 0; i < all.count; i++)
		service_kill(&all.services[i]);
}

/* The end: called when the last worker or connector is gone, and when there may be none. */
static void end_if_alone(void)
{
	if (all.group.phase == PHASE_STOPPING && !child_is_any())
		loop_stop();
}

static void enter_stopping(void)
{
	all.group.phase = PHASE_STOPPING;
	loop_clear_timer(&all.start_limit);
}

/* Before anything was accepted: nobody has to be waited for. */
static void abandon(int status)
{
	if (all.group.phase == PHASE_STOPPING)
		return;
	enter_stopping();
	all.status = status;
	for (size_t i = 0; i < all.count; i++)
		service_stop(&all.services[i]);
	kill_all();
	end_if_alone();
}

static void say_ready(size_t serving)
{
	char lines[128];

	if (serving == all.count)
		log_info("ready: %zu service%s", serving, serving == 1 ? "" : "s");
	else
		log_info("ready: %zu service%s, %zu waiting", serving, serving == 1 ? "" : "s",
			 all.count - serving);
	(void)snprintf(lines, sizeof(lines), "READY=1\nSTATUS=%zu of %zu services ready", serving,
		       all.count); /* it fits */
	tell_manager(lines);
}

/* All have said what they can: go, or tear everything down. */
static void enter_running(void)
{
	size_t serving = 0;

	if (all.group.errors->count > 0) {
		abandon(EX_CONFIG);
		return;
	}
	loop_clear_timer(&all.start_limit);
	all.group.phase = PHASE_RUNNING;
	for (size_t i = 0; i < all.count; i++) {
		serving += service_is_ready(&all.services[i]);
		service_go(&all.services[i]);
	}
	all.on_ready(serving);
	say_ready(serving);
}

static void on_changed(void)
{
	if (all.group.phase != PHASE_STARTING)
		return;
	for (size_t i = 0; i < all.count; i++) {
		if (!all.services[i].is_settled)
			return;
	}
	enter_running();
}

static void on_start_limit(struct loop_timer *timer)
{
	(void)timer;
	for (size_t i = 0; i < all.count; i++) {
		struct service *service = &all.services[i];

		if (!service->is_settled)
			service_wait(service, "its plugin has not started within 30 s");
		service->is_settled = true;
	}
	on_changed();
}

static void say_stopping(void)
{
	uint64_t open = 0, longest_ms = 0;
	char limit[48] = "until they end";

	for (size_t i = 0; i < all.count; i++) {
		uint64_t here = service_open(&all.services[i]);
		uint64_t drain_ms = all.services[i].config->drain_timeout;

		open += here;
		if (here > 0 && drain_ms > longest_ms)
			longest_ms = drain_ms;
	}
	if (open == 0) {
		log_info("stopping");
		return;
	}
	if (longest_ms != SETTINGS_UNLIMITED)
		(void)snprintf(limit, sizeof(limit), "at most %llu s",
			       (unsigned long long)(longest_ms + 999) / 1000); /* it fits */
	log_info("stopping: %llu connection%s open, %s; again to stop now",
		 (unsigned long long)open, open == 1 ? "" : "s", limit);
}

static void stop(void)
{
	if (all.group.phase == PHASE_STARTING) {
		log_info("stopping");
		abandon(EX_OK);
		return;
	}
	if (all.group.phase == PHASE_STOPPING) {
		if (!all.hurries)
			log_info("stopping now");
		kill_all();
		return;
	}
	enter_stopping();
	tell_manager("STOPPING=1");
	say_stopping();
	for (size_t i = 0; i < all.count; i++)
		service_stop(&all.services[i]);
	end_if_alone();
}

static void on_signal(int number)
{
	if (number == SIGHUP)
		log_warning("SIGHUP ignored: reload does not exist yet; restart to apply a changed "
			    "configuration");
	else
		stop();
}

/* The services that no worker checks by serving: disabled ones, and those without sockets. */
static int check_others(const struct config *config, const int *plugins)
{
	CLEANUP_FREE struct check *checks = calloc(config->count + 1, sizeof(*checks));
	size_t count = 0, enabled = 0;

	if (checks == NULL)
		return -1;
	for (size_t i = 0; i < config->count; i++) {
		const struct config_service *service = &config->services[i];

		if (service->enabled && all.services[enabled++].listeners.count > 0)
			continue;
		checks[count++] = (struct check){.service = service, .plugin = plugins[i]};
	}
	return check_run(checks, count, MODE_CHECK, all.group.errors);
}

static void bind_all(void)
{
	for (size_t i = 0; i < all.count && all.status == EX_OK; i++) {
		if (service_bind(&all.services[i]) < 0 && errno == EACCES)
			all.status = EX_NOPERM;
	}
}

static void warn_unsandboxed(const struct config_service *service)
{
	if (service->enabled && service->unsandboxed)
		log_warning("%s: sandbox = none: its plugin may call everything that its user may",
			    service->name);
}

static int prepare(const struct config *config, const int *plugins)
{
	all.services = calloc(config->count + 1, sizeof(*all.services));
	if (all.services == NULL)
		return -1;
	for (size_t i = 0; i < config->count; i++) {
		const struct config_service *service = &config->services[i];

		warn_unsandboxed(service);
		if (service->enabled)
			service_init(&all.services[all.count++], service, plugins[i], &all.group);
	}
	return 0;
}

static void run(void)
{
	child_watch_last(end_if_alone);
	for (size_t i = 0; i < all.count; i++)
		service_start(&all.services[i]);
	loop_set_timer(&all.start_limit, START_LIMIT_MS);
	on_changed(); /* if all of them wait; then nothing is left to end a loop after errors */
	if (all.group.phase != PHASE_STOPPING && loop_run() < 0) {
		log_error("cannot wait for events: %m");
		all.status = EX_OSERR;
	}
}

int supervise_run(const struct config *config, const int *plugins, struct config_errors *errors,
		  void (*on_ready)(size_t serving))
{
	all.group = (struct service_group){
		.errors = errors, .changed = on_changed, .impossible = abandon};
	all.start_limit.expired = on_start_limit;
	all.on_ready = on_ready;
	if (prepare(config, plugins) < 0)
		return EX_OSERR;
	bind_all();
	if (all.status == EX_OK && check_others(config, plugins) < 0) {
		log_error("cannot check the configuration: %m");
		all.status = EX_OSERR;
	}
	/* Until here signals end us at once, as nothing runs yet. */
	if (all.status == EX_OK && loop_take_signals(on_signal) < 0) {
		log_error("cannot take signals: %m");
		all.status = EX_OSERR;
	}
	if (all.status == EX_OK)
		run();
	for (size_t i = 0; i < all.count; i++)
		service_finish(&all.services[i]);
	free(all.services);
	return all.status;
}
