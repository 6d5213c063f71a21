/* SPDX-License-Identifier: MIT */
/* replace - why a worker is replaced, in words, and what becomes of those who are to blame. */
#include "master/replace.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>

#include "common/log.h"
#include "common/text.h"
#include "master/inflight.h"
#include "master/tally.h"
#include "master/world.h"

#define WHY_SIZE 128

enum replace_cause replace_cause(int32_t number)
{
	static const enum replace_cause causes[REPLACE_REASONS] = {
		[REPLACE_TAINTED] = CAUSE_TAINTED,
		[REPLACE_HUNG] = CAUSE_HUNG,
		[REPLACE_MEMORY] = CAUSE_MEMORY,
	};

	return number >= 0 && number < REPLACE_REASONS ? causes[number] : CAUSE_UNKNOWN;
}

static unsigned long long seconds(uint64_t ms)
{
	return (ms + 999) / 1000;
}

static void describe(const struct config_service *service, enum replace_cause cause,
		     char why[WHY_SIZE])
{
	static const char *const whys[] = {
		[CAUSE_TAINTED] = "tried a denied call",
		[CAUSE_HUNG] = "has a handler that does not return",
		[CAUSE_UNKNOWN] = "asks for it, and does not say why",
	};
	char text[TEXT_VALUE_SIZE];

	if (cause == CAUSE_MEMORY)
		(void)snprintf(why, WHY_SIZE, "uses more memory than max_memory = %s",
			       text_format_size(service->max_memory, text)); /* all three fit */
	else if (cause == CAUSE_SILENT)
		(void)snprintf(why, WHY_SIZE, "gave no sign of life for %s",
			       text_format_time(service->hang_timeout, text));
	else
		(void)snprintf(why, WHY_SIZE, "%s", whys[cause]);
}

void replace_say(const struct child *child, enum replace_cause cause)
{
	const struct config_service *service = child->service;
	unsigned long long open = inflight_count(child->board, service->max_connections);
	char why[WHY_SIZE], rest[96] = "";

	describe(service, cause, why);
	if (open > 0 && service->drain_timeout == SETTINGS_UNLIMITED)
		(void)snprintf(rest, sizeof(rest), "; %llu connection%s drain%s until they end",
			       open, open == 1 ? "" : "s", open == 1 ? "s" : ""); /* both fit */
	else if (open > 0)
		(void)snprintf(rest, sizeof(rest), "; %llu connection%s drain%s for at most %llu s",
			       open, open == 1 ? "" : "s", open == 1 ? "s" : "",
			       seconds(service->drain_timeout));
	log_warning("%s: worker %d %s: replaced%s", service->name, (int)child->pid, why, rest);
}

void replace_say_end(const struct child *child, const char *how, bool is_replaced)
{
	char peers[INFLIGHT_TEXT_SIZE] = "";

	if (child->board != NULL)
		(void)inflight_format(child->board, child->service->max_connections, peers);
	log_warning("%s: worker %d %s%s%s%s", child->service->name, (int)child->pid, how,
		    peers[0] != '\0' ? "; in flight: " : "", peers,
		    is_replaced ? "; replaced" : "");
}

void replace_say_tally(const struct child *child)
{
	char text[TALLY_TEXT_SIZE];

	if (child->board != NULL && tally_format(child->board, text)[0] != '\0')
		log_info("%s: %s", child->service->name, text);
}

static void say_banned(const struct config_service *service, const union addr *source)
{
	char text[INET6_ADDRSTRLEN + sizeof("/64")] = "?", time[TEXT_VALUE_SIZE];
	bool is_ipv6 = source->sa.sa_family == AF_INET6;
	const void *host = is_ipv6 ? (const void *)&source->in6.sin6_addr
				   : (const void *)&source->in4.sin_addr;

	(void)inet_ntop(source->sa.sa_family, host, text, sizeof(text)); /* a family of ours */
	log_warning("%s: %s%s was in flight at %d crashes in a row: refused for %s", service->name,
		    text, is_ipv6 ? "/64" : "", PENALTY_CRASHES,
		    service->crash_penalty == SETTINGS_UNLIMITED
			    ? "ever"
			    : text_format_time(service->crash_penalty, time));
}

bool replace_is_crash(const struct child *child)
{
	return child->mode == MODE_SERVE && child->ready_ms > 0 && child->status != 0 &&
	       child->signal != SIGKILL && !child->is_killed && !child->has_verdict;
}

void replace_punish(struct penalty *penalty, const struct child *child)
{
	const struct config_service *service = child->service;
	union addr guilty[PENALTY_SUSPECTS];
	int64_t now = util_now_ms();
	uint64_t ms = service->crash_penalty;
	uint32_t count =
		penalty_note(penalty, child->board, service->max_connections, now, ms, guilty);

	for (uint32_t i = 0; i < count; i++) {
		world_ban(service->name, &guilty[i],
			  ms == SETTINGS_UNLIMITED ? INT64_MAX : now + (int64_t)ms);
		say_banned(service, &guilty[i]);
	}
}

void replace_limit_tainted(struct child *children)
{
	unsigned int count = 0;

	for (struct child *child = children; child != NULL; child = child->next) {
		if (!child->is_tainted || child->is_killed || ++count <= REPLACE_TAINTED_MAX)
			continue;
		log_warning("%s: worker %d killed: %d younger tainted workers drain already",
			    child->service->name, (int)child->pid, REPLACE_TAINTED_MAX);
		child_kill(child);
	}
}
