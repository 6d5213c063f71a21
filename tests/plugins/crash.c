/* SPDX-License-Identifier: MIT */
/* crash - ends its worker in the way the client names; every other line comes back. */
#include <cservd/plugin.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile int *nowhere;

static void segv(void)
{
	*nowhere = 1;
}

static void leave(void)
{
	exit(3);
}

/* No stack holds this many pages, yet the compiler sees an end. */
static int descend(unsigned long depth)
{
	volatile char page[4096];

	page[depth % sizeof(page)] = 1;
	return depth == 0 ? 0 : descend(depth - 1) + page[0];
}

static void overflow(void)
{
	if (descend(1UL << 40) == 1)
		abort();
}

static const struct {
	const char *word;
	void (*crash)(void);
} ways[] = {
	{"segv", segv},
	{"abort", abort},
	{"exit", leave},
	{"overflow", overflow},
};

static void obey(const char *word)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(word, ways[i].word) == 0)
			ways[i].crash();
	}
}

static int stream(struct cservd_conn *conn)
{
	char line[128];
	int got;

	while ((got = cservd_readline(conn, line, sizeof(line))) == 1) {
		obey(line);
		if (cservd_printf(conn, "%s\n", line) < 0)
			return -1;
	}
	return got;
}

static int datagram(struct cservd_conn *conn)
{
	char payload[2048];
	ssize_t got = cservd_read(conn, payload, sizeof(payload) - 1);

	if (got < 0)
		return -1;
	payload[got] = '\0';
	obey(payload);
	return cservd_write(conn, payload, (size_t)got);
}

CSERVD_PLUGIN(.name = "crash", .version = "1", .stream = stream, .datagram = datagram);
