/* SPDX-License-Identifier: MIT */
/* share - one probe for all clients who want the same target at about the same time. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "share.h"

/* The mutex is of the normal kind and used correctly: locking and unlocking cannot fail. */
static void lock(struct share *share)
{
	(void)pthread_mutex_lock(&share->lock);
}

static void unlock(struct share *share)
{
	(void)pthread_mutex_unlock(&share->lock);
}

/* [ms] CLOCK_MONOTONIC */
static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* NULL with errno ENOMEM. */
static struct share_result *make_result(const struct share *share, const struct probe *probe)
{
	struct share_result *result = calloc(1, sizeof(*result));

	if (result == NULL)
		return NULL;
	result->users = 1;
	result->text = probe_run(probe, &share->rules, &result->len);
	if (result->text == NULL) {
		free(result);
		errno = ENOMEM;
		return NULL;
	}
	return result;
}

/* Under lock. */
static void release(struct share_result *result)
{
	if (result == NULL || --result->users > 0)
		return;
	free(result->text);
	free(result);
}

/* Under lock, which it gives up while it probes. */
static void probe_now(struct share *share, struct share_target *target)
{
	struct share_result *result;

	target->is_running = true;
	target->started_ms = now_ms();
	share->running++;
	unlock(share);
	result = make_result(share, &target->probe);
	lock(share);
	release(target->latest);
	target->latest = result;
	share->running--;
	target->is_running = false;
	target->rounds++;
	(void)pthread_cond_broadcast(&share->ended); /* cannot fail */
}

/* Under lock.  A probe ends within its own limits, and then all who wait for it go on. */
static void wait_for_end(struct share *share, const struct share_target *target)
{
	uint64_t round = target->rounds;

	while (target->rounds == round)
		(void)pthread_cond_wait(&share->ended, &share->lock); /* cannot fail */
}

static bool is_recent(const struct share *share, const struct share_target *target)
{
	return target->latest != NULL && now_ms() - target->started_ms < share->min_interval_ms;
}

/* Under lock: makes target->latest one that may be shared.  0, or -1 with errno EBUSY. */
static int refresh(struct share *share, struct share_target *target)
{
	if (target->is_running) {
		wait_for_end(share, target);
	} else if (!is_recent(share, target)) {
		if (share->running >= share->max_parallel) {
			errno = EBUSY;
			return -1;
		}
		probe_now(share, target);
	}
	return 0;
}

void share_init(struct share *share)
{
	*share = (struct share){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER,
		.max_parallel = 16,
		.min_interval_ms = 1000,
	};
}

struct share_result *share_probe(struct share *share, struct share_target *target)
{
	struct share_result *result = NULL;

	lock(share);
	if (refresh(share, target) == 0) {
		result = target->latest;
		if (result != NULL)
			result->users++;
		else
			errno = ENOMEM;
	}
	unlock(share);
	return result;
}

void share_release(struct share *share, struct share_result *result)
{
	lock(share);
	release(result);
	unlock(share);
}
