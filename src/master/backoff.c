/* SPDX-License-Identifier: MIT */
/* backoff - how long to wait before something that died is started again. */
#include "master/backoff.h"

#include "common/util.h"

/* [ms] */
static const uint16_t steps[] = {0, 0, 0, 50, 100, 200, 400, 800, 1600, 3200, 5000};

uint64_t backoff_next(struct backoff *backoff, int64_t lived_ms)
{
	uint64_t ms;

	if (lived_ms >= BACKOFF_GOOD_MS) {
		backoff->step = 0;
		return steps[0];
	}
	ms = steps[backoff->step];
	if (backoff->step < ARRAY_SIZE(steps) - 1)
		backoff->step++;
	return ms;
}
