/* SPDX-License-Identifier: MIT */
/*
 * process - concurrency = process: the worker accepts and forks, and never has a second thread.
 *
 *	keeper -- accept, fork --> a process for each connection    child.c
 *	  |   \-- fork ----------> one for all UDP listeners        child.c
 *	  '-- its channel, its end: counted, reported, killed where it does not end by itself
 *
 * While max_connections processes are alive nothing is accepted: the kernel's queue holds the
 * clients.  All functions are the keeper's.  With concurrency = thread nothing is initialised, and
 * all but process_init(), process_go() and process_stop_accepting() find nothing to do.
 */
#ifndef WORKER_PROCESS_H
#define WORKER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/util.h"
#include "worker/conn.h"

/* Slots, descriptors, signals; after child_init() and before the sandbox.  0 or -1 with errno. */
int process_init(void) UTIL_CHECKED;

/* Accepts and receives from now on. */
void process_go(void);

/* Neither any more; the process of the datagrams ends, and cservd_draining() says yes. */
void process_stop_accepting(void);

/* Becomes readable when process_turn() has something to do; -1 with concurrency = thread. */
int process_fd(void);

/* Does it, without waiting. */
void process_turn(void);

/* [ms] CLOCK_MONOTONIC: when process_keep_time() wants to be called, INT64_MAX for never. */
int64_t process_due(void);
void process_keep_time(int64_t now);

/* Cuts the connections older than age_ms (0: all); what has not ended 1 s later is killed. */
void process_cut_all(enum conn_cut reason, int64_t age_ms);

/* Processes alive, and connections that wait for one. */
uint32_t process_count(void);

#endif
