/* SPDX-License-Identifier: MIT */
/* replace - why a worker is replaced, in words, and what becomes of those who are to blame. */
#ifndef MASTER_REPLACE_H
#define MASTER_REPLACE_H

#include "master/child.h"
#include "master/penalty.h"

#define REPLACE_TAINTED_MAX 2 /* tainted workers of a service that drain at once */

enum replace_cause {
	CAUSE_TAINTED, /* a handler tried a denied call */
	CAUSE_HUNG,    /* a handler does not return */
	CAUSE_MEMORY,  /* it uses more than max_memory */
	CAUSE_SILENT,  /* it gives no sign of life */
	CAUSE_UNKNOWN, /* it said a number that means nothing */
};

/* The cause for a number of enum message_replace, which is hostile. */
enum replace_cause replace_cause(int32_t number);

/* The line that says why a worker is replaced and what becomes of its connections. */
void replace_say(const struct child *child, enum replace_cause cause);

/* The line about a worker that ended when nobody asked it to; how: as in child_events. */
void replace_say_end(const struct child *child, const char *how, bool is_replaced);

/* What a worker that ended had counted, if anything. */
void replace_say_tally(const struct child *child);

/* Whether a worker that ended may have crashed by what a client sent; SIGKILL comes from somebody
 * else. */
bool replace_is_crash(const struct child *child);

/* Notes the crash; bans, and names, who was in flight at too many. */
void replace_punish(struct penalty *penalty, const struct child *child);

/* Kills the oldest tainted workers of a list, newest first, until REPLACE_TAINTED_MAX are left. */
void replace_limit_tainted(struct child *children);

#endif
