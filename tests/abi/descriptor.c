/* SPDX-License-Identifier: MIT */
/* descriptor - a plugin whose descriptor the test bends by -D. */
#include <cservd/plugin.h>

#ifndef ABI
#define ABI CSERVD_ABI
#endif
#ifndef SIZE
#define SIZE sizeof(struct cservd_plugin)
#endif
#ifndef NAME
#define NAME "bent"
#endif
#ifndef SANDBOX
#define SANDBOX NULL
#endif
#ifndef FLAGS
#define FLAGS 0
#endif
#ifndef STREAM
#define STREAM greet
#endif
#ifndef TAIL
#define TAIL 0
#endif

/* What a later version of the header may look like. */
struct later_plugin {
	struct cservd_plugin known;
	uint64_t tail;
};

__attribute__((__unused__)) static int greet(struct cservd_conn *conn)
{
	return cservd_printf(conn, "bent\n");
}

extern CSERVD_EXPORT const struct later_plugin descriptor __asm__("cservd_plugin");

const struct later_plugin descriptor = {
	.known =
		{
			.abi = ABI,
			.size = SIZE,
			.name = NAME,
			.sandbox = SANDBOX,
			.flags = FLAGS,
			.stream = STREAM,
		},
	.tail = TAIL,
};
