/* SPDX-License-Identifier: MIT */
/* reach - where cservc goes: HOST PORT/PROTO taken apart, resolved, connected. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "tools/reach.h"

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	errno = EINVAL;
	return -1;
}

static int parse_host(const char *host, struct reach_target *ret, const char **ret_why)
{
	size_t len = strlen(host);

	ret->is_literal = host[0] == '[';
	if (ret->is_literal && host[len - 1] != ']')
		return refuse(ret_why, "the closing ] is missing");
	if (ret->is_literal) {
		host++;
		len -= 2;
	}
	if (len == 0)
		return refuse(ret_why, "the host is missing");
	if (len >= sizeof(ret->host))
		return refuse(ret_why, "a host name has at most 253 characters");
	memcpy(ret->host, host, len);
	ret->host[len] = '\0';
	return 0;
}

static int parse_port(const char *port, struct reach_target *ret, const char **ret_why)
{
	struct endpoint endpoints[ADDR_LISTEN_MAX];

	if (strpbrk(port, "[:"))
		return refuse(ret_why, "write the host and PORT/PROTO as two words");
	if (addr_parse_listen(port, endpoints, ret_why) < 0)
		return -1;
	ret->port = addr_port(&endpoints[0].addr);
	ret->protocol = endpoints[0].protocol;
	return 0;
}

static int connect_within(int fd, const struct addrinfo *where, int ms)
{
	int error = 0, ready;
	socklen_t size = sizeof(error);

	if (connect(fd, where->ai_addr, where->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -1;
	ready = reach_wait(fd, POLLOUT, util_now_ms() + ms);
	if (ready == 0)
		errno = REACH_TIMEOUT;
	if (ready <= 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		return -1;
	errno = error;
	return error == 0 ? 0 : -1;
}

static void describe(struct reach *reach, const struct addrinfo *where)
{
	struct endpoint endpoint = {.protocol = reach->target.protocol};

	if (where->ai_addrlen <= sizeof(endpoint.addr))
		memcpy(&endpoint.addr, where->ai_addr, where->ai_addrlen);
	(void)endpoint_format(&endpoint, reach->text);
}

static int connect_to(struct reach *reach, const struct addrinfo *where)
{
	int type = where->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC;
	CLEANUP_CLOSE int fd = -1;
	int connected;

	describe(reach, where);
	fd = socket(where->ai_family, type, where->ai_protocol);
	if (fd < 0 || connect_within(fd, where, reach->wait_ms) != 0)
		return -1;
	connected = fd;
	fd = -1;
	return connected;
}

int reach_parse(const char *host, const char *port, struct reach_target *ret,
		const char **ret_wrong, const char **ret_why)
{
	*ret = (struct reach_target){0};
	*ret_wrong = host;
	if (parse_host(host, ret, ret_why) != 0)
		return -1;
	*ret_wrong = port;
	return parse_port(port, ret, ret_why);
}

int reach_resolve(struct reach *reach, const char **ret_why)
{
	bool is_tcp = reach->target.protocol == ADDR_TCP;
	struct addrinfo hints = {
		.ai_family = reach->target.is_literal && reach->family == AF_UNSPEC ? AF_INET6
										    : reach->family,
		.ai_socktype = is_tcp ? SOCK_STREAM : SOCK_DGRAM,
		.ai_flags = AI_NUMERICSERV | (reach->target.is_literal ? AI_NUMERICHOST : 0),
	};
	char port[8];
	int result;

	(void)snprintf(port, sizeof(port), "%u", reach->target.port);
	result = getaddrinfo(reach->target.host, port, &hints, &reach->all);
	reach->next = reach->all;
	if (result == 0)
		return 0;
	*ret_why = result == EAI_SYSTEM ? strerror(errno) : gai_strerror(result);
	return -1;
}

int reach_connect(struct reach *reach)
{
	while (reach->next) {
		int fd = connect_to(reach, reach->next);

		reach->next = reach->next->ai_next;
		if (fd >= 0)
			return fd;
		reach_note(reach, errno);
	}
	return -1;
}

void reach_note(struct reach *reach, int error)
{
	struct reach_failure *failure = &reach->failures[reach->failed];

	if (reach->failed == REACH_FAILURES)
		return;
	memcpy(failure->text, reach->text, sizeof(failure->text));
	failure->error = error;
	reach->failed++;
}

void reach_report(struct reach *reach)
{
	for (size_t i = 0; i < reach->failed; i++) {
		const struct reach_failure *failure = &reach->failures[i];
		const char *why = strerror(failure->error);

		if (failure->error == REACH_TIMEOUT)
			log_error("no answer from %s within %g s", failure->text,
				  reach->wait_ms / 1000.0);
		else if (failure->error == ECONNREFUSED)
			log_error("%s: %s: nothing listens there", failure->text, why);
		else
			log_error("%s: %s", failure->text, why);
	}
	reach->failed = 0;
}

int reach_wait(int fd, short events, int64_t deadline_ms)
{
	struct pollfd ready = {.fd = fd, .events = events};
	int result;

	do {
		int64_t left = deadline_ms - util_now_ms();

		result = poll(&ready, 1, left > 0 ? (int)left : 0);
	} while (result < 0 && errno == EINTR);
	return result;
}

void reach_finish(struct reach *reach)
{
	if (reach->all)
		freeaddrinfo(reach->all);
	reach->all = reach->next = NULL;
}
