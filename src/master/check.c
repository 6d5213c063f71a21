/* SPDX-License-Identifier: MIT */
/* check - workers that do one thing and exit: check a configuration, describe a plugin, run once.
 */
#include <string.h>
#include <sysexits.h>

#include "common/text.h"
#include "master/check.h"
#include "master/child.h"
#include "master/slow.h"

/* One check under way. */
struct run {
	struct check *check;
	struct child *child; /* NULL: ended */
	bool late;
};

/* All of them. */
static struct {
	struct run *runs;
	size_t count, left;
	struct config_errors *errors;
	void (*done)(void);
	struct loop_timer limit;
} batch;

static void on_said(struct child *child, const struct message *message)
{
	struct run *run = child->owner;
	char text[MESSAGE_TEXT * 4];

	(void)text_escape(text, sizeof(text), message->text, strlen(message->text));
	if (message->type == MESSAGE_READY) {
		run->check->is_ready = true;
		run->check->has_stream = strstr(message->text, "stream") != NULL;
		run->check->has_datagram = strstr(message->text, "datagram") != NULL;
	} else if (message->type == MESSAGE_WRONG) {
		config_errors_add(batch.errors, (struct place){.file = NULL}, "%s", text);
	} else {
		config_errors_add(batch.errors, child->service->handler_where, "%s: %s",
				  child->service->name, text);
	}
}

static void finish(void)
{
	loop_clear_timer(&batch.limit);
	free(batch.runs);
	batch.runs = NULL;
	batch.count = 0;
	if (batch.done != NULL)
		batch.done();
}

static void on_ended(struct child *child, const char *how)
{
	struct run *run = child->owner;

	run->check->status = child->status;
	if (run->late)
		config_errors_add(batch.errors, run->check->service->handler_where,
				  "handler \"%s\" was not loaded within %d s",
				  run->check->service->handler, SLOW_LIMIT_MS / 1000);
	else if (!child->has_verdict && !run->check->is_ready &&
		 (child->status < 0 || child->mode == MODE_CHECK ||
		  ((child->mode == MODE_INFO || child->mode == MODE_SANDBOX) &&
		   child->status != EX_OK)))
		config_errors_add(batch.errors, run->check->service->handler_where,
				  "handler \"%s\": its worker %s", run->check->service->handler,
				  how);
	run->child = NULL;
	if (batch.limit.is_set)
		loop_set_timer(&batch.limit, SLOW_LIMIT_MS);
	if (--batch.left == 0)
		finish();
}

static const struct child_events events = {.said = on_said, .ended = on_ended};

static void on_limit(struct loop_timer *timer)
{
	(void)timer;
	for (size_t i = 0; i < batch.count; i++) {
		if (batch.runs[i].child == NULL)
			continue;
		batch.runs[i].late = true;
		child_kill(batch.runs[i].child);
	}
}

static int start_all(enum worker_mode mode)
{
	for (size_t i = 0; i < batch.count; i++) {
		struct run *run = &batch.runs[i];
		const struct child_plan plan = {
			.service = run->check->service,
			.mode = mode,
			.plugin = run->check->plugin,
			.targets = -1,
			.requests = -1,
			.events = &events,
			.owner = run,
		};

		run->child = child_start(&plan);
		if (run->child == NULL)
			return -1;
		batch.left++;
	}
	return 0;
}

/* Ends those that run, when not all could be started. */
static void give_up(void)
{
	for (size_t i = 0; i < batch.count; i++) {
		if (batch.runs[i].child != NULL)
			child_kill(batch.runs[i].child);
	}
}

/* Starts all that can be started; 0, or -1 with errno if those are none, or not all. */
static int begin(struct check *checks, size_t count, enum worker_mode mode,
		 struct config_errors *errors)
{
	int result, error;

	batch.runs = calloc(count + 1, sizeof(*batch.runs));
	if (batch.runs == NULL)
		return -1;
	for (size_t i = 0; i < count; i++) {
		batch.runs[i].check = &checks[i];
		checks[i].status = -1;
	}
	batch.count = count;
	batch.left = 0;
	batch.errors = errors;
	batch.limit.expired = on_limit;
	if (mode != MODE_STDIO)
		loop_set_timer(&batch.limit, SLOW_LIMIT_MS);
	result = start_all(mode);
	error = errno;
	if (result < 0)
		give_up();
	if (batch.left == 0)
		finish();
	errno = error;
	return result;
}

size_t check_begin(struct check *checks, size_t count, struct config_errors *errors,
		   void (*done)(void))
{
	batch.done = NULL;
	if (begin(checks, count, MODE_CHECK, errors) < 0)
		config_errors_add(errors, (struct place){.file = NULL},
				  "cannot start workers to check the configuration: %m");
	batch.done = done;
	return batch.left;
}

void check_cancel(void)
{
	batch.done = NULL;
	give_up();
}

int check_run(struct check *checks, size_t count, enum worker_mode mode,
	      struct config_errors *errors)
{
	int result, error;

	batch.done = NULL;
	result = begin(checks, count, mode, errors);
	error = errno;
	batch.done = loop_stop;
	if (batch.left > 0 && loop_run() < 0 && result == 0) {
		result = -1;
		error = errno;
	}
	errno = error;
	return result;
}
