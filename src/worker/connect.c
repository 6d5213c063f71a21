/* SPDX-License-Identifier: MIT */
/*
 * connect - a handler asks the connector for a connection and waits for the keeper to bring it.
 *
 *	handler thread: enlists a struct pending on its stack, sends, waits on its condition
 *	keeper:         finds the pending call by its id, leaves the answer there, signals
 *
 * An id is never used again, so the late answer to a call that gave up finds nobody and its
 * socket is closed.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/settings.h"
#include "common/util.h"
#include "worker/conn.h"
#include "worker/connect.h"
#include "worker/service.h"
#include "worker/stream.h"
#include "worker/target.h"

#define TAKE_MAX      64   /* replies in one go */
#define CUT_NOTICE_MS 100  /* how soon a thread that waits for room to send sees a cut */
#define ERRNO_MAX     4095 /* of Linux */

struct pending {
	TAILQ_ENTRY(pending) entry;
	uint64_t id;
	pthread_cond_t changed;
	bool answered;
	int error;
	int fd; /* if error is 0 */
};

/* Replies come about in the order of the requests, so that who is looked for stands in front. */
static TAILQ_HEAD(pending_list, pending) calls = TAILQ_HEAD_INITIALIZER(calls);
static uint64_t last_id;
/* Whom the keeper gives a reply to. */
static connect_taker *taker;
/* Guards calls, last_id, each struct pending, and the list of outgoing conns of each client. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct resolve_error {
	int from; /* EAI_* */
	int to;	  /* errno */
};

static const struct resolve_error resolve_errors[] = {
	{EAI_NONAME, ENXIO}, {EAI_NODATA, ENXIO},  {EAI_ADDRFAMILY, ENXIO},
	{EAI_AGAIN, EAGAIN}, {EAI_MEMORY, ENOMEM},
};

/* Takes the one descriptor out of message; of more than one, all are closed.  It, or -1. */
static int take_descriptor(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t count;
	int fds[2]; /* the room of one is, aligned, that of two */

	if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return -1;
	count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (count > ARRAY_SIZE(fds))
		count = ARRAY_SIZE(fds);
	memcpy(fds, CMSG_DATA(header), count * sizeof(int));
	if (count == 1)
		return fds[0];
	for (size_t i = 0; i < count; i++)
		util_close(fds[i]);
	return -1;
}

static bool is_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

/* What the caller of cservd_connect() gets to see for a reply; never 0 for a failure. */
static int error_of(const struct connect_reply *reply)
{
	int error = reply->error > 0 && reply->error <= ERRNO_MAX ? reply->error : EPROTO;

	if (reply->resolve_error == 0)
		return reply->error == 0 ? 0 : error;
	for (size_t i = 0; i < ARRAY_SIZE(resolve_errors); i++)
		if (resolve_errors[i].from == reply->resolve_error)
			return resolve_errors[i].to;
	return reply->resolve_error == EAI_SYSTEM ? error : EPROTO;
}

/*
 * Receives one reply: its id, error and, for error 0, its socket, else -1.  Returns 1, 0 for one
 * that is malformed, -1 if there is none.
 */
