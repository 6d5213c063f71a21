/* SPDX-License-Identifier: MIT */
/* hello - the smallest plugin: greets over TCP and UDP. */
#include <cservd/plugin.h>

static int greet(struct cservd_conn *conn)
{
	return cservd_printf(conn, "hello\n");
}

CSERVD_PLUGIN(.name = "hello", .stream = greet, .datagram = greet);
