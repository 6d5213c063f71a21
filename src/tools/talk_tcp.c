/* SPDX-License-Identifier: MIT */
/* talk_tcp - bytes both ways at the same time, whatever their number, until both ends finish. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "tools/talk.h"

/* [ms] A prompt waits so long for a greeting or an answer, and for more of one. */
#define ANSWER_MS 200
#define MORE_MS	  50

#define LEAVE_MS 1000 /* [ms] silence that ends a session on a terminal after quit or Ctrl-D */

#define FLOW_SIZE 65536

/* Bytes on their way: bytes[at..end) has arrived and has not left. */
struct flow {
	size_t at, end;
	char bytes[FLOW_SIZE];
};

struct stream {
	struct reach *reach;
	struct console *console;
	int fd;
	struct flow up, down; /* to the server, and from it */
	bool input_ended;     /* nothing more comes from stdin */
	bool is_finished;     /* and the server knows */
	bool has_sent, has_received;
	bool server_ended;
	bool is_over;
	int error;	   /* errno of what cut the connection, or 0 */
	int64_t active_ms; /* [ms] CLOCK_MONOTONIC, when bytes moved last */
	int64_t prompt_ms; /* [ms] when to prompt, unless bytes move before */
	enum talk_status status;
};

enum { INPUT, SOCKET, OUTPUT, POLLED };

static bool is_empty(const struct flow *flow)
{
	return flow->at == flow->end;
}

static void moved(struct stream *s, int prompt_in_ms)
{
	s->active_ms = util_now_ms();
	s->prompt_ms = s->active_ms + prompt_in_ms;
}

static void fail(struct stream *s, const char *what)
{
	log_error("%s: %m", what);
	s->status = TALK_FAILED;
	s->is_over = true;
}

/* The server may still have said something before it cut the connection, so reading goes on. */
static void stop_sending(struct stream *s, int error)
{
	if (s->error == 0)
		s->error = error;
	s->up.at = s->up.end = 0;
	s->input_ended = s->is_finished = true;
}

static void read_input(struct stream *s)
{
	ssize_t got = console_read(s->console, s->up.bytes, FLOW_SIZE);

	if (got < 0) {
		if (errno != EAGAIN)
			fail(s, "standard input");
		return;
	}
	moved(s, ANSWER_MS);
	s->up.at = 0;
	s->up.end = (size_t)got;
	s->input_ended = got == 0;
	if (got > 0 && s->up.bytes[got - 1] == '\n' &&
	    console_is_quit(s->console, s->up.bytes, (size_t)got - 1)) {
		s->up.end = 0;
		s->input_ended = true;
	}
}

static void send_up(struct stream *s)
{
	struct flow *up = &s->up;
	ssize_t sent = send(s->fd, &up->bytes[up->at], up->end - up->at, MSG_NOSIGNAL);

	if (sent < 0) {
		if (errno != EAGAIN && errno != EINTR)
			stop_sending(s, errno);
		return;
	}
	up->at += (size_t)sent;
	s->has_sent = true;
	moved(s, ANSWER_MS);
}

static void finish_sending(struct stream *s)
{
	s->is_finished = true;
	(void)shutdown(s->fd, SHUT_WR); /* fails on a dead connection, which reading reports */
}

static void receive(struct stream *s)
{
	ssize_t got = recv(s->fd, s->down.bytes, FLOW_SIZE, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0)
		stop_sending(s, errno);
	s->server_ended = got <= 0;
	if (got <= 0)
		return;
	s->down.at = 0;
	s->down.end = (size_t)got;
	s->has_received = true;
	moved(s, MORE_MS);
}

/*
 * No more at once than a pipe that polls writable takes without blocking (PIPE_BUF, pipe(7)):
 * a blocked write would keep the other direction waiting.
 */
static void write_down(struct stream *s)
{
	struct flow *down = &s->down;
	size_t len = down->end - down->at;
	int written;

	if (len > PIPE_BUF)
		len = PIPE_BUF;
	if (s->console->is_terminal)
		written = console_show(s->console, &down->bytes[down->at], len);
	else
		written = console_write(&down->bytes[down->at], len);
	if (written != 0) {
		fail(s, "standard output");
		return;
	}
	down->at += len;
	moved(s, MORE_MS);
}

/* Nothing asked is nothing owed. */
static bool is_answered(const struct stream *s)
{
	return s->has_received || !s->has_sent;
}

/* Messages start on a line of their own. */
static void leave(struct stream *s, enum talk_status status)
{
	s->is_over = true;
	s->status = status;
	if (console_start_line(s->console) != 0)
		s->status = TALK_FAILED;
}

