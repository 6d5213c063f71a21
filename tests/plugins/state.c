/* SPDX-License-Identifier: MIT */
/*
 * state - answers each line: "count" with how often this process was asked that, "draining" with
 * yes or no, "pid" with the process id, "wait" with nothing until the service drains.
 */
#include <cservd/plugin.h>
#include <string.h>
#include <unistd.h>

static int asked;

static const char *draining(struct cservd_conn *conn)
{
	return cservd_draining(cservd_service(conn)) ? "yes" : "no";
}

static int answer(struct cservd_conn *conn, const char *word)
{
	if (strcmp(word, "count") == 0)
		return cservd_printf(conn, "%d\n", ++asked);
	if (strcmp(word, "pid") == 0)
		return cservd_printf(conn, "%d\n", (int)getpid());
	while (strcmp(word, "wait") == 0 && !cservd_draining(cservd_service(conn))) {
		if (cservd_sleep(10) < 0)
			return -1;
	}
	return cservd_printf(conn, "%s\n", draining(conn));
}

static int stream(struct cservd_conn *conn)
{
	char word[32];
	int got;

	while ((got = cservd_readline(conn, word, sizeof(word))) == 1) {
		if (answer(conn, word) < 0)
			return -1;
	}
	return got;
}

CSERVD_PLUGIN(.name = "state", .version = "1", .stream = stream);
