/* SPDX-License-Identifier: MIT */
/*
 * test_dial - every kind of target is reached, or the reason is told, before the deadline.
 *
 * Nothing here leaves the machine: targets are loopback addresses, "localhost", paths, and one
 * name that cannot be written into a query.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockets.h"
#include "worker/dial.h"

#define WAIT_MS	 20000 /* for what must happen */
#define SHORT_MS 200   /* for what must not */

/* No label of a name may be longer than 63 characters: the resolver fails by itself. */
#define LONG_LABEL "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"

/* As the connector does it: what is numeric is read first. */
static int dial_until(const char *where, int64_t deadline_ms, int *ret_resolve_error)
{
	struct cservd_target target;
	struct addrinfo *numeric;
	const char *why;
	int fd;

	assert_int_equal(target_parse(where, &target, &why), 0);
	numeric = dial_numeric(&target);
	errno = 0;
	fd = dial_target(&target, numeric, deadline_ms, ret_resolve_error);
	if (numeric != NULL)
		freeaddrinfo(numeric);
	return fd;
}

static int dial(const char *where)
{
	int resolve_error;
	int fd = dial_until(where, util_now_ms() + WAIT_MS, &resolve_error);

	assert_int_equal(resolve_error, 0);
	assert_int_not_equal(fd, -1);
	return fd;
}

static void assert_dial_fails(const char *where, int64_t deadline_ms, int error)
{
	int resolve_error;
	int before = sockets_count();

	assert_int_equal(dial_until(where, deadline_ms, &resolve_error), -1);
	assert_int_equal(errno, error);
	assert_int_equal(resolve_error, 0);
	assert_int_equal(sockets_count(), before);
}

static void dial_listener(const char *host, int family)
{
	char where[SOCKETS_WHERE_SIZE];
	int listener = sockets_bind(family, SOCK_STREAM);

	assert_int_equal(listen(listener, 1), 0);
	sockets_assert_connected(listener, dial(sockets_name(where, host, listener, "")));
}

static void connects_over_ipv4(void **state)
{
	(void)state;
	dial_listener("127.0.0.1", AF_INET);
}

static void connects_over_ipv6(void **state)
{
	(void)state;
	dial_listener("[::1]", AF_INET6);
}

static void resolves_a_name(void **state)
{
	(void)state;
	dial_listener("localhost", AF_INET);
}

/* As if a name had the addresses of both places. */
static int dial_both(const char *first, const char *second)
{
	struct cservd_target target;
	struct addrinfo *list, *rest;
	const char *why;
	int resolve_error, fd;

	assert_int_equal(target_parse(second, &target, &why), 0);
	rest = dial_numeric(&target);
	assert_int_equal(target_parse(first, &target, &why), 0);
	list = dial_numeric(&target);
	assert_true(list != NULL && rest != NULL);
	list->ai_next = rest;
	fd = dial_target(&target, list, util_now_ms() + 2 * SHORT_MS, &resolve_error);
	freeaddrinfo(list);
	return fd;
}

static void a_silent_address_leaves_time_for_the_next(void **state)
{
	char where[SOCKETS_WHERE_SIZE];
	struct black_hole hole;
	int listener = sockets_bind(AF_INET, SOCK_STREAM);

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	black_hole_init(&hole);
	(void)sockets_name(where, "127.0.0.1", listener, "");
	sockets_assert_connected(listener, dial_both(hole.where, where));
	black_hole_finish(&hole);
}

static void the_error_of_the_first_address_counts(void **state)
{
	char where[SOCKETS_WHERE_SIZE];
	struct black_hole hole;
	int silent = sockets_bind(AF_INET, SOCK_STREAM);

	(void)state;
	black_hole_init(&hole);
	(void)sockets_name(where, "127.0.0.1", silent, "");
	assert_int_equal(dial_both(where, hole.where), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(close(silent), 0);
	black_hole_finish(&hole);
}

static void connects_over_udp(void **state)
{
	char where[SOCKETS_WHERE_SIZE], text[4];
	int receiver = sockets_bind(AF_INET, SOCK_DGRAM);
	int fd = dial(sockets_name(where, "127.0.0.1", receiver, "/udp"));

	(void)state;
	assert_int_equal(send(fd, "ping", 4, 0), 4);
	assert_int_equal(recv(receiver, text, sizeof(text), 0), 4);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(receiver), 0);
}

