/* SPDX-License-Identifier: MIT */
/* supervise - runs all services from the first verdict to the last drain. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "master/check.h"
#include "master/image.h"
#include "master/leavers.h"
#include "master/notify.h"
#include "master/reload.h"
#include "master/slow.h"
#include "master/supervise.h"

static struct {
	const struct supervise_host *host;
	struct fleet fleet;
	struct loop_timer slow, start_limit; /* for the first verdicts */
	struct loop_timer again;	     /* the next reload */
	int status;
	bool hurries;	 /* no drain any more */
	bool has_hangup; /* SIGHUP came while there was no time for it */
} all;

static void tell_manager(const char *lines)
{
	if (notify_send(lines) < 0)
		log_warning("cannot notify the service manager: %m");
}

static void kill_all(void)
{
	all.hurries = true;
	for (size_t i = 0; i < all.fleet.count; i++)
		service_kill(all.fleet.services[i]);
	leavers_kill();
}

/* The end: called when the last worker or connector is gone, and when there may be none. */
static void end_if_alone(void)
{
	if (all.fleet.group.phase == PHASE_STOPPING && !child_is_any())
		loop_stop();
}

static void enter_stopping(void)
{
	all.fleet.group.phase = PHASE_STOPPING;
	loop_clear_timer(&all.slow);
	loop_clear_timer(&all.start_limit);
	reload_cancel();
}

/* Before anything was accepted: nobody has to be waited for. */
static void abandon(int status)
{
	if (all.fleet.group.phase == PHASE_STOPPING)
		return;
	enter_stopping();
	all.status = status;
	for (size_t i = 0; i < all.fleet.count; i++)
		service_stop(all.fleet.services[i]);
	kill_all();
	end_if_alone();
}

static void tell_manager_ready(void)
{
	size_t serving = 0;
	char lines[128];

	for (size_t i = 0; i < all.fleet.count; i++)
		serving += service_is_ready(all.fleet.services[i]);
	(void)snprintf(lines, sizeof(lines), "READY=1\nSTATUS=%zu of %zu services ready", serving,
		       all.fleet.count); /* it fits */
	tell_manager(lines);
}

static void say_ready(size_t serving)
{
	if (serving == all.fleet.count)
		log_info("ready: %zu service%s", serving, serving == 1 ? "" : "s");
	else
		log_info("ready: %zu service%s, %zu waiting", serving, serving == 1 ? "" : "s",
			 all.fleet.count - serving);
	tell_manager_ready();
}

static void warn_of(const struct config_service *service)
{
	if (!service->enabled)
		return;
	if (service->on_violation == VIOLATION_LEARN && !service->unsandboxed)
		log_warning("%s: on_violation = learn: NOTHING IS DENIED to its plugin; for "
			    "learning what it needs, NEVER FOR PRODUCTION",
			    service->name);
	if (service->unsandboxed)
		log_warning("%s: sandbox = none: its plugin may call everything that its user may",
			    service->name);
}

static void warn_of_all(const struct config *config)
{
	if (config->count == 0)
		log_warning("no service is configured: nothing will be served");
	for (size_t i = 0; i < config->count; i++)
		warn_of(&config->services[i]);
}

/* Reads the configuration again; NULL after logging why not. */
static struct config *load_again(int **ret_images)
{
	struct config_errors errors = {0};
	struct config *config = all.host->load(ret_images, &errors);

	for (size_t i = 0; i < errors.count; i++)
		log_error("%s", errors.lines[i]);
	config_errors_finish(&errors);
	return config; /* cppcheck-suppress returnDanglingLifetime ; it keeps none of the errors */
}

/* READY=1 has to follow, whatever comes of it (sd_notify(3)). */
static void tell_manager_reloading(void)
{
	struct timespec now;
	char lines[64];

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	(void)snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%lld",
		       (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000); /* it fits */
	tell_manager(lines);
}

