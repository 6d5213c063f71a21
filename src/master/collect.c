/* SPDX-License-Identifier: MIT */
/* collect - what workers say becomes lines of the log. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/promise.h"
#include "common/syscall.h"
#include "common/text.h"
#include "master/collect.h"

#define WINDOW_MS 1000 /* [ms] COLLECT_RATE counts within it */

struct line {
	char *text; /* COLLECT_LINE_SIZE */
	size_t len;
};

/* Appends; what does not fit is cut. */
static void UTIL_PRINTF(2, 3) append(struct line *line, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line->text + line->len, COLLECT_LINE_SIZE - line->len, fmt, args);
	va_end(args);
	if (len > 0)
		line->len += (size_t)len;
	if (line->len >= COLLECT_LINE_SIZE)
		line->len = COLLECT_LINE_SIZE - 1;
}

static int append_log(struct line *line, const struct collect *from, const struct message *message)
{
	char text[MESSAGE_TEXT * 4];

	(void)from; /* a line of a plugin stands for itself, as the next kind does */
	(void)text_escape(text, sizeof(text), message->text, strlen(message->text));
	append(line, "%s", text);
	return message->priority;
}

/* Of a process of its own (concurrency = process), which alone knew how many bytes. */
static int append_crashed(struct line *line, const struct message *message)
{
	append(line, "%s: ", message_end_text(END_CRASHED));
	if (message->error != 0)
		append(line, "%s", strsignal(message->error));
	else
		append(line, "exit status %d", (int)message->number);
	append(line, ": %llu.%03llu s", (unsigned long long)message->ms / 1000,
	       (unsigned long long)message->ms % 1000);
	return LOG_WARNING;
}

static int append_closed(struct line *line, const struct collect *from,
			 const struct message *message)
{
	(void)from; /* as above */
	if (message->end == END_CRASHED)
		return append_crashed(line, message);
	append(line, "%s", message_end_text(message->end));
	if (message->end == END_FAILED && message->error != 0)
		append(line, ": %s", strerror(message->error));
	append(line, ": %llu.%03llu s, %llu in, %llu out", (unsigned long long)message->ms / 1000,
	       (unsigned long long)message->ms % 1000, (unsigned long long)message->in,
	       (unsigned long long)message->out);
	return LOG_INFO;
}

static const char *const costs[COST_KINDS] = {
	[COST_CALL] = "",
	[COST_REPLY] = "; no reply",
	[COST_CONNECTION] = "; connection closed",
	[COST_WORKER] = "; worker replaced",
};

/* What narrows a promise: without it no path is reached, and every port. */
static const char *missing_list(const struct config_service *service, const char *syscall,
				uint32_t promise)
{
	if (promise == PROMISE_RPATH && service->read_paths.count == 0)
		return "read_paths";
	if ((promise == PROMISE_WPATH || promise == PROMISE_CPATH) &&
	    service->write_paths.count == 0)
		return "write_paths";
	if (promise != PROMISE_INET)
		return NULL;
	if (strcmp(syscall, "bind") == 0)
		return service->bind_ports.count == 0 ? "bind_ports" : NULL;
	return service->connect_ports.count == 0 ? "connect_ports" : NULL;
}

/* The line to add to the section. */
static void append_hint(struct line *line, const struct config_service *service,
			const char *syscall, const char *promise)
{
	const char *list = missing_list(service, syscall, promise_parse(promise));

	append(line, "add \"sandbox %s %s\"",
	       service->promises == PROMISE_STDIO ? "=" : "+=", promise);
	if (list != NULL)
		append(line, " and \"%s\"", list);
}

static int append_denied(struct line *line, const struct collect *from,
			 const struct message *message)
{
	char name[SYSCALL_NAME_SIZE];
	const char *hint;

	(void)syscall_name(message->number, message->arch, name);
	hint = promise_hint(name, message->args);
	append(line, "denied %s: ", name);
	if (hint == NULL)
		append(line, "no promise allows it");
	else
		append_hint(line, from->service, name, hint);
	if (message->end < COST_KINDS)
		append(line, "%s", costs[message->end]);
	return LOG_WARNING;
}

