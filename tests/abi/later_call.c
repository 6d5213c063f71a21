/* SPDX-License-Identifier: MIT */
/* later_call - calls a function that no cservd of today has. */
#include <cservd/plugin.h>

int cservd_teleport(struct cservd_conn *conn);

static int stream(struct cservd_conn *conn)
{
	return cservd_teleport(conn);
}

CSERVD_PLUGIN(.name = "later_call", .stream = stream);
