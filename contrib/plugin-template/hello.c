/* SPDX-License-Identifier: MIT */
/* hello - greets every line; the smallest useful handler. */
#include <cservd/plugin.h>

static int hello(struct cservd_conn *conn)
{
	char name[256];
	int got;

	while ((got = cservd_readline(conn, name, sizeof(name))) > 0)
		if (cservd_printf(conn, "Hello, %s!\n", name) < 0)
			return -1;
	return got;
}

CSERVD_PLUGIN(.name = "hello", .stream = hello);
