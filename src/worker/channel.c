/* SPDX-License-Identifier: MIT */
/* channel - what a worker and a process that it forked say to each other. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/settings.h"
#include "worker/channel.h"
#include "worker/passing.h"
#include "worker/report.h"
#include "worker/service.h"
#include "worker/target.h"

#define TAKE_MAX 16 /* packets in one go */

union packet {
	struct message message;
	struct connect_request request;
};

static void count_denied(uint64_t times)
{
	atomic_fetch_add_explicit(&service.board->counters.denied, times, memory_order_relaxed);
}

static void pass(struct channel *channel, const struct message *message)
{
	(void)channel;
	report_push(message);
}

static void take_closed(struct channel *channel, const struct message *message)
{
	if (channel->is_closed || message->end == END_CRASHED)
		return; /* nobody closes twice, or says himself that he died */
	channel->is_closed = true;
	channel->in = message->in;
	channel->out = message->out;
	if (service.settings->log_connections)
		report_push(message);
}

/* The worker itself stays, and so does its fork of the datagrams if it was hit. */
static void take_denied(struct channel *channel, const struct message *message)
{
	struct message denied = *message;

	if (denied.end == COST_WORKER && channel->peer.sa.sa_family != AF_UNSPEC)
		denied.end = COST_CONNECTION;
	count_denied(1);
	report_push(&denied);
}

static void take_repeated(struct channel *channel, const struct message *message)
{
	(void)channel;
	count_denied(message->in);
	report_push(message);
}

/* A connection that was denied something ends, and with it all that could be tainted. */
static void take_replace(struct channel *channel, const struct message *message)
{
	(void)message;
	channel->is_tainted = true;
}

/* What a forked process may say; the rest, as that the service is ready, is the worker's. */
static void (*const takers[MESSAGE_TYPES])(struct channel *, const struct message *) = {
	[MESSAGE_LOG] = pass,
	[MESSAGE_CLOSED] = take_closed,
	[MESSAGE_DENIED] = take_denied,
	[MESSAGE_REPEATED] = take_repeated,
	[MESSAGE_REPLACE] = take_replace,
};

static void take_message(struct channel *channel, const void *bytes, size_t size)
{
	struct message message;

	if (message_check(bytes, size, &message) == -1 || takers[message.type] == NULL)
		return;
	if (channel->peer.sa.sa_family != AF_UNSPEC)
		message.peer = channel->peer;
	takers[message.type](channel, &message);
}

/* A process has one thread, so a new request means that it gave the one before up. */
static void take_request(struct channel *channel, const struct connect_request *asked)
{
	static uint64_t sequence; /* one reply must never be taken for another */
	struct connect_request request = *asked;

	request.id = ++sequence << 32 | channel->number;
	channel->asked = request.id;
	channel->asked_as = asked->id;
	/* What the connector reads is checked there.  EAGAIN: it has hundreds to do already. */
	if (send(WORKER_FD_CONNECTOR, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		channel_reply(channel, errno == EAGAIN ? ENOBUFS : errno, -1);
}

int channel_open(struct channel *channel, uint32_t number, const union addr *peer)
{
	int pair[2];

	*channel = (struct channel){.fd = -1, .number = number, .peer = *peer};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	channel->fd = pair[0];
	return pair[1];
}

int channel_take(struct channel *channel)
{
	for (unsigned int i = 0; i < TAKE_MAX; i++) {
		union packet packet;
		/* recv(2) and not recvmsg(2): descriptors that travel along never come in. */
		ssize_t n = recv(channel->fd, &packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);

		if (n == -1 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -1;
		if (n == sizeof(packet.request))
			take_request(channel, &packet.request);
		else
			take_message(channel, &packet, (size_t)n);
	}
	return 1;
}

void channel_reply(struct channel *channel, int error, int fd)
{
	const struct connect_reply reply = {.id = channel->asked_as, .error = error};

	channel->asked = 0;
	/* One that does not read has given up, or is gone. */
	(void)!passing_send(channel->fd, &reply, sizeof(reply), fd, MSG_DONTWAIT);
	util_close(fd);
}

void channel_close(struct channel *channel)
{
	util_close(channel->fd);
	channel->fd = -1;
}
