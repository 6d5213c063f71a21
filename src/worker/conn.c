/* SPDX-License-Identifier: MIT */
/* conn - the calls of the public API on a connection or a datagram. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "worker/conn.h"
#include "worker/connect.h"
#include "worker/service.h"

#define PRINTF_BUFFER 1024 /* [bytes] a longer text is formatted into the heap */

_Thread_local struct cservd_conn *conn_current;

static int limit_of(uint64_t ms)
{
	return ms >= CONN_NO_LIMIT ? CONN_NO_LIMIT : (int)ms;
}

void conn_init(struct cservd_conn *conn, const struct conn_ops *ops, struct cservd_service *s)
{
	memset(conn, 0, sizeof(*conn));
	conn->ops = ops;
	conn->service = s;
	conn->fd = -1;
	conn->fd_out = -1;
	conn->idle_ms = limit_of(s->settings->idle_ms);
	conn->kernel_idle_ms = CONN_NO_LIMIT;
	conn->deadline_ms = CONN_FOREVER;
	if (s->settings->duration_ms != SETTINGS_UNLIMITED)
		conn->deadline_ms = util_now_ms() + (int64_t)s->settings->duration_ms;
}

void conn_finish(struct cservd_conn *conn)
{
	connect_close_all(conn);
	free(conn->ahead);
	conn->ahead = NULL;
}

void conn_cut(struct cservd_conn *conn, enum conn_cut reason)
{
	int none = CUT_NONE;

	if (atomic_compare_exchange_strong(&conn->cut, &none, (int)reason))
		atomic_store(&conn->cut_ms, util_now_ms());
	if (conn->is_socket)
		(void)shutdown(conn->fd, SHUT_RDWR); /* ENOTCONN: the client was faster */
}

int conn_remaining_ms(const struct cservd_conn *conn)
{
	int64_t left;

	if (conn->deadline_ms == CONN_FOREVER)
		return conn->idle_ms == CONN_NO_LIMIT ? -1 : conn->idle_ms;
	left = conn->deadline_ms - util_now_ms();
	if (left < 0)
		left = 0;
	return left < conn->idle_ms ? (int)left : conn->idle_ms;
}

int conn_check_cut(const struct cservd_conn *conn)
{
	static const int errors[] = {
		[CUT_DRAIN] = ECANCELED, [CUT_DURATION] = ETIMEDOUT, [CUT_DENIED] = EPERM};
	const struct cservd_conn *client = conn->client != NULL ? conn->client : conn;
	int cut = atomic_load_explicit(&client->cut, memory_order_relaxed);

	if (cut == CUT_NONE)
		return 0;
	errno = errors[cut];
	return -1;
}

static size_t take_ahead(struct cservd_conn *conn, void *buf, size_t size)
{
	size_t held = conn->ahead_end - conn->ahead_at;
	size_t n = held < size ? held : size;

	memcpy(buf, conn->ahead + conn->ahead_at, n);
	conn->ahead_at += n;
	return n;
}

CSERVD_EXPORT ssize_t cservd_read(struct cservd_conn *conn, void *buf, size_t size)
{
	if (size == 0)
		return 0;
	if (conn->ahead_at < conn->ahead_end)
		return (ssize_t)take_ahead(conn, buf, size);
	return conn->ops->read(conn, buf, size);
}

CSERVD_EXPORT int cservd_readn(struct cservd_conn *conn, void *buf, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = cservd_read(conn, (char *)buf + have, size - have);

		if (n == -1)
			return -1;
		if (n == 0 && have == 0)
			return 0;
		if (n == 0) {
			errno = EPROTO;
			return -1;
		}
		have += (size_t)n;
	}
	return 1;
}

/* Reads more into the empty buffer.  Returns 1, 0 at end of file, -1. */
static int fill_ahead(struct cservd_conn *conn)
{
	/* One read takes a whole datagram or fails. */
	size_t room = conn->fd == -1 ? CSERVD_MAX_DATAGRAM : CONN_AHEAD;
	ssize_t n;

	if (conn->ahead == NULL)
		conn->ahead = malloc(room);
	if (conn->ahead == NULL)
		return -1;
	n = conn->ops->read(conn, conn->ahead, room);
	if (n <= 0)
		return (int)n;
	conn->ahead_at = 0;
	conn->ahead_end = (size_t)n;
	return 1;
}

/* Ends the line of used bytes in buf, without a CR if had_lf.  1 or -1. */
static int end_line(char *buf, size_t used, size_t size, bool had_lf)
{
	if (had_lf && used > 0 && buf[used - 1] == '\r')
		used--;
	if (used == size) {
		errno = EMSGSIZE;
		return -1;
	}
	if (memchr(buf, '\0', used) != NULL) {
		errno = EILSEQ;
		return -1;
	}
	buf[used] = '\0';
	return 1;
}

CSERVD_EXPORT int cservd_readline(struct cservd_conn *conn, char *buf, size_t size)
{
	size_t used = 0;

	for (;;) {
		const char *start, *lf;
		size_t held, want;
		int filled = 1;

		if (conn->ahead_at == conn->ahead_end)
			filled = fill_ahead(conn);
		if (filled == -1)
			return -1;
		if (filled == 0)
			return used == 0 ? 0 : end_line(buf, used, size, false);
		start = conn->ahead + conn->ahead_at;
		held = conn->ahead_end - conn->ahead_at;
		lf = memchr(start, '\n', held);
		want = lf ? (size_t)(lf - start) : held;
		if (want > size - used) {
			errno = EMSGSIZE;
			return -1;
		}
		used += take_ahead(conn, buf + used, want);
		if (lf != NULL) {
			conn->ahead_at++;
			return end_line(buf, used, size, true);
		}
	}
}

