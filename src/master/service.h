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
 *	                                                 |    ^
 *	         asked for a successor, or silent (pulse.h)   | is ready: serves, and the old
 *	                                                 v    | worker drains
 *	                                           starting a successor
 *
 * A tainted worker (a handler tried a denied call) drains at once, before its successor is ready.
 * The sockets stay open, and the kernel queues clients, whatever happens to a worker.
 */
#ifndef MASTER_SERVICE_H
#define MASTER_SERVICE_H

#include "master/backoff.h"
#include "master/child.h"
#include "master/connector.h"
#include "master/doorbell.h"
#include "master/listener.h"
#include "master/penalty.h"

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
	bool is_trial;		      /* all or nothing: what makes a service wait is an error */
	const struct listener_pool *pool; /* sockets that need not be opened; NULL: none */
	/* The first verdict of a service is in. */
	void (*changed)(void);
	/* It can never run on this machine as configured: exit with this status (sysexits.h). */
	void (*impossible)(int status);
};

struct service {
	struct service *next; /* for an owner's list */
	struct service_group *group;
	const struct config_service *config;
	int plugin; /* vetted */
	struct listeners listeners;
	struct child *children;		/* all of them */
	struct child *current;		/* the one of them that serves or will; NULL: none */
	struct child *successor;	/* what current becomes once it is ready; NULL: none */
	struct backoff backoff, taints; /* after deaths and after denied calls */
	struct loop_timer retry;	/* the next worker is started then */
	struct doorbell bell;
	struct loop_timer pulse; /* the next look at its workers; while the bell is not armed */
	struct penalty penalty;
	bool is_retired;		  /* no worker is started any more */
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

/* No new worker any more; the present ones finish what is open, within drain_timeout, and leave.
 * The ports are closed. */
void service_stop(struct service *service);

/*
 * As service_stop(), but the workers have as long as they need (one that hangs is ended all the
 * same).  Sockets that somebody else accepts on were taken away before, after doorbell_take_down()
 * (listener_bequeath()).  Once service->children is NULL, which group->changed() is told,
 * service_finish() may follow; the memory, and the configuration, must last until the loop turns
 * again.
 */
void service_retire(struct service *service);

/* SIGKILL to all workers. */
void service_kill(struct service *service);

/* Closes everything; after all workers have ended. */
void service_finish(struct service *service);

#endif
