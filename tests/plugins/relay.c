/* SPDX-License-Identifier: MIT */
/* relay - connects each client to opt.target and carries bytes both ways. */
#include <cservd/plugin.h>
#include <errno.h>
#include <string.h>

static const struct cservd_target *target;
static int timeout = 5000; /* [ms] */

static int config(struct cservd_service *service)
{
	const char *where = NULL;

	cservd_option_text(service, "target", &where);
	cservd_option_time(service, "timeout", &timeout);
	if (where)
		target = cservd_target(service, where);
	else
		cservd_option_error(service, "target", "is missing; name HOST:PORT");
	return target ? 0 : -1;
}

static int stream(struct cservd_conn *conn)
{
	struct cservd_conn *other = cservd_connect(target, timeout);
	int result;

	if (!other)
		return cservd_printf(conn, "cannot connect: %s\n", strerrorname_np(errno));
	result = cservd_relay(conn, other);
	cservd_close(other);
	return result;
}

CSERVD_PLUGIN(.name = "relay", .version = "1",
	      .help = "target = where to connect\ntimeout = how long to try", .config = config,
	      .stream = stream);
