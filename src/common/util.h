/* SPDX-License-Identifier: MIT */
/* util - what every file needs: array sizes, clean-up attributes, the clock. */
#ifndef COMMON_UTIL_H
#define COMMON_UTIL_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	  (sizeof(a) / sizeof((a)[0]))
#define UTIL_PRINTF(f, a) __attribute__((__format__(__printf__, f, a)))
#define UTIL_CHECKED	  __attribute__((__warn_unused_result__))

static inline void util_free(void *pointer)
{
	free(*(void **)pointer);
}

/* Closes fd unless it is -1; errno stays as it was. */
static inline void util_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		(void)close(
			fd); /* nothing can be done about a failing close of a socket or memfd */
	errno = saved;
}

static inline void util_close_at_exit(const int *fd)
{
	util_close(*fd);
}

/* A local variable of these kinds is released when its scope ends; initialise it always. */
#define CLEANUP_FREE  __attribute__((__cleanup__(util_free)))
#define CLEANUP_CLOSE __attribute__((__cleanup__(util_close_at_exit)))

/* [ms] CLOCK_MONOTONIC; a vDSO call on the usual clock sources. */
static inline int64_t util_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
