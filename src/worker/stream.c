/* SPDX-License-Identifier: MIT */
/* stream - a conn over a connected, blocking socket, or over stdin and stdout. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "worker/stream.h"

#define LINGER_MS    1000
#define LINGER_BYTES (64 * 1024)

/* Is a limit nearer than the one the kernel watches? */
static bool has_near_limit(const struct cservd_conn *conn)
{
	return conn->deadline_ms != CONN_FOREVER || conn->idle_ms < conn->kernel_idle_ms;
}

/* Waits for events within the limits of conn and at most ms (-1: no more).  1, 0, or -1. */
static int await(struct cservd_conn *conn, int fd, short events, int ms)
{
	for (;;) {
		struct pollfd wanted = {.fd = fd, .events = events};
		int limit = conn_remaining_ms(conn);
		bool limited = limit != -1 && (ms < 0 || limit <= ms);
		int n = poll(&wanted, 1, limited ? limit : ms);

		if (conn_check_cut(conn) == -1)
			return -1;
		if (n == 1)
			return 1;
		if (n == -1 && errno != EINTR)
			return -1;
		if (n == 0 && limited) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (n == 0)
			return 0;
	}
}

static ssize_t receive(struct cservd_conn *conn, void *buf, size_t size)
{
	ssize_t n;

	do {
		n = conn->is_socket ? recv(conn->fd, buf, size, 0) : read(conn->fd, buf, size);
	} while (n == -1 && errno == EINTR && conn_check_cut(conn) == 0);
	return n;
}

static ssize_t read_some(struct cservd_conn *conn, void *buf, size_t size)
{
	ssize_t n;

	if (conn_check_cut(conn) == -1)
		return -1;
	if (has_near_limit(conn) && await(conn, conn->fd, POLLIN, -1) == -1)
		return -1;
	n = receive(conn, buf, size);
	if (n > 0) {
		conn->in += (uint64_t)n;
		return n;
	}
	if (conn_check_cut(conn) == -1)
		return -1;
	if (n == 0)
		conn->ended = true;
	else if (errno == EAGAIN)
		errno = ETIMEDOUT; /* SO_RCVTIMEO */
	return n;
}

static ssize_t stream_read(struct cservd_conn *conn, void *buf, size_t size)
{
	ssize_t n = read_some(conn, buf, size);

	if (n == -1)
		conn->failure = errno;
	return n;
}

/* One send within the limits.  Bytes sent or -1. */
static ssize_t send_some(struct cservd_conn *conn, const char *bytes, size_t size)
{
	int flags = MSG_NOSIGNAL;

	if (has_near_limit(conn)) {
		if (await(conn, conn->fd_out, POLLOUT, -1) == -1)
			return -1;
		flags |= MSG_DONTWAIT; /* a blocking send would wait for all of it */
	}
	return conn->is_socket ? send(conn->fd_out, bytes, size, flags)
			       : write(conn->fd_out, bytes, size);
}

static int write_all(struct cservd_conn *conn, const void *buf, size_t size)
{
	const char *bytes = buf;

	while (size > 0) {
		ssize_t n;

		if (conn_check_cut(conn) == -1)
			return -1;
		n = send_some(conn, bytes, size);
		if (n >= 0) {
			conn->out += (uint64_t)n;
			bytes += n;
			size -= (size_t)n;
			continue;
		}
		if (conn_check_cut(conn) == -1)
			return -1;
		if (errno == EINTR || (errno == EAGAIN && has_near_limit(conn)))
			continue;
		if (errno == EAGAIN)
			errno = ETIMEDOUT; /* SO_SNDTIMEO */
		return -1;
	}
	return 0;
}

static int stream_write(struct cservd_conn *conn, const void *buf, size_t size)
{
	int result = write_all(conn, buf, size);

	if (result == -1)
		conn->failure = errno;
	return result;
}

static int stream_wait(struct cservd_conn *conn, int ms)
{
	int result = await(conn, conn->fd, POLLIN, ms);

	if (result == -1)
		conn->failure = errno;
	return result;
}

static int stream_finish(struct cservd_conn *conn)
{
	if (conn->finished)
		return 0;
	conn->finished = true;
	if (conn->is_socket)
		return shutdown(conn->fd, SHUT_WR);
	return close(conn->fd_out);
}

const struct conn_ops stream_ops = {
	.read = stream_read,
	.write = stream_write,
	.wait = stream_wait,
	.finish = stream_finish,
};

void stream_attach(struct cservd_conn *conn, int fd, int kernel_idle_ms)
{
	conn->fd = fd;
	conn->fd_out = fd;
	conn->is_socket = true;
	conn->kernel_idle_ms = kernel_idle_ms;
}

void stream_linger(struct cservd_conn *conn)
{
	int64_t end = util_now_ms() + LINGER_MS;
	size_t discarded = 0;
	char buf[4096];

	if (conn->ended || conn_check_cut(conn) == -1 || stream_finish(conn) == -1)
		return;
	while (discarded < LINGER_BYTES) {
		struct pollfd wanted = {.fd = conn->fd, .events = POLLIN};
		int64_t left = end - util_now_ms();
		ssize_t n;

		if (left <= 0 || poll(&wanted, 1, (int)left) == 0)
			return;
		n = recv(conn->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
			return;
		discarded += n > 0 ? (size_t)n : 0;
	}
}
