/* SPDX-License-Identifier: MIT */
/* sleeper - sleeps as many milliseconds as each line says, then answers "awake" or the error. */
#include <cservd/plugin.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int stream(struct cservd_conn *conn)
{
	char line[32];
	int got;

	while ((got = cservd_readline(conn, line, sizeof(line))) == 1) {
		if (cservd_sleep(atoi(line)) < 0) {
			int error = errno;

			cservd_log(LOG_INFO, "sleep ended: %s", strerrorname_np(error));
			errno = error;
			return -1;
		}
		if (cservd_printf(conn, "awake\n") < 0)
			return -1;
	}
	return got;
}

CSERVD_PLUGIN(.name = "sleeper", .version = "1", .stream = stream);
