/* SPDX-License-Identifier: MIT */
/* sockets - what the tests of outgoing connections knock at; failures end the running test. */
#ifndef UNIT_SOCKETS_H
#define UNIT_SOCKETS_H

#include <stddef.h>
#include <sys/un.h>

#define SOCKETS_FIRST	   64
#define SOCKETS_WHERE_SIZE 128
#define SOCKETS_SEND	   4

/* Moves fd to SOCKETS_FIRST or above, away from the numbers of a worker's descriptors. */
int sockets_lift(int fd);

/* How many descriptors this process has. */
int sockets_count(void);

/* A socket of this type on a free port of 127.0.0.1 or [::1]; without IPv6 skips the test. */
int sockets_bind(int family, int type);

/* Writes host, the port of fd, and suffix as a target; returns where. */
const char *sockets_name(char where[SOCKETS_WHERE_SIZE], const char *host, int fd,
			 const char *suffix);

/* Sends one message of size bytes that carries count descriptors, at most SOCKETS_SEND. */
void sockets_send(int fd, const void *bytes, size_t size, const int *fds, size_t count);

/* fd and the accepted other end of it carry bytes both ways; closes both and listener. */
void sockets_assert_connected(int listener, int fd);

/* A UNIX listener in a directory of its own. */
struct path_listener {
	int fd;
	struct sockaddr_un addr;
	char where[SOCKETS_WHERE_SIZE];
};

void path_listener_init(struct path_listener *listener, int backlog);

/* Removes the path; the descriptor stays. */
void path_listener_finish(const struct path_listener *listener);

/* A TCP listener whose queue is full: the kernel drops what else knocks, nobody answers. */
struct black_hole {
	int listener;
	int queued[2];
	char where[SOCKETS_WHERE_SIZE];
};

void black_hole_init(struct black_hole *hole);
void black_hole_finish(const struct black_hole *hole);

#endif