static void say_reloaded(const struct config *adopted, const struct reload_counts *counts)
{
	if (adopted == NULL) {
		log_error("reload refused: nothing changed");
		return;
	}
	warn_of_all(adopted);
	log_info("reloaded: %zu changed, %zu added, %zu removed, %zu unchanged", counts->changed,
		 counts->added, counts->removed, counts->unchanged);
}

/* What came meanwhile is read once more. */
static void end_reload(struct config *adopted, const struct reload_counts *counts)
{
	all.host->reloaded(adopted);
	say_reloaded(adopted, counts);
	tell_manager_ready();
	if (all.has_hangup)
		loop_set_timer(&all.again, 0);
}

static void reload(struct loop_timer *timer)
{
	struct config *config;
	int *images;

	(void)timer;
	all.has_hangup = false;
	if (all.fleet.group.phase != PHASE_RUNNING)
		return;
	log_info("reloading");
	tell_manager_reloading();
	config = load_again(&images);
	if (config != NULL)
		reload_begin(&all.fleet, config, images, end_reload);
	else
		end_reload(NULL, NULL);
}

/* At once, or once there is time. */
static void hang_up(void)
{
	if (all.host->load == NULL) {
		log_warning("SIGHUP ignored: there is no file to read again");
		return;
	}
	all.has_hangup = true;
	if (all.fleet.group.phase == PHASE_RUNNING && !reload_is_running())
		loop_set_timer(&all.again, 0);
}

/* All have said what they can: go, or tear everything down. */
static void enter_running(void)
{
	size_t serving = 0;

	if (all.fleet.group.errors->count > 0) {
		abandon(EX_CONFIG);
		return;
	}
	loop_clear_timer(&all.slow);
	loop_clear_timer(&all.start_limit);
	all.fleet.group.phase = PHASE_RUNNING;
	for (size_t i = 0; i < all.fleet.count; i++) {
		serving += service_is_ready(all.fleet.services[i]);
		service_go(all.fleet.services[i]);
	}
	all.host->ready(serving);
	say_ready(serving);
	if (all.has_hangup)
		loop_set_timer(&all.again, 0);
}

/* Others still come: their time begins anew. */
static void wait_on(void)
{
	if (all.slow.is_set)
		loop_set_timer(&all.slow, SLOW_SAY_MS);
	if (all.start_limit.is_set)
		loop_set_timer(&all.start_limit, SLOW_LIMIT_MS);
}

static void on_changed(void)
{
	if (all.fleet.group.phase != PHASE_STARTING)
		return;
	for (size_t i = 0; i < all.fleet.count; i++) {
		if (!all.fleet.services[i]->is_settled) {
			wait_on();
			return;
		}
	}
	enter_running();
}

static void on_slow(struct loop_timer *timer)
{
	(void)timer;
	slow_say(all.fleet.services, all.fleet.count, &all.fleet.group, "the other services wait");
}

static void on_start_limit(struct loop_timer *timer)
{
	(void)timer;
	for (size_t i = 0; i < all.fleet.count; i++) {
		struct service *service = all.fleet.services[i];

		if (!service->is_settled)
			service_wait(service, SLOW_WHY);
		service->is_settled = true;
	}
	on_changed();
}

