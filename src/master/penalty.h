/* SPDX-License-Identifier: MIT */
/* penalty - finds the sources that were in flight at crash after crash of a service. */
#ifndef MASTER_PENALTY_H
#define MASTER_PENALTY_H

#include "common/board.h"

#define PENALTY_CRASHES	 3  /* in a row */
#define PENALTY_SUSPECTS 64 /* sources that are followed at a time */

/* All zero at the beginning; one for each service. */
struct penalty {
	struct {
		union addr source; /* of addr_source() */
		uint32_t crashes;
	} suspect[PENALTY_SUSPECTS];
	uint32_t count;
	int64_t last_ms; /* [ms] CLOCK_MONOTONIC, the last crash */
};

/*
 * Notes a crash at now_ms [ms, CLOCK_MONOTONIC] of a worker with this board, which is hostile, of
 * as many slots.  Crashes further apart than window_ms [ms] are not in a row.  Returns how many
 * sources have now been in flight at PENALTY_CRASHES of them, written to guilty.  127.0.0.1 and
 * ::1 never are: a proxy there speaks for all its clients.
 */
uint32_t penalty_note(struct penalty *penalty, const struct board *board, uint64_t slots,
		      int64_t now_ms, uint64_t window_ms, union addr guilty[PENALTY_SUSPECTS]);

#endif