/* True if the user has more to send than the server wanted to hear. */
static bool is_input_left(struct stream *s)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	if (!is_empty(&s->up))
		return true;
	if (s->input_ended || s->console->is_terminal || poll(&input, 1, 0) <= 0)
		return false;
	return console_read(s->console, s->up.bytes, FLOW_SIZE) > 0;
}

/* The server has finished and all it said is printed. */
static void judge_end(struct stream *s)
{
	const char *text = s->reach->text;
	bool was_sending = !s->is_finished;

	leave(s, TALK_FAILED);
	if (s->error != 0)
		log_error("%s: connection cut: %s", text, strerror(s->error));
	else if (is_input_left(s))
		log_error("%s: closed by the server before all was sent", text);
	else if (!is_answered(s))
		log_error("%s: closed by the server without an answer", text);
	else
		s->status = TALK_ANSWERED;
	if (s->status == TALK_ANSWERED && was_sending && s->console->is_terminal)
		log_info("%s: closed by the server", text);
}

/* The server did not finish in time after the input had ended. */
static void judge_silence(struct stream *s)
{
	double seconds = s->reach->wait_ms / 1000.0;

	leave(s, TALK_ANSWERED);
	if (s->console->is_terminal && is_answered(s))
		return;
	s->status = TALK_FAILED;
	if (s->has_received)
		log_error("%s: silent for %g s, but not closed: the answer may be incomplete",
			  s->reach->text, seconds);
	else
		log_error("no answer from %s within %g s", s->reach->text, seconds);
}

/* When silence has to end, or INT64_MAX. */
static int64_t silence_ends(const struct stream *s)
{
	int64_t limit = s->reach->wait_ms;

	if (!s->is_finished || !is_empty(&s->down))
		return INT64_MAX;
	if (s->console->is_terminal && is_answered(s) && limit > LEAVE_MS)
		limit = LEAVE_MS;
	return s->active_ms + limit;
}

static bool awaits_prompt(const struct stream *s)
{
	return s->console->is_terminal && !s->console->is_prompted && !s->input_ended;
}

static int timeout(const struct stream *s)
{
	int64_t until = awaits_prompt(s) ? s->prompt_ms : silence_ends(s);
	int64_t left = until - util_now_ms();

	if (until == INT64_MAX)
		return -1;
	return left > 0 ? (int)left : 0;
}

static void time_passed(struct stream *s)
{
	if (!awaits_prompt(s))
		judge_silence(s);
	else if (console_prompt(s->console) != 0)
		fail(s, "standard output");
}

static void prepare(const struct stream *s, struct pollfd fds[POLLED])
{
	bool wants_input = !s->input_ended && is_empty(&s->up);
	bool wants_answer = !s->server_ended && is_empty(&s->down);
	int events = (wants_answer ? POLLIN : 0) | (is_empty(&s->up) ? 0 : POLLOUT);

	fds[INPUT] = (struct pollfd){.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN};
	/* Left out when nothing is wanted: a dead connection would report POLLHUP for ever. */
	fds[SOCKET] = (struct pollfd){.fd = events ? s->fd : -1, .events = (short)events};
	fds[OUTPUT] =
		(struct pollfd){.fd = is_empty(&s->down) ? -1 : STDOUT_FILENO, .events = POLLOUT};
}

static void step(struct stream *s)
{
	struct pollfd fds[POLLED];
	int ready;

	prepare(s, fds);
	ready = poll(fds, POLLED, timeout(s));
	if (ready < 0 && errno != EINTR)
		fail(s, "poll");
	if (ready == 0)
		time_passed(s);
	if (ready <= 0)
		return;
	if (fds[INPUT].revents)
		read_input(s);
	if (fds[SOCKET].revents && !is_empty(&s->up))
		send_up(s);
	if (fds[SOCKET].revents && fds[SOCKET].events & POLLIN)
		receive(s);
	if (fds[OUTPUT].revents)
		write_down(s);
	if (s->input_ended && is_empty(&s->up) && !s->is_finished)
		finish_sending(s);
}

enum talk_status talk_tcp(struct reach *reach, struct console *console, int fd)
{
	struct stream s = {.reach = reach, .console = console, .fd = fd};

	moved(&s, ANSWER_MS);
	while (!s.is_over) {
		step(&s);
		if (s.server_ended && is_empty(&s.down) && !s.is_over)
			judge_end(&s);
	}
	util_close(fd);
	return s.status;
}
