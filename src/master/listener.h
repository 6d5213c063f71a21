/* SPDX-License-Identifier: MIT */
/* listener - opens the sockets of a service; what connections can inherit is set here. */
#ifndef MASTER_LISTENER_H
#define MASTER_LISTENER_H

#include "common/settings.h"
#include "master/config.h"

/* The open sockets of a service, in the order a worker wants them: first TCP, then UDP. */
struct listeners {
	int fd[SETTINGS_LISTENERS_MAX];
	const struct endpoint *endpoint[SETTINGS_LISTENERS_MAX]; /* of the configuration */
	uint32_t count, tcp;
};

/* Open sockets of other services, for a service that comes after them. */
struct listener_pool {
	const struct listeners **sets;
	size_t count;
};

/*
 * Opens all sockets of a service, or none.  One that is in pool (or NULL) is not opened anew: a
 * duplicate of it is taken, as it is, until listener_apply().  A [::] or [::1] that stands beside
 * its IPv4 twin is left out, with a line, on a machine without IPv6.  Returns 0, or -1 with errno
 * and *ret_failed, the endpoint that failed.
 */
int listener_open_all(const struct config_service *service, const struct listener_pool *pool,
		      struct listeners *ret, const struct endpoint **ret_failed) UTIL_CHECKED;

/*
 * Gives sockets that were taken from a pool what a service is configured to have: backlog, idle
 * limit, blocking mode.  0, or -1 with errno.
 */
int listener_apply(const struct config_service *service,
		   const struct listeners *listeners) UTIL_CHECKED;

/* Closes those sockets of old that heir holds duplicates of. */
void listener_bequeath(struct listeners *old, const struct listeners *heir);

/* Whether a worker waits for several sockets, or in several processes: they must not block. */
bool listener_is_shared(const struct config_service *service);

/*
 * Gives a TCP listener the idle limit [ms], SETTINGS_UNLIMITED for none, that accepted sockets
 * inherit, which saves two system calls a connection.  0, or -1 with errno.
 */
int listener_limit_idle(int fd, uint64_t ms) UTIL_CHECKED;

/* How many TCP sockets a service is configured to have. */
uint32_t listener_count_tcp(const struct config_service *service);

/* Closes them; *listeners is empty afterwards. */
void listener_close_all(struct listeners *listeners);

#endif
