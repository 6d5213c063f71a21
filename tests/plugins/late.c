/* SPDX-License-Identifier: MIT */
/* late - takes as long to start as its option says. */
#include <cservd/plugin.h>
#include <time.h>

static int delay; /* [ms] */

static int config(struct cservd_service *service)
{
	cservd_option_time(service, "delay", &delay);
	return 0;
}

static int start(struct cservd_service *service)
{
	const struct timespec pause = {.tv_sec = delay / 1000, .tv_nsec = delay % 1000 * 1000000L};

	(void)service; /* the option says everything */
	return nanosleep(&pause, NULL);
}

static int stream(struct cservd_conn *conn)
{
	return cservd_printf(conn, "started after %d ms\n", delay);
}

CSERVD_PLUGIN(.name = "late", .version = "1", .help = "delay = how long it takes to start",
	      .config = config, .start = start, .stream = stream);