static int receive_reply(uint64_t *ret_id, int *ret_error, int *ret_fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct connect_reply reply;
	struct iovec data = {.iov_base = &reply, .iov_len = sizeof(reply)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(WORKER_FD_CONNECTOR, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd;

	if (n == -1)
		return errno == EINTR ? 0 : -1;
	fd = take_descriptor(&message);
	if (n != sizeof(reply) || message.msg_flags & MSG_TRUNC) {
		util_close(fd);
		return 0;
	}
	*ret_id = reply.id;
	*ret_error = error_of(&reply);
	*ret_fd = fd;
	/* The kernel drops a descriptor for which this process has no number left. */
	if (*ret_error == 0 && fd == -1 && message.msg_flags & MSG_CTRUNC)
		*ret_error = EMFILE;
	if ((*ret_error == 0) == is_socket(fd))
		return 1;
	util_close(fd);
	return 0;
}

/* Leaves the answer at the call that waits for it; fd is closed if there is none. */
static void complete(uint64_t id, int error, int fd)
{
	struct pending *call;

	(void)pthread_mutex_lock(&lock); /* a plain mutex cannot fail */
	for (call = TAILQ_FIRST(&calls); call != NULL; call = TAILQ_NEXT(call, entry))
		if (call->id == id)
			break;
	if (call != NULL && !call->answered) {
		call->answered = true;
		call->error = error;
		call->fd = fd;
		fd = -1;
		(void)pthread_cond_signal(&call->changed); /* cannot fail */
	}
	(void)pthread_mutex_unlock(&lock);
	util_close(fd);
}

static void enlist(struct pending *call)
{
	(void)pthread_mutex_lock(&lock);
	call->id = ++last_id;
	TAILQ_INSERT_TAIL(&calls, call, entry);
	(void)pthread_mutex_unlock(&lock);
}

static void delist(struct pending *call)
{
	(void)pthread_mutex_lock(&lock);
	TAILQ_REMOVE(&calls, call, entry);
	(void)pthread_mutex_unlock(&lock);
}

/* Sends the request, which may have to wait for room in the socket.  0 or -1 with errno. */
static int send_request(const struct cservd_conn *client, const struct connect_request *request)
{
	for (;;) {
		struct pollfd room = {.fd = WORKER_FD_CONNECTOR, .events = POLLOUT};
		int64_t left = request->deadline_ms - util_now_ms();

		if (conn_check_cut(client) == -1)
			return -1;
		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (send(WORKER_FD_CONNECTOR, request, sizeof(*request),
			 MSG_DONTWAIT | MSG_NOSIGNAL) != -1)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		(void)poll(&room, 1, left < CUT_NOTICE_MS ? (int)left : CUT_NOTICE_MS);
	}
}

/* As await_reply(), in a process without a keeper.  A signal that comes between the look at the cut
 * and poll(2) is noticed a little later. */
static int fetch_reply(const struct cservd_conn *client, const struct pending *call,
		       int64_t deadline_ms)
{
	while (!call->answered) {
		struct pollfd reply = {.fd = WORKER_FD_CONNECTOR, .events = POLLIN};
		int64_t left = deadline_ms - util_now_ms();

		if (conn_check_cut(client) == -1)
			return -1;
		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (poll(&reply, 1, left < CUT_NOTICE_MS ? (int)left : CUT_NOTICE_MS) == 1)
			connect_take_replies();
	}
	errno = call->error;
	return call->error == 0 ? 0 : -1;
}

/* 0 when the call was answered, or -1 with errno. */
static int await_reply(const struct cservd_conn *client, struct pending *call, int64_t deadline_ms)
{
	/* CONN_FOREVER works as well: the kernel takes seconds beyond its range for never. */
	struct timespec until = {.tv_sec = deadline_ms / 1000,
				 .tv_nsec = deadline_ms % 1000 * 1000000};
	int error = 0;

	if (service.is_child)
		return fetch_reply(client, call, deadline_ms);
	(void)pthread_mutex_lock(&lock);
	while (!call->answered && error == 0) {
		if (conn_check_cut(client) == -1)
			error = errno;
		else
			error = pthread_cond_clockwait(&call->changed, &lock, CLOCK_MONOTONIC,
						       &until);
	}
	if (call->answered)
		error = call->error;
	(void)pthread_mutex_unlock(&lock);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* Returns a connected socket or -1 with errno. */
static int request_socket(const struct cservd_conn *client, uint32_t target, int64_t deadline_ms)
{
	struct pending call = {.changed = PTHREAD_COND_INITIALIZER, .fd = -1};
	struct connect_request request = {.deadline_ms = deadline_ms, .target = target};
	int error = 0;

	enlist(&call);
	request.id = call.id;
	if (send_request(client, &request) == -1 || await_reply(client, &call, deadline_ms) == -1)
		error = errno;
	delist(&call);
	if (error == 0)
		return call.fd;
	util_close(call.fd);
	errno = error;
	return -1;
}

/* [ms] CLOCK_MONOTONIC: the nearest of ms (negative: no limit) and the limits of client. */
static int64_t deadline_of(const struct cservd_conn *client, int ms)
{
	int limit = conn_remaining_ms(client);

	if (ms < 0 || (limit >= 0 && limit < ms))
		ms = limit;
	return ms < 0 ? CONN_FOREVER : util_now_ms() + ms;
}

static void link_conn(struct cservd_conn *client, struct cservd_conn *conn)
{
	(void)pthread_mutex_lock(&lock);
	conn->client = client;
	conn->next = client->next;
	client->next = conn;
	(void)pthread_mutex_unlock(&lock);
}

/* Takes conn out of the list of its client.  Returns it, or NULL if it is not there. */
static struct cservd_conn *unlink_conn(struct cservd_conn *client, const struct cservd_conn *conn)
{
	struct cservd_conn **link, *found;

	(void)pthread_mutex_lock(&lock);
	for (link = &client->next; *link != NULL && *link != conn; link = &(*link)->next)
		continue;
	found = *link;
	if (found != NULL)
		*link = found->next;
	(void)pthread_mutex_unlock(&lock);
	return found;
}

/* Closes and frees a conn that is in no list. */
static void destroy(struct cservd_conn *conn)
{
	conn->next = NULL;
	util_close(conn->fd);
	conn_finish(conn);
	free(conn);
}

void connect_take_replies(void)
{
	for (int i = 0; i < TAKE_MAX; i++) {
		uint64_t id;
		int error, fd;
		int taken = receive_reply(&id, &error, &fd);

		if (taken == -1)
			return;
		if (taken == 1 && taker != NULL)
			taker(id, error, fd);
		else if (taken == 1)
			complete(id, error, fd);
	}
}

void connect_forward_to(connect_taker *to)
{
	taker = to;
}

void connect_wake_all(void)
{
	struct pending *call;

	(void)pthread_mutex_lock(&lock);
	for (call = TAILQ_FIRST(&calls); call != NULL; call = TAILQ_NEXT(call, entry))
		(void)pthread_cond_signal(&call->changed);
	(void)pthread_mutex_unlock(&lock);
}

void connect_cut(struct cservd_conn *client)
{
	(void)pthread_mutex_lock(&lock);
	for (struct cservd_conn *conn = client->next; conn != NULL; conn = conn->next)
		(void)shutdown(conn->fd, SHUT_RDWR); /* ENOTCONN: its peer was faster */
	(void)pthread_mutex_unlock(&lock);
}

void connect_close_all(struct cservd_conn *client)
{
	struct cservd_conn *conn;

	while ((conn = unlink_conn(client, client->next)) != NULL)
		destroy(conn);
}

CSERVD_EXPORT struct cservd_conn *cservd_connect(const struct cservd_target *target, int ms)
{
	struct cservd_conn *client = conn_current;
	struct cservd_conn *conn;
	int fd;

	if (client == NULL || client->fd == -1 || service.settings->mode != MODE_SERVE) {
		errno = ENOTSUP;
		return NULL;
	}
	if (target == NULL || target->index >= target_count()) {
		errno = EINVAL;
		return NULL;
	}
	conn = malloc(sizeof(*conn));
	if (conn == NULL)
		return NULL;
	fd = request_socket(client, target->index, deadline_of(client, ms));
	if (fd == -1) {
		free(conn); /* keeps errno, glibc 2.33 */
		return NULL;
	}
	conn_init(conn, &stream_ops, client->service);
	stream_attach(conn, fd, CONN_NO_LIMIT);
	conn->deadline_ms = client->deadline_ms;
	link_conn(client, conn);
	return conn;
}

CSERVD_EXPORT void cservd_close(struct cservd_conn *conn)
{
	/* The client itself is not in its list: it is closed when its handler returns. */
	if (conn != NULL && conn_current != NULL && unlink_conn(conn_current, conn) != NULL)
		destroy(conn);
}
