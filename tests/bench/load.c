/* SPDX-License-Identifier: MIT */
/*
 * load - keeps some connections busy with request and response, and says how many there were.
 *
 * load PORT CLIENTS MILLISECONDS: each client sends 64 bytes to 127.0.0.1 and waits for as many
 * before it sends again.  Prints the number of answers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"

#define SIZE   64 /* [bytes] */
#define EVENTS 64

static unsigned long long answers;

static int open_client(uint16_t port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
		return -1;
	return fd;
}

static int ask(int fd)
{
	char request[SIZE];

	memset(request, 'a', sizeof(request));
	request[SIZE - 1] = '\n';
	return send(fd, request, sizeof(request), MSG_NOSIGNAL) == SIZE ? 0 : -1;
}

/* Takes an answer, of which a part may come alone, and asks again. */
static int turn(int fd)
{
	static size_t missing[1024]; /* by descriptor: of the answer that comes */
	char bytes[SIZE];
	ssize_t n;

	if (missing[fd] == 0)
		missing[fd] = SIZE;
	n = recv(fd, bytes, missing[fd], 0);
	if (n <= 0)
		return -1;
	missing[fd] -= (size_t)n;
	if (missing[fd] > 0)
		return 0;
	answers++;
	return ask(fd);
}

static int start(int epoll, uint16_t port, int clients)
{
	for (int i = 0; i < clients; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = open_client(port)};

		if (event.data.fd < 0 ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0 ||
		    ask(event.data.fd) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char *argv[])
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int64_t end;

	if (argc != 4 || atoi(argv[2]) > 1000) {
		(void)fprintf(stderr, "usage: load PORT CLIENTS MILLISECONDS\n");
		return 64;
	}
	if (epoll < 0 || start(epoll, (uint16_t)atoi(argv[1]), atoi(argv[2])) < 0) {
		perror("load");
		return 1;
	}
	end = util_now_ms() + atoi(argv[3]);
	while (util_now_ms() < end) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(epoll, events, EVENTS, 100);

		for (int i = 0; i < count; i++) {
			if (turn(events[i].data.fd) < 0) {
				perror("load");
				return 1;
			}
		}
	}
	printf("%llu\n", answers);
	return 0;
}
