/* SPDX-License-Identifier: MIT */
/*
 * attack - turns against its own worker, the master and the log in the way the client names;
 * every other line comes back.  The numbers below are those that a study of cservd shows.
 */
#include <cservd/plugin.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FD_MESSAGES  4 /* the pipe to the master */
#define FD_CONNECTOR 10
#define FDS	     64
#define MESSAGE_SIZE 512
#define TEXT_AT	     128 /* of struct message */
#define THREADS	     1000
#define LEAK	     (1 << 20) /* [bytes] at a time */
#define LEAKS	     512

static volatile unsigned long turns;

/* As struct message of cservd begins; `text` is what it ends with. */
struct forged {
	uint16_t type;
	uint8_t priority, end;
	int32_t error;
	char peer[28];
	int32_t thread;
	uint64_t ms, in, out;
	int32_t number;
	uint32_t arch;
	uint64_t address, args[6];
	char text[384];
};

_Static_assert(sizeof(struct forged) == MESSAGE_SIZE, "as the master expects");
_Static_assert(offsetof(struct forged, text) == TEXT_AT, "as the master expects");

static int send_forged(const void *bytes, size_t size)
{
	return write(FD_MESSAGES, bytes, size) == (ssize_t)size ? 0 : -1;
}

/* Bytes of no message. */
static int send_garbage(void)
{
	char noise[3 * MESSAGE_SIZE + 7];

	memset(noise, 0xa5, sizeof(noise));
	return send_forged(noise, sizeof(noise));
}

/* A line that looks like the master's, for another service, twice. */
static int send_line(void)
{
	struct forged forged = {.type = 4, .priority = LOG_ERR};

	strcpy(forged.text,
	       "harmless\ncservd: echo-upper: worker 1 died\x1b[2J\x1b]0;owned\a\r\x7f");
	return send_forged(&forged, sizeof(forged));
}

/* Each kind of message in turn, believable but untrue; the master knows more than 8 already. */
static int send_kinds(void)
{
	for (uint16_t type = 1; type < 10; type++) {
		struct forged forged = {.type = type,
					.priority = LOG_INFO,
					.number = INT32_MAX,
					.arch = UINT32_MAX,
					.error = INT32_MIN,
					.ms = UINT64_MAX,
					.in = UINT64_MAX,
					.out = UINT64_MAX};

		memset(forged.text, 'x', sizeof(forged.text)); /* not terminated */
		if (send_forged(&forged, sizeof(forged)) == -1)
			return -1;
	}
	return 0;
}

/* Messages with every value there is in the fields that are enumerations. */
static int send_values(void)
{
	for (unsigned int i = 0; i < 256; i++) {
		struct forged forged = {.type = 7, .end = (uint8_t)i, .priority = (uint8_t)i};

		if (send_forged(&forged, sizeof(forged)) == -1 && errno != EAGAIN)
			return -1;
	}
	return 0;
}

static int log_control(void)
{
	for (int byte = 1; byte < 256; byte++)
		cservd_log(LOG_INFO, "byte %d:%c:\n\r\x1b[31mcservd: forged", byte, byte);
	return 0;
}

/* As much as goes in for three seconds. */
static int log_flood(void)
{
	char line[384];
	struct timespec start, now;

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	(void)clock_gettime(CLOCK_MONOTONIC, &start); /* cannot fail */
	do {
		for (int i = 0; i < 1000; i++)
			cservd_log(LOG_ERR, "%s", line);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 3);
	return 0;
}

/* All but the connection itself, so that the answer arrives. */
static int close_all(void)
{
	for (int fd = 3; fd < FDS; fd++) {
		struct sockaddr_storage peer;
		socklen_t size = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &size) == -1 ||
		    peer.ss_family == AF_UNIX)
			(void)close(fd); /* some are not open */
	}
	return 0;
}

static int close_listeners(void)
{
	for (int fd = 3; fd < FDS; fd++) {
		int listening;
		socklen_t size = sizeof(listening);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening)
			(void)close(fd); /* it is open */
	}
	return 0;
}

/* Requests to connect to targets that were never named. */
static int ask_connector(void)
{
	for (uint32_t target = 1; target < 300; target++) {
		struct {
			uint64_t id;
			int64_t deadline;
			uint32_t target, reserved;
		} request = {.id = target, .deadline = INT64_MAX, .target = target};

		if (send(FD_CONNECTOR, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return 0; /* full, or the connector has hung up */
	}
	return 0;
}

static int leak_memory(void)
{
	for (int i = 0; i < LEAKS; i++) {
		/* volatile: a compiler may leave out a block that nobody reads */
		void *volatile block = malloc(LEAK);

		if (block == NULL)
			return -1;
		memset(block, 1, LEAK);
	}
	return 0;
}

static int leak_descriptors(void)
{
	while (eventfd(0, EFD_CLOEXEC) != -1)
		;
	return errno == EMFILE ? 0 : -1;
}

static void *sleep_for_ever(void *unused)
{
	while (poll(NULL, 0, -1) == -1)
		; /* EINTR */
	return unused;
}

static int leak_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < THREADS; i++) {
		errno = pthread_create(&thread, NULL, sleep_for_ever, NULL);
		if (errno != 0)
			return -1;
	}
	return 0;
}

static int spin(void)
{
	while (turns < ULONG_MAX)
		turns++;
	return 0;
}

static const struct {
	const char *word;
	int (*attack)(void);
} attacks[] = {
	{"garbage", send_garbage},
	{"line", send_line},
	{"kinds", send_kinds},
	{"values", send_values},
	{"control", log_control},
	{"flood", log_flood},
	{"close", close_all},
	{"close-listeners", close_listeners},
	{"connector", ask_connector},
	{"memory", leak_memory},
	{"descriptors", leak_descriptors},
	{"threads", leak_threads},
	{"spin", spin},
};

static const char *target;
static const char *at_start = "";

static int config(struct cservd_service *service)
{
	cservd_option_text(service, "target", &target);
	cservd_option_text(service, "start", &at_start);
	return target == NULL || cservd_target(service, target) != NULL ? 0 : -1;
}

static int start(struct cservd_service *service)
{
	(void)service; /* the option says everything */
	if (strcmp(at_start, "die") == 0)
		abort();
	while (strcmp(at_start, "hang") == 0)
		(void)sleep(1);
	return 0;
}

static int stream(struct cservd_conn *conn)
{
	char line[128];
	int got;

	while ((got = cservd_readline(conn, line, sizeof(line))) == 1) {
		const char *answer = line;

		for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
			if (strcmp(line, attacks[i].word) == 0)
				answer = attacks[i].attack() == 0 ? "done" : strerrorname_np(errno);
		}
		if (cservd_printf(conn, "%s\n", answer) < 0)
			return -1;
	}
	return got;
}

CSERVD_PLUGIN(.name = "attack", .version = "1",
	      .help = "target = a place it may connect to\nstart = die, hang: instead of starting",
	      .config = config, .start = start, .stream = stream);
