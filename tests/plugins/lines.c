/* SPDX-License-Identifier: MIT */
/* lines - a line server whose commands call every reading, writing and waiting function. */
#include <cservd/plugin.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int answer(struct cservd_conn *conn, int result)
{
	int error = errno;

	if (cservd_printf(conn, "%d %s\n", result, result < 0 ? strerrorname_np(error) : "ok") == 0)
		return 0;
	return -1;
}

static int do_echo(struct cservd_conn *conn, const char *rest)
{
	return cservd_printf(conn, "%s\n", rest);
}

/* Reads exactly as many bytes as it is told, sends them back and says how it went. */
static int do_readn(struct cservd_conn *conn, const char *rest)
{
	char block[8192] = "";
	size_t size = strtoul(rest, NULL, 10) % sizeof(block);
	int result = cservd_readn(conn, block, size);

	if (cservd_write(conn, block, result == 1 ? size : 0) < 0)
		return -1;
	return answer(conn, result);
}

static int do_wait(struct cservd_conn *conn, const char *rest)
{
	return answer(conn, cservd_wait(conn, atoi(rest)));
}

static int do_idle(struct cservd_conn *conn, const char *rest)
{
	cservd_idle_timeout(conn, atoi(rest));
	return answer(conn, 0);
}

static int do_deadline(struct cservd_conn *conn, const char *rest)
{
	cservd_deadline(conn, atoi(rest));
	return answer(conn, 0);
}

static int do_finish(struct cservd_conn *conn, const char *rest)
{
	(void)rest; /* "finish" has no argument */
	if (answer(conn, 0) < 0)
		return -1;
	return cservd_finish(conn);
}

static int do_who(struct cservd_conn *conn, const char *rest)
{
	socklen_t peer, local;

	(void)rest; /* "who" has no argument */
	if (!cservd_peer_addr(conn, &peer) || !cservd_local_addr(conn, &local))
		return -1;
	return cservd_printf(conn, "%s %s %s %d %d\n", cservd_name(cservd_service(conn)),
			     cservd_peer(conn), cservd_local(conn), (int)peer, (int)local);
}

static int do_draining(struct cservd_conn *conn, const char *rest)
{
	(void)rest; /* "draining" has no argument */
	return answer(conn, cservd_draining(cservd_service(conn)));
}

static int do_log(struct cservd_conn *conn, const char *rest)
{
	cservd_log(LOG_NOTICE, "%s", rest);
	return answer(conn, 0);
}

static int do_log_control(struct cservd_conn *conn, const char *rest)
{
	(void)rest; /* what a client cannot send in a line */
	cservd_log(LOG_INFO, "one\ntwo\033[31m red");
	return answer(conn, 0);
}

static int do_flood(struct cservd_conn *conn, const char *rest)
{
	int count = atoi(rest);

	for (int i = 0; i < count; i++)
		cservd_log(LOG_INFO, "flood %d", i);
	return answer(conn, 0);
}

/* Logs once with each priority from LOG_EMERG to LOG_DEBUG, and with some that do not exist. */
static int do_priorities(struct cservd_conn *conn, const char *rest)
{
	for (int priority = -1; priority <= LOG_DEBUG + 1; priority++)
		cservd_log(priority, "%s at %d", rest, priority);
	return answer(conn, 0);
}

static int do_fail(struct cservd_conn *conn, const char *rest)
{
	(void)conn; /* says nothing */
	(void)rest;
	errno = EDOM;
	return -1;
}

static const struct {
	const char *word;
	int (*run)(struct cservd_conn *, const char *);
} commands[] = {
	{"echo", do_echo},	   {"readn", do_readn},
	{"wait", do_wait},	   {"idle", do_idle},
	{"deadline", do_deadline}, {"finish", do_finish},
	{"who", do_who},	   {"draining", do_draining},
	{"log", do_log},	   {"control", do_log_control},
	{"flood", do_flood},	   {"priorities", do_priorities},
	{"fail", do_fail},
};

/* 1 to go on, 0 after "quit", -1 with errno. */
static int obey(struct cservd_conn *conn, char *line)
{
	char *rest = strchr(line, ' ');

	if (rest)
		*rest++ = '\0';
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(line, commands[i].word) == 0)
			return commands[i].run(conn, rest ? rest : "") < 0 ? -1 : 1;
	}
	if (strcmp(line, "quit") == 0)
		return 0;
	return cservd_printf(conn, "unknown: %s\n", line) < 0 ? -1 : 1;
}

static int stream(struct cservd_conn *conn)
{
	char line[200];
	int got, more = 1;

	while (more == 1) {
		got = cservd_readline(conn, line, sizeof(line));
		if (got == 0)
			return 0;
		if (got < 0) {
			int error = errno;

			cservd_log(LOG_INFO, "read failed: %s", strerrorname_np(error));
			errno = error;
			return -1;
		}
		more = obey(conn, line);
	}
	return more;
}

CSERVD_PLUGIN(.name = "lines", .version = "1", .stream = stream);
