/* SPDX-License-Identifier: MIT */
/* writer - writes opt.size bytes (1M by default) and returns without reading anything. */
#include <cservd/plugin.h>
#include <string.h>

static uint64_t size = 1 << 20;

static int config(struct cservd_service *service)
{
	cservd_option_size(service, "size", &size);
	return 0;
}

static int stream(struct cservd_conn *conn)
{
	char block[4096];

	memset(block, 'w', sizeof(block));
	for (uint64_t left = size; left > 0;) {
		size_t step = left < sizeof(block) ? (size_t)left : sizeof(block);

		if (cservd_write(conn, block, step) < 0)
			return -1;
		left -= step;
	}
	return 0;
}

CSERVD_PLUGIN(.name = "writer", .version = "1", .help = "size = bytes to write", .config = config,
	      .stream = stream);
