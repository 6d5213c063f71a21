/* SPDX-License-Identifier: MIT */
/* sockets - what the tests of outgoing connections knock at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "sockets.h"

int sockets_lift(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, SOCKETS_FIRST);

	assert_int_not_equal(high, -1);
	assert_int_equal(close(fd), 0);
	return high;
}

int sockets_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	assert_int_equal(closedir(dir), 0);
	return count;
}

int sockets_bind(int family, int type)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (family == AF_INET)
		assert_int_equal(bind(fd, (struct sockaddr *)&in4, sizeof(in4)), 0);
	else if (fd == -1 || bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == -1)
		skip(); /* no IPv6 here */
	return sockets_lift(fd);
}

const char *sockets_name(char where[SOCKETS_WHERE_SIZE], const char *host, int fd,
			 const char *suffix)
{
	struct sockaddr_in6 addr; /* the port is where sockaddr_in has it */
	socklen_t len = sizeof(addr);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	(void)snprintf(where, SOCKETS_WHERE_SIZE, "%s:%u%s", host, ntohs(addr.sin6_port),
		       suffix); /* cut, it would not connect */
	return where;
}

void sockets_send(int fd, const void *bytes, size_t size, const int *fds, size_t count)
{
	union {
		char bytes[CMSG_SPACE(SOCKETS_SEND * sizeof(int))];
		struct cmsghdr header;
	} control = {.header = {.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS,
				.cmsg_len = CMSG_LEN(count * sizeof(int))}};
	struct iovec data = {.iov_base = (void *)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	if (count > 0) {
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), (ssize_t)size);
}

void sockets_assert_connected(int listener, int fd)
{
	int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char text[4];

	assert_int_not_equal(accepted, -1);
	assert_int_equal(send(fd, "ping", 4, MSG_NOSIGNAL), 4);
	assert_int_equal(recv(accepted, text, 4, MSG_WAITALL), 4);
	assert_int_equal(send(accepted, "pong", 4, MSG_NOSIGNAL), 4);
	assert_int_equal(recv(fd, text, 4, MSG_WAITALL), 4);
	assert_memory_equal(text, "pong", 4);
	assert_int_equal(close(accepted), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(listener), 0);
}

void path_listener_init(struct path_listener *listener, int backlog)
{
	char directory[] = "/tmp/cservd-test.XXXXXX";

	assert_non_null(mkdtemp(directory));
	memset(listener, 0, sizeof(*listener));
	listener->fd = sockets_lift(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	listener->addr.sun_family = AF_UNIX;
	(void)snprintf(listener->addr.sun_path, sizeof(listener->addr.sun_path), "%s/s",
		       directory);							  /* fits */
	(void)snprintf(listener->where, sizeof(listener->where), "unix:%s/s", directory); /* fits */
	assert_int_equal(
		bind(listener->fd, (struct sockaddr *)&listener->addr, sizeof(listener->addr)), 0);
	assert_int_equal(listen(listener->fd, backlog), 0);
}

void path_listener_finish(const struct path_listener *listener)
{
	char path[sizeof(listener->addr.sun_path)];

	memcpy(path, listener->addr.sun_path, sizeof(path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dirname(path)), 0);
}

void black_hole_init(struct black_hole *hole)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	hole->listener = sockets_bind(AF_INET, SOCK_STREAM);
	assert_int_equal(listen(hole->listener, 0), 0);
	assert_int_equal(getsockname(hole->listener, (struct sockaddr *)&addr, &len), 0);
	for (size_t i = 0; i < ARRAY_SIZE(hole->queued); i++) {
		hole->queued[i] = sockets_lift(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		assert_int_equal(connect(hole->queued[i], (struct sockaddr *)&addr, len), -1);
		assert_int_equal(errno, EINPROGRESS);
	}
	(void)sockets_name(hole->where, "127.0.0.1", hole->listener, "");
}

void black_hole_finish(const struct black_hole *hole)
{
	assert_int_equal(close(hole->listener), 0);
	for (size_t i = 0; i < ARRAY_SIZE(hole->queued); i++)
		assert_int_equal(close(hole->queued[i]), 0);
}
