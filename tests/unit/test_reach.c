/* SPDX-License-Identifier: MIT */
/* test_reach - the words of cservc's command line, and going from one address to the next. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/reach.h"

static struct reach_target parse(const char *host, const char *port)
{
	struct reach_target target;
	const char *wrong, *why = "?";

	if (reach_parse(host, port, &target, &wrong, &why) != 0)
		fail_msg("%s %s was refused: %s", host, port, why);
	return target;
}

static void assert_refused(const char *host, const char *port, const char *about, const char *part)
{
	struct reach_target target;
	const char *wrong = NULL, *why = NULL;

	errno = 0;
	assert_int_equal(reach_parse(host, port, &target, &wrong, &why), -1);
	assert_int_equal(errno, EINVAL);
	assert_string_equal(wrong, about);
	if (!strstr(why, part))
		fail_msg("\"%s\" does not say \"%s\"", why, part);
}

static void takes_host_and_port_apart(void **state)
{
	struct reach_target target = parse("localhost", "7007/tcp");

	(void)state;
	assert_string_equal(target.host, "localhost");
	assert_false(target.is_literal);
	assert_int_equal(target.port, 7007);
	assert_int_equal(target.protocol, ADDR_TCP);
	target = parse("192.0.2.7", "1/udp");
	assert_string_equal(target.host, "192.0.2.7");
	assert_int_equal(target.port, 1);
	assert_int_equal(target.protocol, ADDR_UDP);
}

static void brackets_around_ipv6_are_optional(void **state)
{
	struct reach_target target = parse("[fe80::1%eth0]", "7/tcp");

	(void)state;
	assert_string_equal(target.host, "fe80::1%eth0");
	assert_true(target.is_literal);
	target = parse("::1", "7/tcp");
	assert_string_equal(target.host, "::1");
	assert_false(target.is_literal);
}

static void refuses_bad_hosts(void **state)
{
	char word[400];

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_refused("", "7/tcp", "", "missing");
	assert_refused("[]", "7/tcp", "[]", "missing");
	assert_refused("[", "7/tcp", "[", "closing ]");
	assert_refused("[::1", "7/tcp", "[::1", "closing ]");
	assert_refused(word, "7/tcp", word, "253");
}

static void refuses_bad_ports(void **state)
{
	(void)state;
	assert_refused("h", "", "", "protocol is missing");
	assert_refused("h", "7", "7", "protocol is missing");
	assert_refused("h", "7/sctp", "7/sctp", "tcp or udp");
	assert_refused("h", "0/tcp", "0/tcp", "port 0");
	assert_refused("h", "65536/tcp", "65536/tcp", "65535");
	assert_refused("h", "localhost:7/tcp", "localhost:7/tcp", "two words");
	assert_refused("h", "[::1]:7/tcp", "[::1]:7/tcp", "two words");
	assert_refused("h", "unix:/run/x", "unix:/run/x", "two words");
}

static int resolve(const char *host, int family, const char *want)
{
	struct reach reach = {.family = family, .wait_ms = 1000, .target = parse(host, "7/tcp")};
	const char *why = NULL;
	char text[INET6_ADDRSTRLEN] = "";

	if (reach_resolve(&reach, &why) != 0) {
		assert_non_null(why);
		return -1;
	}
	assert_int_equal(getnameinfo(reach.all->ai_addr, reach.all->ai_addrlen, text, sizeof(text),
				     NULL, 0, NI_NUMERICHOST),
			 0);
	assert_string_equal(text, want);
	reach_finish(&reach);
	assert_null(reach.all);
	return 0;
}

static void resolves_numeric_addresses(void **state)
{
	(void)state;
	assert_int_equal(resolve("127.0.0.1", AF_UNSPEC, "127.0.0.1"), 0);
	assert_int_equal(resolve("::1", AF_UNSPEC, "::1"), 0);
	assert_int_equal(resolve("[::1]", AF_UNSPEC, "::1"), 0);
	assert_int_equal(resolve("[::1]", AF_INET6, "::1"), 0);
}

static void a_family_excludes_the_other(void **state)
{
	(void)state;
	assert_int_equal(resolve("127.0.0.1", AF_INET6, ""), -1);
	assert_int_equal(resolve("[::1]", AF_INET, ""), -1);
	assert_int_equal(resolve("[127.0.0.1]", AF_UNSPEC, ""), -1);
}

/* A socket on a free port of 127.0.0.1, which answers with RST until it listens. */
static int bind_socket(struct sockaddr_in *ret)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*ret);

	*ret = (struct sockaddr_in){.sin_family = AF_INET};
	ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)ret, sizeof(*ret)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &size), 0);
	return fd;
}

static struct addrinfo info(struct sockaddr_in *addr, struct addrinfo *next)
{
	return (struct addrinfo){.ai_family = AF_INET,
				 .ai_socktype = SOCK_STREAM,
				 .ai_addr = (struct sockaddr *)addr,
				 .ai_addrlen = sizeof(*addr),
				 .ai_next = next};
}

static void goes_on_to_the_next_address(void **state)
{
	struct sockaddr_in dead, alive;
	int closed = bind_socket(&dead), listener = bind_socket(&alive);
	struct addrinfo second = info(&alive, NULL), first = info(&dead, &second);
	struct reach reach = {.wait_ms = 10000, .next = &first};
	struct endpoint want = {.addr.in4 = alive};
	char text[ENDPOINT_TEXT_SIZE];
	int fd;

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	fd = reach_connect(&reach);
	assert_true(fd >= 0);
	assert_string_equal(reach.text, endpoint_format(&want, text));
	assert_int_equal(reach.failed, 1);
	assert_int_equal(reach.failures[0].error, ECONNREFUSED);
	assert_null(reach.next);
	assert_int_equal(reach_connect(&reach), -1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(listener), 0);
	assert_int_equal(close(closed), 0);
}

static void notes_every_failure_up_to_a_limit(void **state)
{
	struct reach reach = {.text = "127.0.0.1:7/tcp"};

	(void)state;
	for (int i = 0; i < 2 * REACH_FAILURES; i++)
		reach_note(&reach, i + 1);
	assert_int_equal(reach.failed, REACH_FAILURES);
	assert_int_equal(reach.failures[REACH_FAILURES - 1].error, REACH_FAILURES);
	assert_string_equal(reach.failures[0].text, "127.0.0.1:7/tcp");
}

static void waits_no_longer_than_told(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(reach_wait(ends[0], POLLIN, util_now_ms() - 1), 0);
	assert_int_equal(reach_wait(ends[0], POLLIN, util_now_ms() + 20), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(reach_wait(ends[0], POLLIN, util_now_ms() + 10000), 1);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_host_and_port_apart),
		cmocka_unit_test(brackets_around_ipv6_are_optional),
		cmocka_unit_test(refuses_bad_hosts),
		cmocka_unit_test(refuses_bad_ports),
		cmocka_unit_test(resolves_numeric_addresses),
		cmocka_unit_test(a_family_excludes_the_other),
		cmocka_unit_test(goes_on_to_the_next_address),
		cmocka_unit_test(notes_every_failure_up_to_a_limit),
		cmocka_unit_test(waits_no_longer_than_told),
	};

	return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
