/* SPDX-License-Identifier: MIT */
/* amplifier - answers each datagram with opt.replies datagrams of opt.size bytes. */
#include <cservd/plugin.h>
#include <string.h>

static uint64_t size = 1000;
static long replies = 1;

static int config(struct cservd_service *service)
{
	cservd_option_size(service, "size", &size);
	cservd_option_int(service, "replies", 1, 100, &replies);
	return 0;
}

static int datagram(struct cservd_conn *conn)
{
	char block[2048];

	memset(block, 'a', sizeof(block));
	for (long i = 0; i < replies; i++) {
		if (cservd_write(conn, block, (size_t)size % (sizeof(block) + 1)) < 0)
			return -1;
	}
	return 0;
}

CSERVD_PLUGIN(.name = "amplifier", .version = "1",
	      .help = "size = bytes of a reply\nreplies = how many", .config = config,
	      .datagram = datagram);
