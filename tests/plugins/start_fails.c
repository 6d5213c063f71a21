/* SPDX-License-Identifier: MIT */
/* start_fails - cannot start while the file opt.obstacle exists; then serves "started". */
#include <cservd/plugin.h>
#include <errno.h>
#include <unistd.h>

static const char *obstacle = "/";

static int config(struct cservd_service *service)
{
	cservd_option_text(service, "obstacle", &obstacle);
	return 0;
}

static int start(struct cservd_service *service)
{
	(void)service; /* the option says everything */
	if (access(obstacle, F_OK) < 0)
		return 0;
	errno = EBUSY;
	return -1;
}

static int stream(struct cservd_conn *conn)
{
	return cservd_printf(conn, "started\n");
}

CSERVD_PLUGIN(.name = "start_fails", .version = "1",
	      .help = "obstacle = a file that must not exist", .config = config, .start = start,
	      .stream = stream);
