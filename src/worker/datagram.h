/* SPDX-License-Identifier: MIT */
/*
 * datagram - one thread for each UDP listener: receives in batches, runs the datagram handler,
 * sends the replies in batches.
 */
#ifndef WORKER_DATAGRAM_H
#define WORKER_DATAGRAM_H

#include <stdint.h>

#include "common/util.h"

/* Creates a thread for each UDP listener, in the nursery.  0 or -1 with errno. */
int datagram_start(void) UTIL_CHECKED;

/* Datagram threads alive. */
uint32_t datagram_count(void);

/* Interrupts those that wait (thread_is_stopping() tells them to leave). */
void datagram_interrupt(void);

#endif
