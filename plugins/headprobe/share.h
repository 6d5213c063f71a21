/* SPDX-License-Identifier: MIT */
/*
 * share - one probe for all clients who want the same target at about the same time.
 *
 *	client 1 -> probes ------------> result 1      (one connection to the target)
 *	client 2 ---> waits for it ----> result 1
 *	client 3 ------ within min_interval --> result 1
 */
#ifndef HEADPROBE_SHARE_H
#define HEADPROBE_SHARE_H

#include <pthread.h>

#include "probe.h"

/* A result; several clients may be reading it while the next probe replaces it. */
struct share_result {
	unsigned int users; /* under share.lock; the last one frees it */
	size_t len;
	char *text;
};

/* A target with its latest result; all but probe under share.lock. */
struct share_target {
	struct probe probe;
	bool is_running;
	uint64_t rounds;	     /* probes that have ended */
	int64_t started_ms;	     /* CLOCK_MONOTONIC, of the latest probe */
	struct share_result *latest; /* NULL before the first, and after one without memory */
};

struct share {
	pthread_mutex_t lock;
	pthread_cond_t ended; /* some target's rounds went up */
	long running;	      /* probes, under lock */
	long max_parallel;
	int min_interval_ms; /* from the start of a probe to the start of the next */
	struct probe_rules rules;
};

/* No probe has run; at most 16 at once, results are shared for 1 s, no status is expected. */
void share_init(struct share *share);

/*
 * The result of the probe that is running, or of a recent one, or of a new one.  To be given
 * back with share_release().  NULL with errno EBUSY (max_parallel probes run) or ENOMEM.
 */
struct share_result *share_probe(struct share *share, struct share_target *target);

/* NULL is allowed. */
void share_release(struct share *share, struct share_result *result);

#endif