static void connects_to_a_path(void **state)
{
	struct path_listener listener;

	(void)state;
	path_listener_init(&listener, 1);
	sockets_assert_connected(listener.fd, dial(listener.where));
	path_listener_finish(&listener);
	assert_dial_fails(listener.where, util_now_ms() + WAIT_MS, ENOENT);
}

static void the_socket_blocks_without_limits(void **state)
{
	char where[SOCKETS_WHERE_SIZE];
	int listener = sockets_bind(AF_INET, SOCK_STREAM);
	struct timeval limit;
	socklen_t len = sizeof(limit);
	int nodelay = 0;
	int fd;

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	fd = dial(sockets_name(where, "127.0.0.1", listener, ""));
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &len), 0);
	assert_true(limit.tv_sec == 0 && limit.tv_usec == 0);
	len = sizeof(nodelay);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
	assert_true(nodelay);
	sockets_assert_connected(listener, fd);
}

static void a_refusal_is_told(void **state)
{
	char where[SOCKETS_WHERE_SIZE];
	int silent = sockets_bind(AF_INET, SOCK_STREAM); /* bound, not listening */

	(void)state;
	(void)sockets_name(where, "127.0.0.1", silent, "");
	assert_dial_fails(where, util_now_ms() + WAIT_MS, ECONNREFUSED);
	assert_dial_fails(where, INT64_MAX, ECONNREFUSED);
	assert_int_equal(close(silent), 0);
}

static void a_name_that_does_not_resolve_is_told(void **state)
{
	int resolve_error;

	(void)state;
	assert_int_equal(dial_until(LONG_LABEL ".invalid:1", INT64_MAX, &resolve_error), -1);
	assert_int_not_equal(resolve_error, 0);
}

static void a_deadline_in_the_past_has_passed(void **state)
{
	static const char *const places[] = {"127.0.0.1:1", "localhost:1", "unix:/nowhere"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		assert_dial_fails(places[i], util_now_ms(), ETIMEDOUT);
		assert_dial_fails(places[i], INT64_MIN, ETIMEDOUT);
	}
}

static void assert_times_out(const char *where)
{
	int64_t start = util_now_ms();

	assert_dial_fails(where, start + SHORT_MS, ETIMEDOUT);
	assert_true(util_now_ms() - start >= SHORT_MS);
	assert_true(util_now_ms() - start < WAIT_MS);
}

static void an_address_that_never_answers_times_out(void **state)
{
	struct black_hole hole;

	(void)state;
	black_hole_init(&hole);
	assert_times_out(hole.where);
	black_hole_finish(&hole);
}

static void a_path_that_never_answers_times_out(void **state)
{
	struct path_listener listener;
	int queued;

	(void)state;
	path_listener_init(&listener, 0);
	queued = dial(listener.where);
	assert_times_out(listener.where);
	path_listener_finish(&listener);
	assert_int_equal(close(queued), 0);
	assert_int_equal(close(listener.fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects_over_ipv4),
		cmocka_unit_test(connects_over_ipv6),
		cmocka_unit_test(resolves_a_name),
		cmocka_unit_test(a_silent_address_leaves_time_for_the_next),
		cmocka_unit_test(the_error_of_the_first_address_counts),
		cmocka_unit_test(connects_over_udp),
		cmocka_unit_test(connects_to_a_path),
		cmocka_unit_test(the_socket_blocks_without_limits),
		cmocka_unit_test(a_refusal_is_told),
		cmocka_unit_test(a_name_that_does_not_resolve_is_told),
		cmocka_unit_test(a_deadline_in_the_past_has_passed),
		cmocka_unit_test(an_address_that_never_answers_times_out),
		cmocka_unit_test(a_path_that_never_answers_times_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
