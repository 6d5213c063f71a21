/* SPDX-License-Identifier: MIT */
/*
 * relay - cservd_relay(): bytes both ways between two conns.
 *
 *	a --> [to_b] --> b
 *	a <-- [to_a] <-- b
 *
 * Neither side is ever waited for alone: a peer that sends without reading would otherwise stop
 * both directions for ever.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/conn.h"

#define RELAY_BUFFER 16384 /* [bytes] */

struct direction {
	struct cservd_conn *from, *to;
	size_t at, end;	 /* bytes held in buf */
	bool read_ended; /* `from` has ended */
	bool finished;	 /* `to` was told so */
	char buf[RELAY_BUFFER];
};

/* 0 if the call would only have waited, else -1, noted at the conn that it failed on. */
static int failed(struct cservd_conn *conn)
{
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	conn->failure = errno;
	return -1;
}

/* Are there bytes that readline read ahead? */
static bool has_held(const struct direction *d)
{
	return d->from->ahead_at < d->from->ahead_end;
}

/* Takes bytes in; those held back by readline first, which are counted already. */
static int pull(struct direction *d)
{
	ssize_t n;

	d->at = 0;
	if (has_held(d)) {
		n = cservd_read(d->from, d->buf, sizeof(d->buf));
		d->end = n > 0 ? (size_t)n : 0;
		return n == -1 ? -1 : 0;
	}
	d->end = 0;
	if (d->from->is_socket)
		n = recv(d->from->fd, d->buf, sizeof(d->buf), MSG_DONTWAIT);
	else
		n = read(d->from->fd, d->buf, sizeof(d->buf)); /* poll said it is readable */
	if (n == -1)
		return failed(d->from);
	if (n == 0) {
		d->read_ended = true;
		d->from->ended = true;
	}
	d->end = (size_t)n;
	d->from->in += (uint64_t)n;
	return 0;
}

static int push(struct direction *d)
{
	size_t size = d->end - d->at;
	ssize_t n;

	if (d->to->is_socket) {
		n = send(d->to->fd_out, d->buf + d->at, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	} else {
		/* A writable pipe takes PIPE_BUF bytes without blocking (pipe(7)). */
		n = write(d->to->fd_out, d->buf + d->at, size < PIPE_BUF ? size : PIPE_BUF);
	}
	if (n == -1)
		return failed(d->to);
	d->at += (size_t)n;
	d->to->out += (uint64_t)n;
	return 0;
}

static bool is_full(const struct direction *d)
{
	return d->at < d->end;
}

/* Moves what can be moved in one direction.  0 or -1. */
static int step(struct direction *d, bool readable, bool writable)
{
	if (!is_full(d) && !d->read_ended && (readable || has_held(d)) && pull(d) == -1)
		return -1;
	if (is_full(d) && (writable || d->to->is_socket) && push(d) == -1)
		return -1;
	if (d->read_ended && !is_full(d) && !d->finished) {
		d->finished = true;
		return cservd_finish(d->to);
	}
	return 0;
}

/* The nearer limit of two conns in [ms], -1 for none. */
static int nearer_limit(const struct cservd_conn *a, const struct cservd_conn *b)
{
	int x = conn_remaining_ms(a), y = conn_remaining_ms(b);

	if (x == -1 || y == -1)
		return x == -1 ? y : x;
	return x < y ? x : y;
}

/* The two poll entries of a direction: its source and its destination. */
static void want(const struct direction *d, struct pollfd fds[2])
{
	bool reads = !is_full(d) && !d->read_ended;

	fds[0] = (struct pollfd){.fd = reads ? d->from->fd : -1, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = is_full(d) ? d->to->fd_out : -1, .events = POLLOUT};
}

static int relay_once(struct direction *to_b, struct direction *to_a)
{
	struct pollfd fds[4];
	bool held = has_held(to_b) || has_held(to_a);
	int n;

	want(to_b, &fds[0]);
	want(to_a, &fds[2]);
	n = poll(fds, 4, held ? 0 : nearer_limit(to_b->from, to_a->from));
	if (conn_check_cut(to_b->from) == -1 || (n == -1 && errno != EINTR))
		return -1;
	if (n == 0 && !held) {
		errno = ETIMEDOUT;
		to_b->from->failure = ETIMEDOUT;
		return -1;
	}
	if (step(to_b, fds[0].revents != 0, fds[1].revents != 0) == -1)
		return -1;
	return step(to_a, fds[2].revents != 0, fds[3].revents != 0);
}

CSERVD_EXPORT int cservd_relay(struct cservd_conn *a, struct cservd_conn *b)
{
	CLEANUP_FREE struct direction *both = calloc(2, sizeof(*both));

	if (both == NULL)
		return -1;
	if (a->fd == -1 || b->fd == -1) {
		errno = ENOTSUP;
		return -1;
	}
	both[0].from = both[1].to = a;
	both[0].to = both[1].from = b;
	while (!both[0].finished || !both[1].finished) {
		if (relay_once(&both[0], &both[1]) == -1)
			return -1;
	}
	return 0;
}
