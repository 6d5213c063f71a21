/* SPDX-License-Identifier: MIT */
/* dial - resolves and connects to one target, each address in turn. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "worker/dial.h"

#define DIAL_MAX_MS 120000 /* however late the deadline: about what a TCP connect takes to fail */

/* No AI_ADDRCONFIG: addresses without a route fail at once and are sorted last anyway, and it
 * would hide those of a machine that has nothing but its loopback. */
static int look_up(const struct cservd_target *target, int flags, struct addrinfo **ret)
{
	struct addrinfo hints = {.ai_flags = flags | AI_NUMERICSERV, .ai_family = AF_UNSPEC};

	hints.ai_socktype = target->kind == TARGET_UDP ? SOCK_DGRAM : SOCK_STREAM;
	return getaddrinfo(target->host, target->port, &hints, ret);
}

/* [ms] what is left until the deadline, 0 to DIAL_MAX_MS; takes any value of another process. */
static int64_t remaining_ms(int64_t deadline_ms)
{
	int64_t now = util_now_ms();

	if (deadline_ms <= now)
		return 0;
	return deadline_ms - now < DIAL_MAX_MS ? deadline_ms - now : DIAL_MAX_MS;
}

/*
 * SO_SNDTIMEO limits a blocking connect(2), also to a UNIX socket whose queue is full, for which
 * poll(2) cannot wait.  ms 0 is no limit.  0 or -1.
 */
static int limit_connect(int fd, int64_t ms)
{
	struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int connect_within(int fd, const struct sockaddr *addr, socklen_t len, int64_t ms)
{
	int result;

	if (limit_connect(fd, ms) == -1)
		return -1;
	do /* after SIGSTOP and SIGCONT; goes on waiting for the same handshake */
		result = connect(fd, addr, len);
	while (result == -1 && errno == EINTR);
	/* What the kernel calls the end of SO_SNDTIMEO: TCP, again after EINTR, UNIX. */
	if (result == -1 && (errno == EINPROGRESS || errno == EALREADY || errno == EAGAIN))
		errno = ETIMEDOUT;
	return result == -1 ? -1 : limit_connect(fd, 0);
}

/* Returns a connected socket, or -1 with errno. */
static int open_socket(const struct sockaddr *addr, socklen_t len, int type, int64_t ms)
{
	int one = 1;
	int fd;

	if (ms == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	fd = socket(addr->sa_family, type | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (connect_within(fd, addr, len, ms) == -1)
		goto fail;
	if (type == SOCK_STREAM && addr->sa_family != AF_UNIX &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == -1)
		goto fail;
	return fd;
fail:
	util_close(fd);
	return -1;
}

static int dial_path(const struct cservd_target *target, int64_t deadline_ms)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	memcpy(addr.sun_path, target->host, strnlen(target->host, sizeof(addr.sun_path) - 1));
	return open_socket((struct sockaddr *)&addr, sizeof(addr), SOCK_STREAM,
			   remaining_ms(deadline_ms));
}

/* Each address gets its equal share of what is left; the first one's error counts, as the list is
 * in the order of preference (RFC 6724). */
static int dial_addresses(const struct addrinfo *list, int64_t deadline_ms)
{
	int64_t addresses = 0;
	int error = 0;

	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
		addresses++;
	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
		int fd = open_socket(at->ai_addr, at->ai_addrlen, at->ai_socktype,
				     remaining_ms(deadline_ms) / addresses--);

		if (fd != -1)
			return fd;
		if (error == 0)
			error = errno;
	}
	errno = error;
	return -1;
}

struct addrinfo *dial_numeric(const struct cservd_target *target)
{
	struct addrinfo *list;

	if (target->kind == TARGET_UNIX || look_up(target, AI_NUMERICHOST, &list) != 0)
		return NULL;
	return list;
}

int dial_target(const struct cservd_target *target, const struct addrinfo *numeric,
		int64_t deadline_ms, int *ret_resolve_error)
{
	struct addrinfo *list;
	int64_t limit_ms = util_now_ms() + remaining_ms(deadline_ms);
	int fd;

	*ret_resolve_error = 0;
	if (target->kind == TARGET_UNIX)
		return dial_path(target, limit_ms);
	if (numeric != NULL)
		return dial_addresses(numeric, limit_ms);
	if (remaining_ms(limit_ms) == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	*ret_resolve_error = look_up(target, 0, &list);
	if (*ret_resolve_error != 0)
		return -1;
	fd = dial_addresses(list, limit_ms);
	freeaddrinfo(list); /* keeps errno: it only frees */
	return fd;
}
