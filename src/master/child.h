/* SPDX-License-Identifier: MIT */
/*
 * child - one process running cservd-worker: its descriptors, what it says, its end.
 *
 *	              commands (SOCK_SEQPACKET)
 *	  master  ------------------------------->  cservd-worker
 *	  child.c <-------------------------------
 *	     |        messages (pipe)                 |
 *	     |`-- pidfd: its end                      |
 *	     `--- board (read-only) <-----------------'
 *
 * What a child says before it ends is always read before its end is told.
 */
#ifndef MASTER_CHILD_H
#define MASTER_CHILD_H

#include "common/board.h"
#include "common/message.h"
#include "master/collect.h"
#include "master/config.h"
#include "master/listener.h"
#include "master/loop.h"

struct child;
struct connector;

/* What the owner of a child wants to know; both must be set. */
struct child_events {
	/* MESSAGE_READY, MESSAGE_WRONG, MESSAGE_FAILED and, from one that serves, MESSAGE_ALIVE
	 * and, once, MESSAGE_REPLACE; other messages are logged. */
	void (*said)(struct child *child, const struct message *message);
	/* It is gone; how is "died: Segmentation fault" or "exited with status 3".  The child is
	 * freed when this returns. */
	void (*ended)(struct child *child, const char *how);
};

enum child_state {
	CHILD_LOADING,
	CHILD_READY, /* it said so, and lives */
	CHILD_DRAINING,
};

struct child {
	struct child *next; /* for the owner's list */
	const struct child_events *events;
	void *owner;
	const struct config_service *service;
	enum worker_mode mode;
	enum child_state state;
	int64_t ready_ms; /* [ms] CLOCK_MONOTONIC */
	bool has_verdict; /* it said MESSAGE_WRONG or MESSAGE_FAILED */
	bool is_killed;	  /* by child_kill() */
	bool has_asked;	  /* for a successor; asking again is ignored */
	bool has_stopped; /* accepting, it said, after child_drain() */
	/* The owner's: its successor was decided on; it tried a denied call. */
	bool is_replaced, is_tainted;
	int status;	   /* exit status once it ended; -1 after a signal */
	int signal;	   /* that ended it, else 0 */
	int64_t pinged_ms; /* [ms] the first COMMAND_PING without an answer; 0: none */
	uint64_t seen;	   /* what its counters came to at the last look (pulse.h) */
	pid_t pid;
	struct loop_watch end;	    /* pidfd */
	struct loop_watch messages; /* fd -1 once a bad message came */
	int commands;
	int targets;		     /* memfd; MODE_SERVE, else -1 */
	int requests;		     /* the connector's end of its socket; likewise */
	const struct board *board;   /* MODE_SERVE, else NULL; hostile */
	struct connector *connector; /* the owner's */
	struct loop_timer deadline;  /* it is killed then */
	struct collect collect;
};

/* What to start. */
struct child_plan {
	const struct config_service *service;
	enum worker_mode mode;
	int plugin;			   /* vetted, -1 for MODE_CONNECTOR */
	const struct listeners *listeners; /* MODE_SERVE, else NULL */
	int targets, requests;		   /* MODE_CONNECTOR: those of the worker; else -1 */
	uint64_t start_ms;		   /* [ms] to be ready in, or it is killed; 0: no limit */
	const struct child_events *events;
	void *owner;
};

/* The level that workers are told: less urgent lines need not be sent. */
void child_init(int log_level);

/* From now on none is called whenever the last child, of whatever mode, is gone. */
void child_watch_last(void (*none)(void));

bool child_is_any(void);

/* Starts it; NULL with errno.  It lives until it has ended. */
struct child *child_start(const struct child_plan *plan);

/* Queues COMMAND_GO, which counts once the child is ready. */
void child_go(struct child *child);

/* Asks for a sign of life, which ends child->pinged_ms when it comes. */
void child_ping(struct child *child);

/* Takes what it has said already, without waiting for the loop to come to it. */
void child_hear(struct child *child);

/* Has it stop accepting, finish within ms (COMMAND_NO_LIMIT), and kills it 2 s after that.  Asked
 * again, the shorter time counts. */
void child_drain(struct child *child, uint64_t ms);

/* SIGKILL; its end is told as any other. */
void child_kill(struct child *child);

/* [ms] since it was ready; -1 if it never was. */
int64_t child_lived_ms(const struct child *child);

#endif
