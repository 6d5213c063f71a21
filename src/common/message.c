/* SPDX-License-Identifier: MIT */
/* message - what a worker and the master say to each other. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <syslog.h>

#include "common/message.h"

static const char *const end_texts[END_REASONS] = {
	[END_CLIENT] = "closed by client",
	[END_HANDLER] = "closed by handler",
	[END_FAILED] = "handler failed",
	[END_RESET] = "reset by client",
	[END_IDLE] = "idle too long",
	[END_DURATION] = "open too long",
	[END_DRAIN] = "cut at the end of the drain",
	[END_DENIED] = "cut after a denied system call",
	[END_CRASHED] = "its process died",
};

/* Only a line to log needs a priority; in the other types it is 0 and never read. */
static bool is_priority_sane(const struct message *message)
{
	if (message->type != MESSAGE_LOG)
		return true;
	return message->priority >= LOG_ERR && message->priority <= LOG_DEBUG;
}

static bool is_family_known(sa_family_t family)
{
	return family == AF_UNSPEC || family == AF_INET || family == AF_INET6;
}

static bool is_sane(const struct message *message)
{
	return message->type > MESSAGE_NONE && message->type < MESSAGE_TYPES &&
	       message->end < END_REASONS && is_priority_sane(message) &&
	       is_family_known(message->peer.sa.sa_family);
}

int message_check(const void *bytes, size_t size, struct message *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (size == sizeof(*ret))
		memcpy(ret, bytes, size);
	ret->text[MESSAGE_TEXT - 1] = '\0';
	if (is_sane(ret)) /* the zeros that stand for a wrong size are MESSAGE_NONE */
		return 0;
	errno = EBADMSG;
	return -1;
}

const char *message_end_text(enum message_end end)
{
	return (unsigned int)end < END_REASONS ? end_texts[end] : "ended";
}
