/* SPDX-License-Identifier: MIT */
/* spin - says "spinning" and never returns, nor calls cservd again. */
#include <cservd/plugin.h>

static volatile unsigned long turns;

static int stream(struct cservd_conn *conn)
{
	if (cservd_printf(conn, "spinning\n") < 0)
		return -1;
	for (;;)
		turns++;
}

CSERVD_PLUGIN(.name = "spin", .version = "1", .stream = stream);
