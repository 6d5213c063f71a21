/* SPDX-License-Identifier: MIT */
/* alone - has this process one thread, as long as only one is allowed? */
#include <poll.h>
#include <sys/stat.h>

#include "worker/alone.h"

#define LAST_STEPS_MS 1000 /* [ms] a thread may be seen after pthread_join(3) returned */

/* ThreadSanitizer has a thread of its own, which it creates when it likes and which knows of forks.
 */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define EXPECTED 2
#else
#define EXPECTED 1
#endif

/* Of this process; 0 without /proc.  A folder's links are one for each folder in it, and two. */
static nlink_t count_threads(void)
{
	struct stat tasks;

	return stat("/proc/self/task", &tasks) == -1 ? 0 : tasks.st_nlink - 2;
}

bool alone_wait(void)
{
	int64_t end = util_now_ms() + LAST_STEPS_MS;

	while (count_threads() > EXPECTED && util_now_ms() < end)
		(void)poll(NULL, 0, 1); /* as long as the clock says, interrupted or not */
	return count_threads() <= EXPECTED;
}
