/* SPDX-License-Identifier: MIT */
/* test_conn - the calls of the plugin API on a stream, over a socket pair. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/conn.h"
#include "worker/service.h"
#include "worker/stream.h"

static struct settings settings = {
	.idle_ms = SETTINGS_UNLIMITED, .duration_ms = SETTINGS_UNLIMITED, .log_level = LOG_DEBUG};

struct fixture {
	struct cservd_conn conn;
	int peer;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int pair[2];

	assert_non_null(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	settings.idle_ms = SETTINGS_UNLIMITED;
	service.settings = &settings;
	conn_init(&f->conn, &stream_ops, &service);
	stream_attach(&f->conn, pair[0], CONN_NO_LIMIT);
	f->peer = pair[1];
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	conn_finish(&f->conn);
	util_close(f->conn.fd);
	util_close(f->peer);
	free(f);
	return 0;
}

static void say(struct fixture *f, const char *text)
{
	assert_int_equal(write(f->peer, text, strlen(text)), strlen(text));
}

static void hang_up(struct fixture *f)
{
	assert_int_equal(shutdown(f->peer, SHUT_WR), 0);
}

static void read_returns_what_came_and_then_end_of_file(void **state)
{
	struct fixture *f = *state;
	char buf[16];

	say(f, "hello");
	hang_up(f);
	assert_int_equal(cservd_read(&f->conn, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(cservd_read(&f->conn, buf, sizeof(buf)), 0);
	assert_true(f->conn.ended);
	assert_int_equal(f->conn.in, 5);
}

static void readn_takes_exactly_what_was_asked(void **state)
{
	struct fixture *f = *state;
	char buf[4];

	say(f, "abcdefg");
	hang_up(f);
	assert_int_equal(cservd_readn(&f->conn, buf, 4), 1);
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(cservd_readn(&f->conn, buf, 4), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(cservd_readn(&f->conn, buf, 4), 0);
}

static void readline_strips_lf_and_crlf_and_accepts_a_last_line_without(void **state)
{
	struct fixture *f = *state;
	char line[16];

	say(f, "one\ntwo\r\n\nla\rst");
	hang_up(f);
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), 1);
	assert_string_equal(line, "one");
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), 1);
	assert_string_equal(line, "two");
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), 1);
	assert_string_equal(line, "");
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), 1);
	assert_string_equal(line, "la\rst");
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), 0);
}

static void readline_fits_a_line_of_exactly_size_minus_one(void **state)
{
	struct fixture *f = *state;
	char line[4];

	say(f, "abc\r\nabcd\n");
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), 1);
	assert_string_equal(line, "abc");
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), -1);
	assert_int_equal(errno, EMSGSIZE);
}

static void readline_refuses_nul(void **state)
{
	struct fixture *f = *state;
	char line[16];

	assert_int_equal(write(f->peer, "a\0b\n", 4), 4);
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), -1);
	assert_int_equal(errno, EILSEQ);
}

static void readline_handles_a_line_longer_than_the_read_ahead(void **state)
{
	struct fixture *f = *state;
	static char sent[3 * CONN_AHEAD], line[4 * CONN_AHEAD];

	memset(sent, 'x', sizeof(sent));
	sent[sizeof(sent) - 1] = '\n';
	assert_int_equal(write(f->peer, sent, sizeof(sent)), sizeof(sent));
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), 1);
	assert_int_equal(strlen(line), sizeof(sent) - 1);
}

static void read_after_readline_gets_what_was_held_back(void **state)
{
	struct fixture *f = *state;
	char line[16], buf[16];

	say(f, "one\nrest");
	assert_int_equal(cservd_readline(&f->conn, line, sizeof(line)), 1);
	assert_int_equal(cservd_fd(&f->conn), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(cservd_wait(&f->conn, 0), 1);
	assert_int_equal(cservd_read(&f->conn, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "rest", 4);
	assert_int_equal(cservd_fd(&f->conn), f->conn.fd);
}

static void printf_sends_texts_longer_than_its_buffer(void **state)
{
	struct fixture *f = *state;
	static char got[8192];

	assert_int_equal(cservd_printf(&f->conn, "%4000d|", 7), 0);
	assert_int_equal(recv(f->peer, got, 4001, MSG_WAITALL), 4001);
	assert_memory_equal(got + 3998, " 7|", 3);
	assert_int_equal(f->conn.out, 4001);
}

static void *drain_peer(void *argument)
{
	int fd = *(int *)argument;
	static char buf[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		total += (size_t)n;
	return (void *)total;
}

static void write_hands_over_everything_even_to_a_slow_reader(void **state)
{
	struct fixture *f = *state;
	static char bytes[4 << 20];
	pthread_t reader;
	void *total;

	assert_int_equal(pthread_create(&reader, NULL, drain_peer, &f->peer), 0);
	assert_int_equal(cservd_write(&f->conn, bytes, sizeof(bytes)), 0);
	assert_int_equal(cservd_finish(&f->conn), 0);
	assert_int_equal(pthread_join(reader, &total), 0);
	assert_int_equal((size_t)total, sizeof(bytes));
}

static void write_to_a_closed_peer_fails_without_a_signal(void **state)
{
	struct fixture *f = *state;

	util_close(f->peer);
	f->peer = -1;
	assert_int_equal(cservd_write(&f->conn, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
}

static void wait_tells_input_from_silence(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(cservd_wait(&f->conn, 1), 0);
	say(f, "x");
	assert_int_equal(cservd_wait(&f->conn, -1), 1);
}

static void idle_timeout_ends_a_read_and_a_write(void **state)
{
	struct fixture *f = *state;
	static char bytes[4 << 20];
	char buf[4];

	cservd_idle_timeout(&f->conn, 5);
	assert_int_equal(cservd_read(&f->conn, buf, sizeof(buf)), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(cservd_write(&f->conn, bytes, sizeof(bytes)), -1);
	assert_int_equal(errno, ETIMEDOUT);
}

static void idle_timeout_never_exceeds_the_configured_one(void **state)
{
	struct fixture *f = *state;
	char buf[4];

	settings.idle_ms = 5;
	cservd_idle_timeout(&f->conn, 3600000);
	assert_int_equal(f->conn.idle_ms, 5);
	assert_int_equal(cservd_read(&f->conn, buf, sizeof(buf)), -1);
	assert_int_equal(errno, ETIMEDOUT);
}

static void deadline_ends_read_wait_and_sleep(void **state)
{
	struct fixture *f = *state;
	char buf[4];

	conn_current = &f->conn;
	cservd_deadline(&f->conn, 5);
	cservd_deadline(&f->conn, 3600000);
	assert_int_equal(cservd_sleep(60000), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(cservd_wait(&f->conn, 60000), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(cservd_read(&f->conn, buf, sizeof(buf)), -1);
	assert_int_equal(errno, ETIMEDOUT);
	conn_current = NULL;
}

static void *cut(void *argument)
{
	conn_cut(argument, CUT_DRAIN);
	return NULL;
}

static void a_cut_ends_a_read_that_waits_with_its_reason(void **state)
{
	struct fixture *f = *state;
	pthread_t cutter;
	char buf[4];

	assert_int_equal(pthread_create(&cutter, NULL, cut, &f->conn), 0);
	assert_int_equal(cservd_read(&f->conn, buf, sizeof(buf)), -1);
	assert_int_equal(errno, ECANCELED);
	assert_int_equal(pthread_join(cutter, NULL), 0);
	conn_cut(&f->conn, CUT_DENIED);
	assert_int_equal(cservd_write(&f->conn, "x", 1), -1);
	assert_int_equal(errno, ECANCELED); /* the first reason stays */
}

