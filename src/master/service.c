/* SPDX-License-Identifier: MIT */
/* service - one service as the master runs it: sockets, present worker, draining ones. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/text.h"
#include "master/inflight.h"
#include "master/pulse.h"
#include "master/repair.h"
#include "master/replace.h"
#include "master/service.h"
#include "master/slow.h"
#include "master/world.h"

#define BIND_RETRY_MS  1000 /* [ms] */
#define TAINT_DELAY_MS 50   /* [ms] a denied call is cheap to make: others must not wait for it */

static void settle(struct service *service)
{
	service->is_settled = true;
	service->group->changed();
}

static void end_waiting(struct service *service)
{
	if (service->reason[0] == '\0')
		return;
	service->reason[0] = '\0';
	log_info("%s: no longer waiting", service->config->name);
}

/* One wrong option ends the start of all services, so none is worth another try. */
static bool is_doomed(const struct service_group *group)
{
	return group->phase == PHASE_STARTING && group->errors->count > 0;
}

static bool may_start(const struct service *service)
{
	return service->group->phase != PHASE_STOPPING && !service->is_retired &&
	       !is_doomed(service->group);
}

static void retry_start(struct service *service, int64_t lived_ms)
{
	if (may_start(service))
		loop_set_timer(&service->retry, backoff_next(&service->backoff, lived_ms));
}

/* The old worker is drained after the new one is ready, so that at no moment nobody accepts. */
static void succeed(struct service *service)
{
	struct child *old = service->current;

	service->current = service->successor;
	service->successor = NULL;
	if (old != NULL)
		child_drain(old, service->config->drain_timeout);
}

static void on_ready(struct service *service, struct child *child)
{
	if (child == service->successor)
		succeed(service);
	if (child != service->current)
		return; /* it drains already */
	end_waiting(service);
	child->connector = connector_create(child);
	if (child->connector == NULL && errno != 0)
		log_error("%s: cannot watch for requests to connect: %m", service->config->name);
	settle(service);
}

/* Nobody else was chosen to serve, now or later. */
static bool needs_worker(const struct service *service)
{
	return service->successor == NULL && !service->retry.is_set;
}

/* A hijacked worker must not accept another client; the kernel queues them for its successor. */
static void put_out(struct service *service, struct child *child)
{
	uint64_t ms = backoff_next(&service->taints, child_lived_ms(child));

	child->is_tainted = true;
	child_drain(child, service->config->drain_timeout);
	replace_limit_tainted(service->children);
	if (needs_worker(service))
		loop_set_timer(&service->retry, ms < TAINT_DELAY_MS ? ms : TAINT_DELAY_MS);
	service->current = service->successor;
	service->successor = NULL;
}

/* A worker asked for a successor, or needs one whatever it says. */
static void replace(struct service *service, struct child *child, enum replace_cause cause)
{
	if (service->group->phase != PHASE_RUNNING || child->is_replaced ||
	    child->state == CHILD_LOADING)
		return;
	child->is_replaced = true;
	replace_say(child, cause);
	if (child != service->current || service->is_retired)
		child_drain(child, service->config->drain_timeout);
	else if (cause == CAUSE_TAINTED)
		put_out(service, child);
	else if (needs_worker(service))
		retry_start(service, child_lived_ms(child));
}

/* Whom a worker has to give signs of life to; one whose end has a time needs none. */
static bool is_looked_after(const struct child *child)
{
	return child->state == CHILD_READY ||
	       (child->state == CHILD_DRAINING && !child->deadline.is_set);
}

static bool look_at_all(struct service *service, bool is_late)
{
	bool has_client = doorbell_has_client(&service->bell), is_busy = service->is_retired;

	for (struct child *child = service->children; child != NULL; child = child->next) {
		enum pulse pulse;

		if (child->mode != MODE_SERVE || !is_looked_after(child))
			continue;
		pulse = pulse_look(child, has_client && child == service->current, is_late);
		if (pulse == PULSE_SILENT)
			replace(service, child, CAUSE_SILENT);
		is_busy |= pulse != PULSE_IDLE;
	}
	return is_busy && service->children != NULL;
}

static void on_pulse(struct loop_timer *timer)
{
	struct service *service = LOOP_OWNER(timer, struct service, pulse);
	uint64_t ms = service->config->hang_timeout;
	bool is_late = (uint64_t)(util_now_ms() - timer->due_ms) > ms / 2;

	if (look_at_all(service, is_late) || doorbell_arm(&service->bell) < 0)
		loop_set_timer(timer, ms / 2);
}

static void start_pulse(struct service *service)
{
	uint64_t ms = service->config->hang_timeout;

	if (ms == SETTINGS_UNLIMITED || service->pulse.is_set)
		return;
	loop_set_timer(&service->pulse, ms / 2);
	doorbell_disarm(&service->bell);
}

/* Only a worker that does not accept, or not at once, lets us hear of a client in this way. */
static void on_client(struct doorbell *bell)
{
	start_pulse(LOOP_OWNER(bell, struct service, bell));
}

