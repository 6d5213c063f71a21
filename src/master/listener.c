/* SPDX-License-Identifier: MIT */
/* listener - opens the sockets of a service; what connections can inherit is set here. */
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>

#include "common/log.h"
#include "master/listener.h"

#define UDP_BUFFER (1024 * 1024) /* [bytes] a burst waits here while a batch is handled */

/* A socket option of the kind that is just a number. */
struct option {
	int level, name, value;
};

static int set_options(int fd, const struct option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(options[i].value)) < 0)
			return -1;
	}
	return 0;
}

int listener_limit_idle(int fd, uint64_t ms)
{
	struct timeval limit = {0};

	if (ms != SETTINGS_UNLIMITED)
		limit = (struct timeval){.tv_sec = (time_t)(ms / 1000),
					 .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int set_up_tcp(int fd, const struct config_service *service)
{
	static const struct option options[] = {
		{SOL_SOCKET, SO_REUSEADDR, 1},
		{IPPROTO_TCP, TCP_NODELAY, 1},
	};

	if (set_options(fd, options, ARRAY_SIZE(options)) < 0)
		return -1;
	return listener_limit_idle(fd, service->idle_timeout);
}

static int set_up_udp(int fd, bool is_ipv6)
{
	static const struct option force = {SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER};
	static const struct option plain = {SOL_SOCKET, SO_RCVBUF, UDP_BUFFER};
	static const struct option info4 = {IPPROTO_IP, IP_PKTINFO, 1};
	static const struct option info6 = {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1};

	/* Beyond net.core.rmem_max only CAP_NET_ADMIN may go; the other call is cut to it. */
	if (set_options(fd, &force, 1) < 0 && set_options(fd, &plain, 1) < 0)
		return -1;
	return set_options(fd, is_ipv6 ? &info6 : &info4, 1);
}

static int set_up(int fd, const struct config_service *service, const struct endpoint *endpoint)
{
	static const struct option only_ipv6 = {IPPROTO_IPV6, IPV6_V6ONLY, 1};
	bool is_ipv6 = endpoint->addr.sa.sa_family == AF_INET6;

	if (is_ipv6 && set_options(fd, &only_ipv6, 1) < 0)
		return -1;
	if (endpoint->protocol == ADDR_TCP)
		return set_up_tcp(fd, service);
	return set_up_udp(fd, is_ipv6);
}

static int start_listening(int fd, const struct config_service *service)
{
	return listen(fd, service->backlog < INT_MAX ? (int)service->backlog : INT_MAX);
}

static bool is_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->protocol == b->protocol && addr_equal(&a->addr, &b->addr);
}

/* The socket for endpoint, or -1. */
static int find(const struct listeners *listeners, const struct endpoint *endpoint)
{
	for (uint32_t i = 0; i < listeners->count; i++) {
		if (is_same(listeners->endpoint[i], endpoint))
			return listeners->fd[i];
	}
	return -1;
}

/* A duplicate, or -1 with errno: 0 if the pool does not have it. */
static int take(const struct listener_pool *pool, const struct endpoint *endpoint)
{
	errno = 0;
	for (size_t i = 0; pool != NULL && i < pool->count; i++) {
		int fd = find(pool->sets[i], endpoint);

		if (fd >= 0)
			return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

/* One new socket, or -1 with errno. */
static int open_one(const struct config_service *service, const struct endpoint *endpoint)
{
	bool is_tcp = endpoint->protocol == ADDR_TCP;
	int type = is_tcp ? SOCK_STREAM : SOCK_DGRAM;
	int fd;

	if (is_tcp && listener_is_shared(service))
		type |= SOCK_NONBLOCK;
	fd = socket(endpoint->addr.sa.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (set_up(fd, service, endpoint) == 0 &&
	    bind(fd, &endpoint->addr.sa, addr_len(&endpoint->addr)) == 0 &&
	    (!is_tcp || start_listening(fd, service) == 0))
		return fd;
	util_close(fd);
	return -1;
}

static bool is_ipv4_twin(const struct endpoint *four, const struct endpoint *six)
{
	return four->addr.sa.sa_family == AF_INET && four->protocol == six->protocol &&
	       addr_port(&four->addr) == addr_port(&six->addr) &&
	       addr_is_wildcard(&four->addr) == addr_is_wildcard(&six->addr) &&
	       addr_is_loopback(&four->addr) == addr_is_loopback(&six->addr);
}

/*
 * A bare port and localhost stand for both families; a machine without IPv6 is no reason to
 * keep such a service waiting for ever.
 */
static bool can_do_without(const struct config_service *service, const struct endpoint *six)
{
	if (six->addr.sa.sa_family != AF_INET6 ||
	    (!addr_is_wildcard(&six->addr) && !addr_is_loopback(&six->addr)))
		return false;
	for (size_t i = 0; i < service->listeners; i++) {
		if (is_ipv4_twin(&service->listen[i], six))
			return true;
	}
	return false;
}

/* Opens endpoint and adds it; 0 as well if it can be done without. */
static int add_one(const struct config_service *service, const struct endpoint *endpoint,
		   const struct listener_pool *pool, struct listeners *listeners)
{
	char text[ENDPOINT_TEXT_SIZE];
	int fd = take(pool, endpoint);

	if (fd < 0 && errno == 0)
		fd = open_one(service, endpoint);
	if (fd >= 0) {
		listeners->endpoint[listeners->count] = endpoint;
		listeners->fd[listeners->count++] = fd;
		return 0;
	}
	if ((errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) || !can_do_without(service, endpoint))
		return -1;
	log_info("%s: without %s: this machine has no IPv6", service->name,
		 endpoint_format(endpoint, text));
	return 0;
}

static int add_protocol(const struct config_service *service, enum addr_protocol protocol,
			const struct listener_pool *pool, struct listeners *listeners,
			const struct endpoint **ret_failed)
{
	for (size_t i = 0; i < service->listeners; i++) {
		const struct endpoint *endpoint = &service->listen[i];

		if (endpoint->protocol == protocol &&
		    add_one(service, endpoint, pool, listeners) < 0) {
			*ret_failed = endpoint;
			return -1;
		}
	}
	return 0;
}

uint32_t listener_count_tcp(const struct config_service *service)
{
	uint32_t count = 0;

	for (size_t i = 0; i < service->listeners; i++)
		count += service->listen[i].protocol == ADDR_TCP;
	return count;
}

bool listener_is_shared(const struct config_service *service)
{
	return listener_count_tcp(service) > 1 || service->concurrency == CONCURRENCY_PROCESS;
}

static int apply(const struct config_service *service, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	flags = listener_is_shared(service) ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(fd, F_SETFL, flags) < 0 || start_listening(fd, service) < 0)
		return -1;
	return listener_limit_idle(fd, service->idle_timeout);
}

int listener_apply(const struct config_service *service, const struct listeners *listeners)
{
	for (uint32_t i = 0; i < listeners->tcp; i++) {
		if (apply(service, listeners->fd[i]) < 0)
			return -1;
	}
	return 0;
}

int listener_open_all(const struct config_service *service, const struct listener_pool *pool,
		      struct listeners *ret, const struct endpoint **ret_failed)
{
	*ret = (struct listeners){.count = 0};
	if (add_protocol(service, ADDR_TCP, pool, ret, ret_failed) == 0) {
		ret->tcp = ret->count;
		if (add_protocol(service, ADDR_UDP, pool, ret, ret_failed) == 0)
			return 0;
	}
	listener_close_all(ret);
	return -1;
}

void listener_bequeath(struct listeners *old, const struct listeners *heir)
{
	struct listeners kept = {.count = 0};

	for (uint32_t i = 0; i < old->count; i++) {
		if (find(heir, old->endpoint[i]) >= 0) {
			util_close(old->fd[i]);
			continue;
		}
		kept.endpoint[kept.count] = old->endpoint[i];
		kept.fd[kept.count++] = old->fd[i];
		kept.tcp += i < old->tcp;
	}
	*old = kept;
}

void listener_close_all(struct listeners *listeners)
{
	for (uint32_t i = 0; i < listeners->count; i++)
		util_close(listeners->fd[i]);
	*listeners = (struct listeners){.count = 0};
}