static void linger_delivers_what_was_written_although_input_is_unread(void **state)
{
	struct fixture *f = *state;
	char buf[8];

	say(f, "unread");
	assert_int_equal(cservd_write(&f->conn, "answer", 6), 0);
	hang_up(f);
	stream_linger(&f->conn);
	util_close(f->conn.fd);
	f->conn.fd = -1;
	assert_int_equal(recv(f->peer, buf, sizeof(buf), MSG_WAITALL), 6);
	assert_memory_equal(buf, "answer", 6);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(read_returns_what_came_and_then_end_of_file),
		TEST(readn_takes_exactly_what_was_asked),
		TEST(readline_strips_lf_and_crlf_and_accepts_a_last_line_without),
		TEST(readline_fits_a_line_of_exactly_size_minus_one),
		TEST(readline_refuses_nul),
		TEST(readline_handles_a_line_longer_than_the_read_ahead),
		TEST(read_after_readline_gets_what_was_held_back),
		TEST(printf_sends_texts_longer_than_its_buffer),
		TEST(write_hands_over_everything_even_to_a_slow_reader),
		TEST(write_to_a_closed_peer_fails_without_a_signal),
		TEST(wait_tells_input_from_silence),
		TEST(idle_timeout_ends_a_read_and_a_write),
		TEST(idle_timeout_never_exceeds_the_configured_one),
		TEST(deadline_ends_read_wait_and_sleep),
		TEST(a_cut_ends_a_read_that_waits_with_its_reason),
		TEST(linger_delivers_what_was_written_although_input_is_unread),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
