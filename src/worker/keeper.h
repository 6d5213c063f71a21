/* SPDX-License-Identifier: MIT */
/*
 * keeper - the worker's main thread once it serves: commands, messages, clocks, drain.
 *
 * It carries the base filter only, and runs no plugin code but .stop.
 */
#ifndef WORKER_KEEPER_H
#define WORKER_KEEPER_H

#include "common/util.h"

/* Prepares the bell; before any thread.  0 or -1 with errno. */
int keeper_init(void) UTIL_CHECKED;

/* Makes the keeper look at everything once; from any thread. */
void keeper_wake(void);

/* Obeys the master until the drain is over.  Returns the exit status. */
int keeper_run(void);

#endif
