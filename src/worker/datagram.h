/* SPDX-License-Identifier: MIT */
/*
 * datagram - one thread for each UDP listener: receives in batches, runs the datagram handler,
 * sends the replies in batches.
 */
#ifndef WORKER_DATAGRAM_H
#define WORKER_DATAGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/util.h"

/* Creates a thread for each UDP listener, in the nursery.  0 or -1 with errno. */
int datagram_start(void) UTIL_CHECKED;

/* Datagram threads alive. */
uint32_t datagram_count(void);

/* Whether a handler is running.  Keeper only, as the next. */
bool datagram_is_busy(void);

/* Whether a handler has been running for ms [ms], as far as calls of this function have seen. */
bool datagram_is_hung(int64_t now_ms, int64_t ms);

/* Interrupts those that wait (thread_is_stopping() tells them to leave). */
void datagram_interrupt(void);

#endif
