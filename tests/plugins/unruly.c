/* SPDX-License-Identifier: MIT */
/* unruly - takes memory, breaks its listeners or never returns, as the client says. */
#include <cservd/plugin.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FDS 64 /* the listeners are among the first */

static volatile unsigned long turns;

/* Megabytes that nobody frees, and that are in use. */
static int eat(int megabytes)
{
	size_t size = (size_t)megabytes * 1024 * 1024;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -1;
	memset(memory, 1, size);
	return 0;
}

static int is_listener(int fd)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

static int shut(int unused)
{
	(void)unused; /* the signature of all ways */
	for (int fd = 3; fd < FDS; fd++) {
		if (is_listener(fd) && shutdown(fd, SHUT_RD) < 0)
			return -1;
	}
	return 0;
}

static int unblock(int unused)
{
	(void)unused; /* as above */
	for (int fd = 3; fd < FDS; fd++) {
		if (is_listener(fd) && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			return -1;
	}
	return 0;
}

static int spin(int unused)
{
	(void)unused; /* as above */
	do
		turns++;
	while (turns != 0); /* which no test lives to see */
	return 0;
}

static int crash(int unused)
{
	(void)unused; /* as above */
	return raise(SIGABRT);
}

static const struct {
	const char *word;
	int (*way)(int number);
} ways[] = {
	{"eat", eat}, {"shut", shut}, {"unblock", unblock}, {"spin", spin}, {"crash", crash},
};

static int obey(const char *line)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		size_t len = strlen(ways[i].word);

		if (strncmp(line, ways[i].word, len) == 0)
			return ways[i].way(atoi(line + len));
	}
	return 0;
}

static int stream(struct cservd_conn *conn)
{
	char line[64];
	int got;

	while ((got = cservd_readline(conn, line, sizeof(line))) == 1) {
		int result = obey(line);

		if (cservd_printf(conn, "%s %s\n", line, result == 0 ? "done" : "failed") < 0)
			return -1;
	}
	return got;
}

static int datagram(struct cservd_conn *conn)
{
	char line[64];
	ssize_t got = cservd_read(conn, line, sizeof(line) - 1);

	if (got < 0)
		return -1;
	line[got] = '\0';
	(void)obey(line); /* one way does not return, the others are not asked for */
	return cservd_write(conn, line, (size_t)got);
}

CSERVD_PLUGIN(.name = "unruly", .version = "1", .stream = stream, .datagram = datagram);
