/* SPDX-License-Identifier: MIT */
/* backoff - how long to wait before something that died is started again. */
#ifndef MASTER_BACKOFF_H
#define MASTER_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_GOOD_MS 1000 /* [ms] a life this long after being ready forgives earlier deaths */

/* All zero at the beginning. */
struct backoff {
	unsigned int step;
};

/*
 * [ms] to wait after a death: 0, 0, 0, 50, 100 ... 5000.  lived_ms: how long it lived after it
 * was ready; negative if it never was.  A long life starts the series again.
 */
uint64_t backoff_next(struct backoff *backoff, int64_t lived_ms);

#endif
