/* SPDX-License-Identifier: MIT */
/*
 * pair - what the filters of a connection thread cost a send and a recv of 64 bytes.
 *
 *	plain thread      send + recv, no filter
 *	sandboxed thread  the same, behind guard, base and connection filter
 *
 * Both are pinned to one processor and take turns, so that whatever else the machine does hits
 * both alike.  Prints, in nanoseconds, the medians of both and of the differences of all turns.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "common/promise.h"
#include "common/settings.h"
#include "worker/filter.h"

#define SIZE	   64	/* [bytes] */
#define PAIRS	   2000 /* in a turn */
#define TURNS	   1001
#define LISTENERS  2 /* that the guard protects */
#define NS_PER_SEC 1000000000.0

/* One of the two threads. */
struct side {
	bool is_sandboxed;
	sem_t begin, done;
	double ns[TURNS]; /* of one pair, by turn */
	bool failed;
};

static struct sock_fprog guard, base, connection;

/* What stays around it when a connection is served: both layers and the guard. */
static int enter(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_install(&guard, 0) < 0 ||
	    filter_install(&base, 0) < 0)
		return -1;
	return filter_install(&connection, 0);
}

static double now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (double)now.tv_sec * NS_PER_SEC + (double)now.tv_nsec;
}

static int exchange(const int fds[2])
{
	char bytes[SIZE] = {0};

	for (int i = 0; i < PAIRS; i++) {
		if (send(fds[0], bytes, SIZE, 0) != SIZE || recv(fds[1], bytes, SIZE, 0) != SIZE)
			return -1;
	}
	return 0;
}

static void *run(void *argument)
{
	struct side *side = argument;
	int fds[2];

	side->failed = socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0;
	side->failed |= side->is_sandboxed && enter() < 0;
	for (int turn = 0; turn < TURNS; turn++) {
		double began;

		(void)sem_wait(&side->begin); /* no signals here, so it cannot fail */
		began = now_ns();
		side->failed |= exchange(fds) < 0;
		side->ns[turn] = (now_ns() - began) / PAIRS;
		(void)sem_post(&side->done);
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
	qsort(values, TURNS, sizeof(*values), compare);
	return values[TURNS / 2];
}

static int pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static int build(void)
{
	uint32_t threads = PROMISE_STDIO | PROMISE_POOL;

	if (filter_build_guard(0, WORKER_FD_LISTENERS, LISTENERS, &guard) < 0 ||
	    filter_build(0, threads | PROMISE_CORE, &base) < 0)
		return -1;
	return filter_build(0, threads, &connection);
}

int main(void)
{
	static struct side sides[2] = {{.is_sandboxed = false}, {.is_sandboxed = true}};
	static double difference[TURNS];
	pthread_t thread;

	if (pin() < 0 || build() < 0) {
		perror("pair");
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		(void)sem_init(&sides[i].begin, 0, 0); /* cannot fail with these arguments */
		(void)sem_init(&sides[i].done, 0, 0);
		if (pthread_create(&thread, NULL, run, &sides[i]) != 0)
			return 1;
	}
	for (int turn = 0; turn < 2 * TURNS; turn++) {
		/* Who goes first changes with every pair of turns. */
		struct side *side = &sides[(turn + turn / 2) % 2];

		(void)sem_post(&side->begin);
		(void)sem_wait(&side->done);
	}
	if (sides[0].failed || sides[1].failed) {
		(void)fprintf(stderr, "pair: a call failed\n");
		return 1;
	}
	for (int turn = 0; turn < TURNS; turn++)
		difference[turn] = sides[1].ns[turn] - sides[0].ns[turn];
	printf("%.1f %.1f %.1f\n", median(sides[0].ns), median(sides[1].ns), median(difference));
	return 0;
}