static int append_repeated(struct line *line, const struct collect *from,
			   const struct message *message)
{
	char name[SYSCALL_NAME_SIZE];

	(void)from; /* only the first line depends on the service */
	(void)syscall_name(message->number, message->arch, name);
	append(line, "denied %s %llu more time%s", name, (unsigned long long)message->in,
	       message->in == 1 ? "" : "s");
	return LOG_WARNING;
}

static int append_lost(struct line *line, const struct collect *from, const struct message *message)
{
	(void)from; /* as above */
	append(line, "%u messages were lost: the log did not keep up",
	       (unsigned int)message->number);
	return LOG_WARNING;
}

/* What has a line; limited: how many there are is for the code of a worker to decide. */
static const struct {
	int (*append)(struct line *line, const struct collect *from, const struct message *message);
	bool limited;
} kinds[MESSAGE_TYPES] = {
	[MESSAGE_LOG] = {append_log, true},	  [MESSAGE_CLOSED] = {append_closed, false},
	[MESSAGE_DENIED] = {append_denied, true}, [MESSAGE_REPEATED] = {append_repeated, true},
	[MESSAGE_LOST] = {append_lost, true},
};

static void on_tell(struct loop_timer *timer)
{
	collect_finish(LOOP_OWNER(timer, struct collect, tell));
}

int collect_format(const struct collect *from, const struct message *message,
		   char line[COLLECT_LINE_SIZE])
{
	struct line out = {.text = line, .len = 0};
	char peer[ADDR_TEXT_SIZE];

	if (message->type >= MESSAGE_TYPES || kinds[message->type].append == NULL)
		return -1;
	append(&out, "%s", from->service->name);
	if (message->peer.sa.sa_family != AF_UNSPEC)
		append(&out, "[%s]", addr_format(&message->peer, peer));
	append(&out, ": ");
	return kinds[message->type].append(&out, from, message);
}

void collect_init(struct collect *from, const struct config_service *service)
{
	*from = (struct collect){.service = service, .tell.expired = on_tell};
}

bool collect_may_log(struct collect *from, int64_t now_ms)
{
	if (now_ms - from->window_ms >= WINDOW_MS) {
		from->window_ms = now_ms;
		from->lines = 0;
	}
	if (from->lines < COLLECT_RATE) {
		from->lines++;
		return true;
	}
	from->suppressed++;
	if (!from->tell.is_set)
		loop_set_timer(&from->tell, WINDOW_MS);
	return false;
}

void collect_log(struct collect *from, const struct message *message)
{
	char line[COLLECT_LINE_SIZE];
	int priority = collect_format(from, message, line);

	if (priority < 0)
		return;
	if (kinds[message->type].limited && !collect_may_log(from, util_now_ms())) {
		if (message->type == MESSAGE_LOST)
			from->suppressed += (uint32_t)message->number;
		return;
	}
	collect_finish(from);
	log_line(priority, "%s", line);
	if (message->type == MESSAGE_DENIED)
		log_debug(
			"%s: worker %d, thread %d, code at 0x%llx, arguments 0x%llx 0x%llx 0x%llx",
			from->service->name, (int)from->pid, (int)message->thread,
			(unsigned long long)message->address, (unsigned long long)message->args[0],
			(unsigned long long)message->args[1], (unsigned long long)message->args[2]);
}

void collect_finish(struct collect *from)
{
	if (from->suppressed > 0)
		log_warning("%s: worker %d: %llu lines suppressed, more than %d in a second",
			    from->service->name, (int)from->pid,
			    (unsigned long long)from->suppressed, COLLECT_RATE);
	from->suppressed = 0;
	loop_clear_timer(&from->tell);
}
