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

/*
 * Opens all sockets of a service, or none.  A [::] or [::1] that stands beside its IPv4 twin is
 * left out, with a line, on a machine without IPv6.  Returns 0, or -1 with errno and *ret_failed,
 * the endpoint that failed.
 */
int listener_open_all(const struct config_service *service, struct listeners *ret,
		      const struct endpoint **ret_failed) UTIL_CHECKED;

/* How many TCP sockets a service is configured to have. */
uint32_t listener_count_tcp(const struct config_service *service);

/* Closes them; *listeners is empty afterwards. */
void listener_close_all(struct listeners *listeners);

#endif
