/* SPDX-License-Identifier: MIT */
/* config_wrong - refuses opt.colour and opt.shape, each with a sentence, yet returns 0. */
#include <cservd/plugin.h>

static int config(struct cservd_service *service)
{
	const char *colour = NULL, *shape = NULL;

	cservd_option_text(service, "colour", &colour);
	cservd_option_text(service, "shape", &shape);
	if (colour)
		cservd_option_error(service, "colour", "no paint left for \"%s\"", colour);
	if (shape)
		cservd_option_error(service, "shape", "too round");
	return 0;
}

static int stream(struct cservd_conn *conn)
{
	return cservd_printf(conn, "plain\n");
}

CSERVD_PLUGIN(.name = "config_wrong", .version = "1", .config = config, .stream = stream);
