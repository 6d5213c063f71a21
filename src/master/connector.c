/* SPDX-License-Identifier: MIT */
/* connector - starts the connector of a worker when the worker first asks for a connection. */
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "master/backoff.h"
#include "master/connector.h"
#include "master/handover.h"

struct connector {
	struct child *worker;
	struct child *process; /* NULL: none runs */
	struct loop_watch requests;
	bool watching;
	int64_t started_ms; /* [ms] CLOCK_MONOTONIC, the last process */
	struct backoff backoff;
	struct loop_timer retry;
};

static void stop_watching(struct connector *connector)
{
	if (connector->watching)
		loop_remove(&connector->requests);
	connector->watching = false;
}

static void start_watching(struct connector *connector)
{
	connector->watching = loop_add(&connector->requests, EPOLLIN) == 0;
	if (!connector->watching)
		log_error("%s: cannot watch for requests to connect: %m",
			  connector->worker->service->name);
}

static void on_retry(struct loop_timer *timer)
{
	start_watching(LOOP_OWNER(timer, struct connector, retry));
}

static void on_said(struct child *child, const struct message *message)
{
	char text[MESSAGE_TEXT * 4];

	if (message->type == MESSAGE_READY)
		return;
	(void)text_escape(text, sizeof(text), message->text, strlen(message->text));
	log_warning("%s: connector: %s", child->service->name, text);
}

static void on_ended(struct child *child, const char *how)
{
	struct connector *connector = child->owner;

	if (connector == NULL)
		return; /* its worker went first */
	connector->process = NULL;
	if (child->status != 0)
		log_warning("%s: connector %d %s", child->service->name, (int)child->pid, how);
	/* A connector that leaves in peace was idle for long, or else must wait as well. */
	loop_set_timer(&connector->retry,
		       backoff_next(&connector->backoff, util_now_ms() - connector->started_ms));
}

static const struct child_events events = {.said = on_said, .ended = on_ended};

static void on_request(struct loop_watch *watch, uint32_t ready)
{
	struct connector *connector = LOOP_OWNER(watch, struct connector, requests);
	const struct child *worker = connector->worker;
	const struct child_plan plan = {
		.service = worker->service,
		.mode = MODE_CONNECTOR,
		.plugin = -1,
		.targets = worker->targets,
		.requests = worker->requests,
		.events = &events,
		.owner = connector,
	};

	stop_watching(connector);
	if ((ready & EPOLLHUP) != 0)
		return; /* the worker is gone; its end is told soon */
	connector->started_ms = util_now_ms();
	connector->process = child_start(&plan);
	if (connector->process != NULL)
		return;
	log_error("%s: cannot start a connector: %m", worker->service->name);
	loop_set_timer(&connector->retry, backoff_next(&connector->backoff, -1));
}

struct connector *connector_create(struct child *worker)
{
	struct connector *connector;

	errno = 0;
	if (!handover_has_targets(worker->targets))
		return NULL;
	connector = calloc(1, sizeof(*connector));
	if (connector == NULL)
		return NULL;
	connector->worker = worker;
	connector->requests.fd = worker->requests;
	connector->requests.ready = on_request;
	connector->retry.expired = on_retry;
	start_watching(connector);
	return connector;
}

void connector_destroy(struct connector *connector)
{
	if (connector == NULL)
		return;
	stop_watching(connector);
	loop_clear_timer(&connector->retry);
	if (connector->process != NULL) {
		connector->process->owner = NULL;
		child_kill(connector->process);
	}
	free(connector);
}
