/* SPDX-License-Identifier: MIT */
/*
 * watch - notices that this worker should be replaced: it has more than max_memory, or a handler
 * hangs.
 *
 * Looks are taken by the keeper, once a second, only while there are clients.
 */
#ifndef WORKER_WATCH_H
#define WORKER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define WATCH_MS 1000 /* [ms] between two looks */

/* Before the plugin is loaded, so that its memory counts and ours does not; before any sandbox. */
void watch_init(void);

/* A client came: looks are needed.  Any thread; one atomic load while they are being taken. */
void watch_stir(void);

/* Whether clients came since watch_look() last said that none are there.  Keeper only. */
bool watch_is_stirred(void);

/*
 * Looks, and asks the master for a successor where one is needed, once in a life.  now_ms: [ms]
 * CLOCK_MONOTONIC.  Returns whether another look is needed in WATCH_MS; if not, the next
 * watch_stir() wakes the keeper.  Keeper only.
 */
bool watch_look(int64_t now_ms);

#endif