CSERVD_EXPORT int cservd_write(struct cservd_conn *conn, const void *buf, size_t size)
{
	return conn->ops->write(conn, buf, size);
}

CSERVD_EXPORT int cservd_printf(struct cservd_conn *conn, const char *fmt, ...)
{
	va_list args;
	int result;

	va_start(args, fmt);
	result = cservd_vprintf(conn, fmt, args);
	va_end(args);
	return result;
}

CSERVD_EXPORT int cservd_vprintf(struct cservd_conn *conn, const char *fmt, va_list args)
{
	char buf[PRINTF_BUFFER];
	CLEANUP_FREE char *large = NULL;
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(buf, sizeof(buf), fmt, args);
	if (n >= (int)sizeof(buf))
		n = vasprintf(&large, fmt, again);
	va_end(again);
	if (n == -1)
		return -1;
	return cservd_write(conn, large ? large : buf, (size_t)n);
}

CSERVD_EXPORT int cservd_finish(struct cservd_conn *conn)
{
	return conn->ops->finish(conn);
}

CSERVD_EXPORT int cservd_wait(struct cservd_conn *conn, int ms)
{
	if (conn->ahead_at < conn->ahead_end)
		return 1;
	return conn->ops->wait(conn, ms);
}

/* Sleeps on the socket of the client, so that a cut or a reset ends it.  0 or -1. */
static int sleep_on(struct cservd_conn *conn, int ms)
{
	struct pollfd hangup = {.fd = conn->is_socket ? conn->fd : -1};
	int64_t end = util_now_ms() + ms;
	bool limited = conn->deadline_ms < end;
	int n = 0;

	if (limited)
		end = conn->deadline_ms;
	do {
		int64_t left = end - util_now_ms();

		if (conn_check_cut(conn) == -1)
			return -1;
		n = poll(&hangup, 1, left > 0 ? (int)left : 0);
	} while (n == -1 && errno == EINTR);
	if (conn_check_cut(conn) == -1)
		return -1;
	if (n == 0 && !limited)
		return 0;
	errno = n == 0 ? ETIMEDOUT : ECONNRESET;
	conn->failure = errno;
	return -1;
}

CSERVD_EXPORT int cservd_sleep(int ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	if (ms <= 0)
		return 0;
	if (conn_current != NULL)
		return sleep_on(conn_current, ms);
	while (nanosleep(&time, &time) == -1 && errno == EINTR)
		;
	return 0;
}

CSERVD_EXPORT void cservd_idle_timeout(struct cservd_conn *conn, int ms)
{
	int configured = limit_of(conn->service->settings->idle_ms);

	conn->idle_ms = ms < 0 ? 0 : ms;
	if (conn->idle_ms > configured)
		conn->idle_ms = configured;
}

CSERVD_EXPORT void cservd_deadline(struct cservd_conn *conn, int ms)
{
	int64_t deadline = util_now_ms() + (ms < 0 ? 0 : ms);

	if (deadline < conn->deadline_ms)
		conn->deadline_ms = deadline;
}

/* Addresses are turned into text, and asked of the kernel, only when a handler wants them: most
 * never do.  The conn is const for the caller; what is kept in it is a cache. */
static void cache_addr(const struct cservd_conn *conn, const union addr *addr,
		       int (*ask)(int, struct sockaddr *, socklen_t *))
{
	union addr *cache = (union addr *)addr;
	socklen_t len = sizeof(*cache);

	if (addr->sa.sa_family != AF_UNSPEC || !conn->is_socket)
		return;
	if (ask(conn->fd, &cache->sa, &len) == -1 || len > sizeof(*cache) || addr_len(cache) == 0)
		memset(cache, 0, sizeof(*cache)); /* a UNIX socket has no address to show */
}

static const char *cache_text(const union addr *addr, const char *text)
{
	return text[0] ? text : addr_format(addr, (char *)text);
}

CSERVD_EXPORT const char *cservd_peer(const struct cservd_conn *conn)
{
	cache_addr(conn, &conn->peer, getpeername);
	return cache_text(&conn->peer, conn->peer_text);
}

CSERVD_EXPORT const char *cservd_local(const struct cservd_conn *conn)
{
	cache_addr(conn, &conn->local, getsockname);
	return cache_text(&conn->local, conn->local_text);
}

CSERVD_EXPORT const struct sockaddr *cservd_peer_addr(const struct cservd_conn *conn,
						      socklen_t *len)
{
	cache_addr(conn, &conn->peer, getpeername);
	*len = addr_len(&conn->peer);
	return &conn->peer.sa;
}

CSERVD_EXPORT const struct sockaddr *cservd_local_addr(const struct cservd_conn *conn,
						       socklen_t *len)
{
	cache_addr(conn, &conn->local, getsockname);
	*len = addr_len(&conn->local);
	return &conn->local.sa;
}

CSERVD_EXPORT struct cservd_service *cservd_service(const struct cservd_conn *conn)
{
	return conn->service;
}

CSERVD_EXPORT int cservd_fd(struct cservd_conn *conn)
{
	if (!conn->is_socket) {
		errno = ENOTSUP;
		return -1;
	}
	if (conn->ahead_at < conn->ahead_end) {
		errno = EBUSY;
		return -1;
	}
	return conn->fd;
}
