/* SPDX-License-Identifier: MIT */
/* asks - asks for a promise nobody granted. */
#include <cservd/plugin.h>

static int stream(struct cservd_conn *conn)
{
	return cservd_printf(conn, "granted\n");
}

CSERVD_PLUGIN(.name = "asks", .version = "1", .sandbox = "rpath", .stream = stream);