static void on_broken(struct doorbell *bell)
{
	struct service *service = LOOP_OWNER(bell, struct service, bell);

	repair_listeners(service->config, &service->listeners);
}

static const struct doorbell_events bell_events = {.rang = on_client, .broke = on_broken};

/* Begins to look after the sockets, and after the workers once a client comes. */
static void look_after(struct service *service)
{
	if (doorbell_hang(&service->bell, &service->listeners, &bell_events) < 0 ||
	    (service->config->hang_timeout != SETTINGS_UNLIMITED && !service->pulse.is_set &&
	     doorbell_arm(&service->bell) < 0))
		log_error("%s: cannot watch its sockets: %m", service->config->name);
}

static void on_failed(struct service *service, const struct message *message, const char *text)
{
	if (message->error == ENOSYS && service->group->phase == PHASE_STARTING) {
		log_error("%s: %s", service->config->name, text);
		service->group->impossible(EX_OSERR);
		return;
	}
	service_wait(service, text);
}

static void on_said(struct child *child, const struct message *message)
{
	struct service *service = child->owner;
	char text[MESSAGE_TEXT * 4];

	switch (message->type) {
	case MESSAGE_READY: on_ready(service, child); return;
	case MESSAGE_REPLACE: replace(service, child, replace_cause(message->number)); return;
	case MESSAGE_ALIVE: start_pulse(service); return;
	default: break;
	}
	(void)text_escape(text, sizeof(text), message->text, strlen(message->text));
	if (message->type == MESSAGE_WRONG && service->group->phase == PHASE_STARTING)
		config_errors_add(service->group->errors, (struct place){.file = NULL}, "%s", text);
	else
		on_failed(service, message, text);
}

/* A drain that ends is normal, and so is one by SIGKILL when we are told to hurry. */
static bool is_expected(const struct child *child)
{
	const struct service *service = child->owner;

	if (child->has_verdict || child->mode == MODE_CHECK)
		return true; /* its reason was, or will be, said */
	if (child->state == CHILD_DRAINING && child->status == 0)
		return true;
	return service->group->phase == PHASE_STOPPING && child->is_killed;
}

static void unlink_child(struct service *service, const struct child *child)
{
	struct child **at = &service->children;

	while (*at != child)
		at = &(*at)->next;
	*at = child->next;
}

/* A worker in this mode, or NULL with errno. */
static struct child *start_child(struct service *service, enum worker_mode mode,
				 const struct child_events *events)
{
	const struct child_plan plan = {
		.service = service->config,
		.mode = mode,
		.plugin = service->plugin,
		.listeners = mode == MODE_SERVE ? &service->listeners : NULL,
		.targets = -1,
		.requests = -1,
		.start_ms = mode == MODE_CHECK || service->group->phase == PHASE_RUNNING
				    ? SLOW_LIMIT_MS
				    : 0,
		.events = events,
		.owner = service,
	};
	struct child *child = child_start(&plan);

	if (child != NULL) {
		child->next = service->children;
		service->children = child;
	}
	return child;
}

/* A first worker that died without a word: was the configuration to blame, or the start? */
static bool is_mysterious(const struct child *child)
{
	const struct service *service = child->owner;

	return service->group->phase == PHASE_STARTING && !service->is_settled &&
	       child->mode == MODE_SERVE && child->state == CHILD_LOADING && !child->has_verdict;
}

static void log_end(const struct child *child, const char *how)
{
	const struct service *service = child->owner;
	bool is_chosen = child == service->current || child == service->successor;

	if (!is_expected(child))
		replace_say_end(child, how,
				is_chosen && may_start(service) && !is_mysterious(child));
	replace_say_tally(child);
}

static void end_check(struct service *service, const struct child *child, const char *how)
{
	if (service->group->phase == PHASE_STARTING && child->state == CHILD_LOADING &&
	    !child->has_verdict)
		config_errors_add(service->group->errors, service->config->handler_where,
				  "handler \"%s\": its worker %s", service->config->handler, how);
}

/* Another is started, unless one is on its way. */
static void end_current(struct service *service, const struct child *child)
{
	service->current = service->successor;
	service->successor = NULL;
	if (service->current == NULL && !service->retry.is_set)
		retry_start(service, child_lived_ms(child));
}

static void end_worker(struct service *service, struct child *child)
{
	connector_destroy(child->connector);
	child->connector = NULL;
	if (replace_is_crash(child))
		replace_punish(&service->penalty, child);
	if (service->group->phase == PHASE_RUNNING)
		repair_listeners(service->config, &service->listeners);
	if (child == service->current) {
		end_current(service, child);
	} else if (child == service->successor) {
		service->successor = NULL;
		retry_start(service, -1);
	}
}

static void on_ended(struct child *child, const char *how)
{
	struct service *service = child->owner;

	log_end(child, how);
	unlink_child(service, child);
	if (child == service->current && is_mysterious(child)) {
		service->current = NULL;
		if (start_child(service, MODE_CHECK, child->events) != NULL)
			return; /* which comes back here */
		retry_start(service, -1);
	} else if (child->mode == MODE_CHECK) {
		end_check(service, child, how);
		retry_start(service, -1);
	} else {
		end_worker(service, child);
	}
	settle(service);
}

