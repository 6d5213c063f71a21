/* SPDX-License-Identifier: MIT */
/*
 * loop - the one event loop of the master: descriptors, timers, signals.
 *
 * State is private to loop.c: a process has one loop.  It sleeps without limit while no
 * timer is set.
 */
#ifndef MASTER_LOOP_H
#define MASTER_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "common/util.h"

/* The object of this type that has *pointer as its member. */
#define LOOP_OWNER(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A descriptor to watch, part of the object that owns it.  A callback may remove or free any. */
struct loop_watch {
	int fd;
	void (*ready)(struct loop_watch *watch, uint32_t events); /* EPOLL* bits */
};

/* Something to do later, once; all zero but .expired is a timer that is not set. */
struct loop_timer {
	void (*expired)(struct loop_timer *timer);
	int64_t due_ms; /* [ms] CLOCK_MONOTONIC */
	bool is_set;
	struct loop_timer *next;
};

/* Prepares the loop and ignores SIGPIPE; call once.  0 or -1 with errno. */
int loop_init(void) UTIL_CHECKED;

/*
 * From now on SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 are blocked and given to on_signal from
 * within loop_run().  0 or -1 with errno.
 */
int loop_take_signals(void (*on_signal)(int number)) UTIL_CHECKED;

/* Calls watch->ready whenever watch->fd has one of events (level-triggered).  0 or -1. */
int loop_add(struct loop_watch *watch, uint32_t events) UTIL_CHECKED;

/* Other events for a watch that was added; hang-up and errors (EPOLLHUP, EPOLLERR) are always
 * among them, so that 0 means only these.  0 or -1. */
int loop_change(struct loop_watch *watch, uint32_t events) UTIL_CHECKED;

/* Ends that; before watch->fd is closed. */
void loop_remove(struct loop_watch *watch);

/* Calls timer->expired once, ms from now; a timer already set moves. */
void loop_set_timer(struct loop_timer *timer, uint64_t ms);

/* Forgets a timer, set or not. */
void loop_clear_timer(struct loop_timer *timer);

/* Runs until loop_stop() is called, or not at all if that was before.  0, or -1 with errno. */
int loop_run(void) UTIL_CHECKED;

void loop_stop(void);

#endif
