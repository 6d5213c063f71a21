/* SPDX-License-Identifier: MIT */
/*
 * report - messages to the master.
 *
 * Connection and datagram threads never write: report_push() puts a message into a ring
 * without waiting, the keeper sends it (report_flush()).  Before the keeper runs, and in
 * the SIGSYS handler, report_now() writes at once.
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include <stdarg.h>

#include "common/message.h"

/* Prepares the ring; a full ring or pipe drops and counts.  0 or -1 with errno. */
int report_init(void) UTIL_CHECKED;

/* From now on report_push() uses the ring: the keeper is there to send it. */
void report_keeper_runs(void);

/* In a forked process: report_push() writes at once again, and no bell rings. */
void report_enter_child(void);

/* A message of this type, all else zero, with the calling thread's id and peer. */
void report_prepare(struct message *message, enum message_type type);

/* Queues *message; wakes the keeper if it asked for that.  Any thread, never blocks. */
void report_push(const struct message *message);

/* Writes *message into the pipe at once; async-signal-safe.  0, or -1: a full pipe lost it. */
int report_now(const struct message *message);

/* Rings the keeper's bell whether or not there is a message; from any thread. */
void report_ring(void);

/* The eventfd that becomes readable when the keeper should call report_flush(). */
int report_bell(void);

/*
 * Sends what is queued, whole batches at a time.  Keeper only.  Returns 1 if there was anything
 * (or is, where the pipe is full), so that it pays to come again soon; else 0.
 */
int report_flush(void);

/*
 * Announces that the keeper is about to wait for the bell.  Returns 1 if it may, 0 if a message
 * came in meanwhile and report_flush() should run again.  Keeper only.
 */
int report_sleep(void);

/* MESSAGE_WRONG, MESSAGE_READY, MESSAGE_FAILED with a printf text, at once. */
void report_state(enum message_type type, const char *fmt, ...) UTIL_PRINTF(2, 3);

/* MESSAGE_LOG: a line of the worker itself. */
void report_log(int priority, const char *fmt, ...) UTIL_PRINTF(2, 3);

#endif
