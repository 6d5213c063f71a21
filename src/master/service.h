/* SPDX-License-Identifier: MIT */
/*
 * service - one service as the master runs it: sockets, present worker, draining ones.
 *
 *	            port in use: every second            back-off
 *	          .-----------------.              .----------------.
 *	          v                 |              v                |
 *	       binding ------------'-----> starting a worker --> worker dies or fails
 *	                                           |                ^
 *	                                           '--> serving ----'
 *
 * The sockets stay open, and the kernel queues clients, whatever happens to a worker.
 */
#ifndef MASTER_SERVICE_H
#define MASTER_SERVICE_H

#include "master/backoff.h"
#include "master/child.h"
#include "master/connector.h"
#include "master/listener.h"

#define SERVICE_REASON_SIZE 512

enum service_phase {
	PHASE_STARTING, /* verdicts are collected, nobody accepts yet */
	PHASE_RUNNING,
	PHASE_STOPPING,
};

struct service;

/* What all services have in common, and whom they tell. */
struct service_group {
	enum service_phase phase;
	struct config_errors *errors; /* of PHASE_STARTING */
	/* The first verdict of a service is in. */
	void (*changed)(void);
	/* It can never run on this machine as configured: exit with this status (sysexits.h). */
	void (*impossible)(int status);
};

struct service {
	struct service_group *group;
	const struct config_service *config;
	int plugin; /* vetted */
	struct listeners listeners;
	struct child *children;	     /* all of them */
	struct child *current;	     /* the one of them that serves or will; NULL: none */
	struct connector *connector; /* of current */
	struct backoff backoff;
	struct loop_timer retry;
	bool is_settled;		  /* its first verdict is in */
	char reason[SERVICE_REASON_SIZE]; /* why it waits, as logged; empty: it does not */
};

/* Prepares a service; nothing is opened or started. */
void service_init(struct service *service, const struct config_service *config, int plugin,
		  struct service_group *group);

/*
 * Opens the sockets.  0; or -1 with errno, and a line says what that means: EACCES, at the start,
 * that it is in vain, anything else that the service waits.
 */
int service_bind(struct service *service) UTIL_CHECKED;

/* Starts a worker, or retries to bind every second if there are no sockets. */
void service_start(struct service *service);

/* Lets the present worker, ready or not, accept. */
void service_go(struct service *service);

bool service_is_ready(const struct service *service);

/* Says that the service waits; once for each reason. */
void service_wait(struct service *service, const char *why);

/* Connections that are open in all its workers. */
uint64_t service_open(const struct service *service);

/* No new worker any more; the present ones finish what is open and leave. */
void service_stop(struct service *service);

/* SIGKILL to all workers. */
void service_kill(struct service *service);

/* Closes everything; after all workers have ended. */
void service_finish(struct service *service);

#endif
