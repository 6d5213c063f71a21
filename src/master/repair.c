/* SPDX-License-Identifier: MIT */
/* repair - makes listeners right again that a worker has changed. */
#include "master/repair.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>

#include "common/log.h"

/* Each returns 1 if it had to restore something, 0 if not, -1 with errno if it could not. */
typedef int mend(int fd, const struct config_service *service);

static int mend_listening(int fd, const struct config_service *service)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0)
		return -1;
	if (listens)
		return 0;
	return listen(fd, service->backlog < INT_MAX ? (int)service->backlog : INT_MAX) < 0 ? -1
											    : 1;
}

static int mend_blocking(int fd, const struct config_service *service)
{
	int flags = fcntl(fd, F_GETFL);
	int wanted = listener_is_shared(service) ? O_NONBLOCK : 0;

	if (flags < 0)
		return -1;
	if ((flags & O_NONBLOCK) == wanted)
		return 0;
	return fcntl(fd, F_SETFL, (flags & ~O_NONBLOCK) | wanted) < 0 ? -1 : 1;
}

static bool has_limit(int fd, int name, uint64_t ms)
{
	struct timeval now = {0};
	socklen_t len = sizeof(now);
	int64_t wanted = ms == SETTINGS_UNLIMITED ? 0 : (int64_t)ms;
	int64_t has;

	if (getsockopt(fd, SOL_SOCKET, name, &now, &len) < 0)
		return false;
	has = (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000;
	/* The kernel keeps it in ticks, of at most 10 ms. */
	return has > wanted - 10 && has < wanted + 10;
}

static int mend_limits(int fd, const struct config_service *service)
{
	if (has_limit(fd, SO_RCVTIMEO, service->idle_timeout) &&
	    has_limit(fd, SO_SNDTIMEO, service->idle_timeout))
		return 0;
	return listener_limit_idle(fd, service->idle_timeout) < 0 ? -1 : 1;
}

/* A UDP socket that was connected hears one peer alone. */
static int mend_hearing(int fd, const struct config_service *service)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	union addr peer;
	socklen_t peer_len = sizeof(peer);
	int error;
	socklen_t len = sizeof(error);

	(void)service;						  /* as the others have it */
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len); /* which takes it away */
	if (getpeername(fd, &peer.sa, &peer_len) < 0)
		return 0;
	return connect(fd, &nobody, sizeof(nobody)) < 0 ? -1 : 1;
}

static const struct {
	enum addr_protocol protocol;
	mend *mend;
	const char *what;
} mends[] = {
	{ADDR_TCP, mend_listening, "no longer listened"},
	{ADDR_TCP, mend_blocking, "had another blocking mode"},
	{ADDR_TCP, mend_limits, "had other time limits"},
	{ADDR_UDP, mend_hearing, "heard one peer only"},
};

static void repair_one(const struct config_service *service, int fd,
		       const struct endpoint *endpoint)
{
	char where[ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(mends); i++) {
		int result;

		if (mends[i].protocol != endpoint->protocol)
			continue;
		result = mends[i].mend(fd, service);
		if (result > 0)
			log_warning("%s: %s %s after a worker changed it: restored", service->name,
				    endpoint_format(endpoint, where), mends[i].what);
		else if (result < 0)
			log_error("%s: %s %s, and cannot be restored: %m; restart cservd",
				  service->name, endpoint_format(endpoint, where), mends[i].what);
	}
}

void repair_listeners(const struct config_service *service, const struct listeners *listeners)
{
	for (uint32_t i = 0; i < listeners->count; i++)
		repair_one(service, listeners->fd[i], listeners->endpoint[i]);
}
