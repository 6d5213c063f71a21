/* SPDX-License-Identifier: MIT */
/* service - one service as the master runs it: sockets, present worker, draining ones. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/text.h"
#include "master/inflight.h"
#include "master/service.h"
#include "master/world.h"

#define BIND_RETRY_MS 1000 /* [ms] */

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

static void retry_start(struct service *service, int64_t lived_ms)
{
	if (service->group->phase != PHASE_STOPPING && !is_doomed(service->group))
		loop_set_timer(&service->retry, backoff_next(&service->backoff, lived_ms));
}

static void on_ready(struct service *service, struct child *child)
{
	if (child != service->current)
		return; /* it drains already */
	end_waiting(service);
	service->connector = connector_create(child);
	if (service->connector == NULL && errno != 0)
		log_error("%s: cannot watch for requests to connect: %m", service->config->name);
	settle(service);
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

	if (message->type == MESSAGE_READY) {
		on_ready(service, child);
		return;
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

static void log_end(const struct child *child, const char *how)
{
	char peers[INFLIGHT_TEXT_SIZE] = "";

	if (is_expected(child))
		return;
	if (child->board != NULL)
		(void)inflight_format(child->board, child->service->max_connections, peers);
	log_warning("%s: worker %d %s%s%s", child->service->name, (int)child->pid, how,
		    peers[0] != '\0' ? "; in flight: " : "", peers);
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

static void end_check(struct service *service, const struct child *child, const char *how)
{
	if (service->group->phase == PHASE_STARTING && child->state == CHILD_LOADING &&
	    !child->has_verdict)
		config_errors_add(service->group->errors, service->config->handler_where,
				  "handler \"%s\": its worker %s", service->config->handler, how);
}

static void on_ended(struct child *child, const char *how)
{
	struct service *service = child->owner;

	log_end(child, how);
	unlink_child(service, child);
	if (child == service->current) {
		service->current = NULL;
		connector_destroy(service->connector);
		service->connector = NULL;
		if (is_mysterious(child) && start_child(service, MODE_CHECK, child->events) != NULL)
			return; /* which comes back here */
		retry_start(service, child_lived_ms(child));
	} else if (child->mode == MODE_CHECK) {
		end_check(service, child, how);
		retry_start(service, -1);
	}
	settle(service);
}

static const struct child_events events = {.said = on_said, .ended = on_ended};

static void start_worker(struct service *service)
{
	service->current = start_child(service, MODE_SERVE, &events);
	if (service->current == NULL) {
		char why[SERVICE_REASON_SIZE];

		(void)snprintf(why, sizeof(why), "cannot start a worker: %m"); /* or cut */
		service_wait(service, why);
		retry_start(service, -1);
		settle(service);
	} else if (service->group->phase == PHASE_RUNNING) {
		child_go(service->current);
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
	*service = (struct service){
		.group = group, .config = config, .plugin = plugin, .retry.expired = on_retry};
}

int service_bind(struct service *service)
{
	const struct endpoint *failed;
	char where[ENDPOINT_TEXT_SIZE], why[SERVICE_REASON_SIZE];
	int error;

	if (listener_open_all(service->config, &service->listeners, &failed) == 0) {
		for (uint32_t i = service->listeners.tcp; i < service->listeners.count; i++)
			world_add_listener(&service->listeners.endpoint[i]->addr);
		return 0;
	}
	error = errno;
	(void)snprintf(why, sizeof(why), "%s: %m", endpoint_format(failed, where)); /* it fits */
	if (error == EACCES && service->group->phase == PHASE_STARTING) {
		log_error("%s: %s; ports below 1024 need root or CAP_NET_BIND_SERVICE",
			  service->config->name, why);
	} else {
		(void)strncat(why, "; tried again every second", sizeof(why) - strlen(why) - 1);
		service_wait(service, why);
	}
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
	if (service->current != NULL)
		child_go(service->current);
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

void service_stop(struct service *service)
{
	loop_clear_timer(&service->retry);
	for (struct child *child = service->children; child != NULL; child = child->next) {
		if (child->state == CHILD_LOADING)
			child_kill(child); /* it has accepted nothing */
		else
			child_drain(child, service->config->drain_timeout);
	}
	/* Clients are refused once the workers have closed theirs as well. */
	listener_close_all(&service->listeners);
}

void service_kill(struct service *service)
{
	for (struct child *child = service->children; child != NULL; child = child->next)
		child_kill(child);
}

void service_finish(struct service *service)
{
	loop_clear_timer(&service->retry);
	listener_close_all(&service->listeners);
	util_close(service->plugin);
	service->plugin = -1;
}
