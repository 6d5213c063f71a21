/* SPDX-License-Identifier: MIT */
/* foreign_call - calls a function of a library it was not linked with. */
#include <cservd/plugin.h>

int library_function(void);

static int stream(struct cservd_conn *conn)
{
	(void)conn; /* the call alone matters */
	return library_function();
}

CSERVD_PLUGIN(.name = "foreign_call", .stream = stream);
