/* SPDX-License-Identifier: MIT */
/*
 * learn - on_violation = learn: lets a plugin do what it wants, and says what to grant it.
 *
 * Never for production: nothing but the guard of the listeners is in force.  The filter below is
 * the only one of the process, so that the thread that answers is under none.
 *
 *	handler: openat --> filter: user notification --> kernel --> learner thread
 *	    goes on <-------------- "continue" <-----------------------'  |
 *	    returns --> learn_tell(): "sandbox = rpath" <-- what it saw <-'
 */
#ifndef WORKER_LEARN_H
#define WORKER_LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/util.h"

/* Whether this process learns: its settings say so, and it runs a handler. */
bool learn_is_on(void);

/* Builds the filter, which lets stdio pass and asks about the rest.  0, or -1 with errno. */
int learn_prepare(void) UTIL_CHECKED;

/*
 * Creates the learner thread, then puts the calling thread, and all that it will create, behind
 * the filter.  0, or -1 with errno; EBUSY: another program is notified of this process's calls
 * already, as in some containers.
 */
int learn_enter(void) UTIL_CHECKED;

/*
 * After a handler: logs the fewest promises that all handlers so far needed, and the calls that
 * no promise allows, unless that was said before.
 */
void learn_tell(void);

/* Notes one call: system call number and arguments.  Makes no system call, allocates nothing. */
void learn_note(int number, const uint64_t args[6]);

/* Writes what learn_tell() logs, or returns 0 if there is nothing new.  The length, cut to fit. */
size_t learn_format(char *text, size_t size);

#endif
