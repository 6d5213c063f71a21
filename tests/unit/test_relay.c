/* SPDX-License-Identifier: MIT */
/* test_relay - cservd_relay() between two socket pairs: client = a ... b = server. */
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

static struct settings settings = {.idle_ms = SETTINGS_UNLIMITED,
				   .duration_ms = SETTINGS_UNLIMITED};

struct fixture {
	struct cservd_conn a, b;
	int client, server;
	int result, error;
	pthread_t relay;
};

static int attach(struct cservd_conn *conn)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	conn_init(conn, &stream_ops, &service);
	stream_attach(conn, pair[0], CONN_NO_LIMIT);
	return pair[1];
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	settings.idle_ms = SETTINGS_UNLIMITED;
	service.settings = &settings;
	f.client = attach(&f.a);
	f.server = attach(&f.b);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	conn_finish(&f->a);
	conn_finish(&f->b);
	util_close(f->a.fd);
	util_close(f->b.fd);
	util_close(f->client);
	util_close(f->server);
	return 0;
}

static void *run(void *argument)
{
	struct fixture *f = argument;

	f->result = cservd_relay(&f->a, &f->b);
	f->error = errno;
	return NULL;
}

static void begin(struct fixture *f)
{
	assert_int_equal(pthread_create(&f->relay, NULL, run, f), 0);
}

static void join(struct fixture *f)
{
	assert_int_equal(pthread_join(f->relay, NULL), 0);
}

static void carries_both_ways_and_each_half_close(void **state)
{
	struct fixture *f = *state;
	char buf[16];

	begin(f);
	assert_int_equal(write(f->client, "question", 8), 8);
	assert_int_equal(shutdown(f->client, SHUT_WR), 0);
	assert_int_equal(recv(f->server, buf, 8, MSG_WAITALL), 8);
	assert_int_equal(recv(f->server, buf + 8, 1, 0), 0);
	assert_int_equal(write(f->server, "answer", 6), 6);
	assert_int_equal(recv(f->client, buf, 6, MSG_WAITALL), 6);
	assert_memory_equal(buf, "answer", 6);
	assert_int_equal(shutdown(f->server, SHUT_WR), 0);
	join(f);
	assert_int_equal(f->result, 0);
	assert_int_equal(f->a.in, 8);
	assert_int_equal(f->a.out, 6);
}

static void delivers_what_readline_held_back(void **state)
{
	struct fixture *f = *state;
	char line[16], buf[16];

	assert_int_equal(write(f->client, "one\nheld", 8), 8);
	assert_int_equal(cservd_readline(&f->a, line, sizeof(line)), 1);
	begin(f);
	assert_int_equal(recv(f->server, buf, 4, MSG_WAITALL), 4);
	assert_memory_equal(buf, "held", 4);
	assert_int_equal(shutdown(f->client, SHUT_WR), 0);
	assert_int_equal(shutdown(f->server, SHUT_WR), 0);
	join(f);
	assert_int_equal(f->result, 0);
	assert_int_equal(f->a.in, 8);
}

struct flood {
	int fd;
	size_t size;
};

static void *flood(void *argument)
{
	struct flood *flood = argument;
	static const char bytes[65536];

	for (size_t sent = 0; sent < flood->size;) {
		ssize_t n = write(flood->fd, bytes, sizeof(bytes));

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	(void)shutdown(flood->fd, SHUT_WR);
	return NULL;
}

static size_t swallow(int fd)
{
	static char bytes[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		total += (size_t)n;
	return total;
}

static void both_sides_may_send_everything_before_they_read(void **state)
{
	struct fixture *f = *state;
	struct flood to_server = {f->client, 4 << 20}, to_client = {f->server, 4 << 20};
	pthread_t first, second;

	begin(f);
	assert_int_equal(pthread_create(&first, NULL, flood, &to_server), 0);
	assert_int_equal(pthread_create(&second, NULL, flood, &to_client), 0);
	assert_int_equal(swallow(f->client), 4 << 20);
	assert_int_equal(swallow(f->server), 4 << 20);
	assert_int_equal(pthread_join(first, NULL), 0);
	assert_int_equal(pthread_join(second, NULL), 0);
	join(f);
	assert_int_equal(f->result, 0);
}

static void gives_up_when_both_sides_are_silent(void **state)
{
	struct fixture *f = *state;

	cservd_idle_timeout(&f->a, 5);
	begin(f);
	join(f);
	assert_int_equal(f->result, -1);
	assert_int_equal(f->error, ETIMEDOUT);
}

static void a_cut_ends_it(void **state)
{
	struct fixture *f = *state;

	begin(f);
	conn_cut(&f->a, CUT_DRAIN);
	join(f);
	assert_int_equal(f->result, -1);
	assert_int_equal(f->error, ECANCELED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(carries_both_ways_and_each_half_close),
		TEST(delivers_what_readline_held_back),
		TEST(both_sides_may_send_everything_before_they_read),
		TEST(gives_up_when_both_sides_are_silent),
		TEST(a_cut_ends_it),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
