/* SPDX-License-Identifier: MIT */
/* starts_thread - creates a thread in its start, without asking for the promise. */
#include <cservd/plugin.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static void *wait_for_ever(void *argument)
{
	for (;;)
		(void)pause(); /* returns after each signal */
	return argument;
}

static int start(struct cservd_service *service)
{
	pthread_t thread;

	(void)service;
	errno = pthread_create(&thread, NULL, wait_for_ever, NULL);
	return errno == 0 ? 0 : -1;
}

static int stream(struct cservd_conn *conn)
{
	return cservd_printf(conn, "served\n");
}

CSERVD_PLUGIN(.name = "starts_thread", .version = "1", .start = start, .stream = stream);
