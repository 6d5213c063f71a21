/* SPDX-License-Identifier: MIT */
/*
 * hooks - notes the privileges it finds while it is loaded, logs every step of its life, and
 * crashes in the step opt.crash names.  It does not end its start while the file opt.wait is there.
 */
#include <cservd/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum step { STEP_NONE, STEP_CONFIG, STEP_START, STEP_STOP };

static int crash_in = STEP_NONE;
static const char *awaited = "";
static uid_t loaded_as;
static int greeting = 42;

__attribute__((__constructor__)) static void note_user(void)
{
	loaded_as = geteuid();
}

static int config(struct cservd_service *service)
{
	cservd_option_choice(service, "crash", "none|config|start|stop", &crash_in);
	cservd_option_text(service, "wait", &awaited);
	if (crash_in == STEP_CONFIG)
		abort();
	return 0;
}

static int start(struct cservd_service *service)
{
	if (crash_in == STEP_START)
		abort();
	while (access(awaited, F_OK) == 0)
		(void)usleep(10000); /* interrupted, it looks sooner */
	cservd_set_data(service, &greeting);
	cservd_log(LOG_INFO, "hook start");
	return 0;
}

static void stop(struct cservd_service *service)
{
	if (crash_in == STEP_STOP)
		abort();
	cservd_log(LOG_INFO, "hook stop %d", *(int *)cservd_data(service));
}

static int stream(struct cservd_conn *conn)
{
	const int *value = cservd_data(cservd_service(conn));

	return cservd_printf(conn, "loaded as %u, data %d\n", (unsigned int)loaded_as, *value);
}

CSERVD_PLUGIN(.name = "hooks", .version = "1", .help = "crash = none, config, start or stop",
	      .config = config, .start = start, .stop = stop, .stream = stream);
