/* SPDX-License-Identifier: MIT */
/* talk_udp - each line of the user is a datagram; its answer is awaited before the next. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/log.h"
#include "tools/talk.h"

#define DATAGRAM_SIZE 65536 /* [bytes] more than any */

struct exchange {
	struct reach *reach;
	struct console *console;
	int fd;
	bool has_answered; /* the server, at least once */
	bool is_over;
	enum talk_status status;
	size_t line; /* number of the last line, from 1 */
	char answer[DATAGRAM_SIZE + 1];
};

static void fail(struct exchange *x, const char *what)
{
	log_error("%s: %m", what);
	x->status = TALK_FAILED;
	x->is_over = true;
}

/* As it is and a newline; on a terminal a newline only where one is missing. */
static int print_answer(struct exchange *x, size_t len)
{
	bool has_newline = len > 0 && x->answer[len - 1] == '\n';

	if (!x->console->is_terminal || !has_newline)
		x->answer[len++] = '\n';
	if (x->console->is_terminal)
		return console_show(x->console, x->answer, len);
	return console_write(x->answer, len);
}

/* Prints a datagram.  0, or -1 with errno, EAGAIN if there is none. */
static int take_answer(struct exchange *x)
{
	ssize_t size = recv(x->fd, x->answer, DATAGRAM_SIZE, MSG_DONTWAIT);

	if (size < 0)
		return -1;
	x->has_answered = true;
	x->reach->failed = 0; /* what other addresses said matters no more */
	if (print_answer(x, (size_t)size) != 0)
		fail(x, "standard output");
	return 0;
}

/* Prints what has arrived.  0, or -1 with errno. */
static int take_answers(struct exchange *x)
{
	while (!x->is_over)
		if (take_answer(x) != 0)
			return errno == EAGAIN ? 0 : -1;
	return 0;
}

/* A datagram that poll(2) announced may turn out to be broken: then waits on. */
static int await_answer(struct exchange *x)
{
	int64_t deadline = util_now_ms() + x->reach->wait_ms;

	for (;;) {
		int ready = reach_wait(x->fd, POLLIN, deadline);

		if (ready == 0)
			errno = REACH_TIMEOUT;
		if (ready <= 0)
			return -1;
		if (take_answer(x) == 0)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
}

static int ask_once(struct exchange *x, const char *line, size_t len)
{
	if (take_answers(x) != 0 || send(x->fd, line, len, MSG_NOSIGNAL) < 0)
		return -1;
	return await_answer(x);
}

/* Goes on to the next address of the host, if there is one. */
static bool change_address(struct exchange *x)
{
	int fd = reach_connect(x->reach);

	if (fd < 0)
		return false;
	util_close(x->fd);
	x->fd = fd;
	return true;
}

/* Only silence may be a lost datagram and the next line do better; and a user may try again. */
static void give_up(struct exchange *x, int error)
{
	x->status = TALK_FAILED;
	x->is_over = error != REACH_TIMEOUT && !x->console->is_terminal;
	if (error == EMSGSIZE)
		log_error("line %zu: too long for a datagram", x->line);
	else
		reach_report(x->reach);
}

static void ask(struct exchange *x, const char *line, size_t len)
{
	x->line++;
	while (ask_once(x, line, len) != 0) {
		int error = errno;

		if (error != EMSGSIZE)
			reach_note(x->reach, error);
		if (error == ECONNREFUSED && !x->has_answered && change_address(x))
			continue;
		give_up(x, error);
		return;
	}
}

static void take_input(struct exchange *x)
{
	const char *line;
	size_t len;

	if (console_fill(x->console) != 0) {
		if (errno != EAGAIN)
			fail(x, "standard input");
		return;
	}
	while (!x->is_over && console_next_line(x->console, &line, &len)) {
		if (console_is_quit(x->console, line, len))
			x->is_over = true;
		else
			ask(x, line, len);
	}
	x->is_over |= x->console->is_ended;
}

/* More answers than one, or the late news that nothing listens there. */
static void take_unasked(struct exchange *x)
{
	if (take_answers(x) == 0)
		return;
	reach_note(x->reach, errno);
	if (console_start_line(x->console) != 0)
		x->is_over = true;
	reach_report(x->reach);
	x->status = TALK_FAILED;
}

static void step(struct exchange *x)
{
	struct pollfd ready[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = x->fd, .events = POLLIN},
	};

	if (console_prompt(x->console) != 0)
		fail(x, "standard output");
	else if (poll(ready, ARRAY_SIZE(ready), -1) < 0 && errno != EINTR)
		fail(x, "poll");
	else if (ready[1].revents)
		take_unasked(x);
	else if (ready[0].revents)
		take_input(x);
}

enum talk_status talk_udp(struct reach *reach, struct console *console, int fd)
{
	struct exchange x = {.reach = reach, .console = console, .fd = fd};

	while (!x.is_over)
		step(&x);
	if (console_start_line(console) != 0)
		x.status = TALK_FAILED;
	util_close(x.fd);
	return x.status;
}