static const struct child_events events = {.said = on_said, .ended = on_ended};

static void start_worker(struct service *service)
{
	struct child *child = start_child(service, MODE_SERVE, &events);

	if (service->current == NULL)
		service->current = child;
	else
		service->successor = child;
	if (child == NULL) {
		char why[SERVICE_REASON_SIZE];

		(void)snprintf(why, sizeof(why), "cannot start a worker: %m"); /* or cut */
		service_wait(service, why);
		retry_start(service, -1);
		settle(service);
	} else if (service->group->phase == PHASE_RUNNING) {
		child_go(child);
		look_after(service);
	}
}

static void on_retry(struct loop_timer *timer)
{
	struct service *service = LOOP_OWNER(timer, struct service, retry);

	if (service->listeners.count == 0 && service_bind(service) < 0) {
		loop_set_timer(&service->retry, BIND_RETRY_MS);
		return;
	}
	start_worker(service);
}

void service_init(struct service *service, const struct config_service *config, int plugin,
		  struct service_group *group)
{
	*service = (struct service){.group = group,
				    .config = config,
				    .plugin = plugin,
				    .retry.expired = on_retry,
				    .pulse.expired = on_pulse};
	config_hold(config);
}

/* What follows from a port that cannot be bound. */
static const char *bind_advice(const struct service_group *group, int error)
{
	if (error == EACCES && group->phase == PHASE_STARTING)
		return "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
	return group->is_trial ? "" : "; tried again every second";
}

int service_bind(struct service *service)
{
	const struct service_group *group = service->group;
	const struct endpoint *failed;
	char where[ENDPOINT_TEXT_SIZE], why[SERVICE_REASON_SIZE];
	int error;

	if (listener_open_all(service->config, group->pool, &service->listeners, &failed) == 0) {
		for (uint32_t i = service->listeners.tcp; i < service->listeners.count; i++)
			world_add_listener(&service->listeners.endpoint[i]->addr);
		return 0;
	}
	error = errno;
	(void)snprintf(why, sizeof(why), "%s: %s%s", endpoint_format(failed, where),
		       strerror(error), bind_advice(group, error)); /* it fits */
	if (error == EACCES && group->phase == PHASE_STARTING && !group->is_trial)
		log_error("%s: %s", service->config->name, why);
	else
		service_wait(service, why);
	service->is_settled = true;
	errno = error;
	return -1;
}

void service_start(struct service *service)
{
	if (service->listeners.count > 0)
		start_worker(service);
	else
		loop_set_timer(&service->retry, BIND_RETRY_MS);
}

void service_go(struct service *service)
{
	if (service->current == NULL)
		return;
	if (service->current->state == CHILD_LOADING)
		child_kill(service->current); /* it had its time */
	child_go(service->current);
	look_after(service);
}

bool service_is_ready(const struct service *service)
{
	return service->current != NULL && service->current->state == CHILD_READY;
}

void service_wait(struct service *service, const char *why)
{
	char reason[SERVICE_REASON_SIZE];

	(void)snprintf(reason, sizeof(reason), "%s", why); /* or cut */
	if (strcmp(reason, service->reason) == 0)
		return;
	memcpy(service->reason, reason, sizeof(reason));
	if (service->group->is_trial)
		config_errors_add(service->group->errors, (struct place){.file = NULL}, "%s: %s",
				  service->config->name, reason);
	else
		log_warning("%s: waiting: %s", service->config->name, reason);
}

uint64_t service_open(const struct service *service)
{
	uint64_t open = 0;

	for (const struct child *child = service->children; child != NULL; child = child->next) {
		if (child->board != NULL)
			open += inflight_count(child->board, service->config->max_connections);
	}
	return open;
}

static void drain_all(struct service *service, uint64_t ms)
{
	service->is_retired = true;
	loop_clear_timer(&service->retry);
	doorbell_take_down(&service->bell);
	for (struct child *child = service->children; child != NULL; child = child->next) {
		if (child->state == CHILD_LOADING)
			child_kill(child); /* it has accepted nothing */
		else
			child_drain(child, ms);
	}
}

void service_stop(struct service *service)
{
	drain_all(service, service->config->drain_timeout);
	/* Clients are refused once the workers have closed theirs as well. */
	listener_close_all(&service->listeners);
}

void service_retire(struct service *service)
{
	drain_all(service, COMMAND_NO_LIMIT);
	listener_close_all(&service->listeners);
	start_pulse(service);
}

void service_kill(struct service *service)
{
	for (struct child *child = service->children; child != NULL; child = child->next)
		child_kill(child);
}

void service_finish(struct service *service)
{
	loop_clear_timer(&service->retry);
	loop_clear_timer(&service->pulse);
	doorbell_take_down(&service->bell);
	listener_close_all(&service->listeners);
	util_close(service->plugin);
	service->plugin = -1;
	config_release(service->config);
}