static void say_stopping(void)
{
	uint64_t longest_ms, open = leavers_open(&longest_ms);
	char limit[48] = "until they end";

	for (size_t i = 0; i < all.fleet.count; i++) {
		uint64_t here = service_open(all.fleet.services[i]);
		uint64_t drain_ms = all.fleet.services[i]->config->drain_timeout;

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
	if (all.fleet.group.phase == PHASE_STARTING) {
		log_info("stopping");
		abandon(EX_OK);
		return;
	}
	if (all.fleet.group.phase == PHASE_STOPPING) {
		if (!all.hurries)
			log_info("stopping now");
		kill_all();
		return;
	}
	enter_stopping();
	tell_manager("STOPPING=1");
	say_stopping();
	for (size_t i = 0; i < all.fleet.count; i++)
		service_stop(all.fleet.services[i]);
	leavers_stop();
	end_if_alone();
}

static void on_signal(int number)
{
	if (number == SIGHUP)
		hang_up();
	else if (number == SIGUSR1 || number == SIGUSR2)
		log_warning("SIG%s ignored", sigabbrev_np(number));
	else
		stop();
}

/* The services that no worker checks by serving: disabled ones, and those without sockets. */
static int check_others(const struct config *config, const int *images)
{
	CLEANUP_FREE struct check *checks = calloc(config->count + 1, sizeof(*checks));
	size_t count = 0, enabled = 0;

	if (checks == NULL)
		return -1;
	for (size_t i = 0; i < config->count; i++) {
		const struct config_service *service = &config->services[i];
		int image = images[i];

		if (service->enabled) {
			const struct service *running = all.fleet.services[enabled++];

			if (running->listeners.count > 0)
				continue;
			image = running->plugin;
		}
		checks[count++] = (struct check){.service = service, .plugin = image};
	}
	return check_run(checks, count, MODE_CHECK, all.fleet.group.errors);
}

static void bind_all(void)
{
	for (size_t i = 0; i < all.fleet.count && all.status == EX_OK; i++) {
		if (service_bind(all.fleet.services[i]) < 0 && errno == EACCES)
			all.status = EX_NOPERM;
	}
}

/* The enabled services, each of which takes its image over. */
static int prepare(const struct config *config, int *images)
{
	struct fleet *fleet = &all.fleet;

	warn_of_all(config);
	fleet->services = calloc(config->count + 1, sizeof(struct service *));
	for (size_t i = 0; fleet->services != NULL && i < config->count; i++) {
		struct service *service;

		if (!config->services[i].enabled)
			continue;
		service = calloc(1, sizeof(*service));
		if (service == NULL)
			return -1;
		service_init(service, &config->services[i], images[i], &fleet->group);
		images[i] = -1;
		fleet->services[fleet->count++] = service;
	}
	return fleet->services != NULL ? 0 : -1;
}

static int start(const struct config *config, int *images)
{
	if (prepare(config, images) < 0) {
		log_error("cannot prepare the services: %m");
		return EX_OSERR;
	}
	bind_all();
	if (all.status != EX_OK)
		return all.status;
	if (check_others(config, images) < 0) {
		log_error("cannot check the configuration: %m");
		return EX_OSERR;
	}
	/* Until here signals end us at once, as nothing runs yet. */
	if (loop_take_signals(on_signal) < 0) {
		log_error("cannot take signals: %m");
		return EX_OSERR;
	}
	return EX_OK;
}

static void run(void)
{
	child_watch_last(end_if_alone);
	for (size_t i = 0; i < all.fleet.count; i++)
		service_start(all.fleet.services[i]);
	loop_set_timer(&all.slow, SLOW_SAY_MS);
	loop_set_timer(&all.start_limit, SLOW_LIMIT_MS);
	on_changed(); /* if all of them wait; then nothing is left to end a loop after errors */
	if (all.fleet.group.phase != PHASE_STOPPING && loop_run() < 0) {
		log_error("cannot wait for events: %m");
		all.status = EX_OSERR;
	}
}

int supervise_run(const struct config *config, int *images, struct config_errors *errors,
		  const struct supervise_host *host)
{
	size_t count = config->count;

	all.fleet.group = (struct service_group){
		.errors = errors, .changed = on_changed, .impossible = abandon};
	all.slow.expired = on_slow;
	all.start_limit.expired = on_start_limit;
	all.again.expired = reload;
	all.host = host;
	all.status = start(config, images);
	image_close_all(images, count);
	if (all.status == EX_OK)
		run();
	leavers_finish();
	for (size_t i = 0; i < all.fleet.count; i++) {
		service_finish(all.fleet.services[i]);
		free(all.fleet.services[i]);
	}
	free(all.fleet.services);
	return all.status;
}
