/* SPDX-License-Identifier: MIT */
/*
 * doorbell - watches the sockets of a service from outside, without taking anything from them.
 *
 * It tells when a socket broke, and, as often as it is armed, once that a client knocks; so a
 * service that nobody uses wakes nobody.
 */
#ifndef MASTER_DOORBELL_H
#define MASTER_DOORBELL_H

#include "master/listener.h"
#include "master/loop.h"

struct doorbell;

struct doorbell_events {
	void (*rang)(struct doorbell *bell); /* a client knocks; not armed any more */
	/* A listener no longer listens; if it does not when this returns, it is not watched any
	 * more. */
	void (*broke)(struct doorbell *bell);
};

/* All zero is one that is not hung up. */
struct doorbell {
	const struct doorbell_events *events;
	struct doorbell_button {
		struct loop_watch watch; /* fd -1: not watched */
		struct doorbell *bell;
	} button[SETTINGS_LISTENERS_MAX];
	uint32_t count;
};

/* Watches these sockets; nothing if it does so already.  0, or -1 with errno. */
int doorbell_hang(struct doorbell *bell, const struct listeners *listeners,
		  const struct doorbell_events *events) UTIL_CHECKED;

/* From now on the next client rings, or one that waits already.  0, or -1 with errno. */
int doorbell_arm(struct doorbell *bell) UTIL_CHECKED;

/* Not any more: a busy service need not wake us for each client. */
void doorbell_disarm(struct doorbell *bell);

/* Whether a client waits at one of the sockets. */
bool doorbell_has_client(const struct doorbell *bell);

/* Ends the watching; before the sockets are closed.  One that is not hung up is fine. */
void doorbell_take_down(struct doorbell *bell);

#endif
