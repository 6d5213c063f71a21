/* SPDX-License-Identifier: MIT */
/* test_addr - listen values, printing and classes of addresses. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"

static union addr in4(const char *host, uint16_t port)
{
	union addr addr = {.in4 = {.sin_family = AF_INET, .sin_port = htons(port)}};

	assert_int_equal(inet_pton(AF_INET, host, &addr.in4.sin_addr), 1);
	return addr;
}

static union addr in6(const char *host, uint16_t port)
{
	union addr addr = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};

	assert_int_equal(inet_pton(AF_INET6, host, &addr.in6.sin6_addr), 1);
	return addr;
}

/* want: the endpoints as endpoint_format() writes them, with a blank in between. */
static void assert_listens(const char *word, const char *want)
{
	struct endpoint out[ADDR_LISTEN_MAX];
	char text[ENDPOINT_TEXT_SIZE], all[2 * ENDPOINT_TEXT_SIZE] = "";
	const char *why = "?";
	int count = addr_parse_listen(word, out, &why);

	if (count < 1)
		fail_msg("\"%s\" was refused: %s", word, why);
	for (int i = 0; i < count; i++) {
		strcat(all, i > 0 ? " " : "");
		strcat(all, endpoint_format(&out[i], text));
	}
	assert_string_equal(all, want);
}

static void assert_refused(const char *word, const char *part)
{
	struct endpoint out[ADDR_LISTEN_MAX];
	const char *why = NULL;

	errno = 0;
	if (addr_parse_listen(word, out, &why) != -1)
		fail_msg("\"%s\" was accepted", word);
	assert_int_equal(errno, EINVAL);
	assert_non_null(why);
	if (!strstr(why, part))
		fail_msg("\"%s\": \"%s\" does not say \"%s\"", word, why, part);
}

static void a_bare_port_is_every_address(void **state)
{
	(void)state;
	assert_listens("7007/tcp", "0.0.0.0:7007/tcp [::]:7007/tcp");
	assert_listens("65535/udp", "0.0.0.0:65535/udp [::]:65535/udp");
	assert_listens("1/udp", "0.0.0.0:1/udp [::]:1/udp");
}

static void localhost_is_both_loopbacks(void **state)
{
	(void)state;
	assert_listens("localhost:7/tcp", "127.0.0.1:7/tcp [::1]:7/tcp");
	assert_listens("LocalHost:7/udp", "127.0.0.1:7/udp [::1]:7/udp");
}

static void an_address_is_itself(void **state)
{
	(void)state;
	assert_listens("127.0.0.1:7/tcp", "127.0.0.1:7/tcp");
	assert_listens("0.0.0.0:7/tcp", "0.0.0.0:7/tcp");
	assert_listens("[::1]:7/udp", "[::1]:7/udp");
	assert_listens("[::]:7/udp", "[::]:7/udp");
	assert_listens("[2001:DB8:0::1]:7/udp", "[2001:db8::1]:7/udp");
}

static void services_are_looked_up_with_their_protocol(void **state)
{
	struct servent *tftp = getservbyname("tftp", "udp");

	(void)state;
	if (!tftp || getservbyname("tftp", "tcp"))
		skip(); /* no usual /etc/services here */
	assert_listens("tftp/udp", "0.0.0.0:69/udp [::]:69/udp");
	assert_listens("[::1]:tftp/udp", "[::1]:69/udp");
	assert_refused("tftp/tcp", "/etc/services");
}

static void refuses_unknown_services(void **state)
{
	(void)state;
	assert_refused("nosuchservice/tcp", "/etc/services");
	assert_refused("7x/tcp", "/etc/services");
	assert_refused("-7/tcp", "/etc/services");
	assert_refused("+7/tcp", "/etc/services");
	assert_refused(" 7/tcp", "/etc/services");
}

static void refuses_port_zero(void **state)
{
	(void)state;
	assert_refused("0/tcp", "port 0 is not allowed");
	assert_refused("127.0.0.1:0/udp", "port 0 is not allowed");
	assert_refused("[::1]:000/udp", "port 0 is not allowed");
}

static void refuses_ports_above_65535(void **state)
{
	(void)state;
	assert_refused("65536/tcp", "65535");
	assert_refused("localhost:99999999999999999999/tcp", "65535");
}

static void refuses_a_missing_port(void **state)
{
	(void)state;
	assert_refused("/tcp", "port is missing");
	assert_refused("127.0.0.1:/tcp", "port is missing");
	assert_refused("127.0.0.1/tcp", "port is missing");
	assert_refused("[::1]:/tcp", "port is missing");
	assert_refused("[::1]/tcp", "a port must follow");
}

static void refuses_a_missing_or_unknown_protocol(void **state)
{
	(void)state;
	assert_refused("", "protocol is missing");
	assert_refused("7007", "PORT/tcp or PORT/udp");
	assert_refused("[::1]:7007", "PORT/tcp or PORT/udp");
	assert_refused("7007/", "tcp or udp");
	assert_refused("7007/sctp", "tcp or udp");
	assert_refused("7007/TCP", "tcp or udp");
	assert_refused("7007/tcp ", "tcp or udp");
	assert_refused("tcp/7007", "tcp or udp");
	assert_refused("7007/tcp|udp", "tcp or udp");
}

static void refuses_unbalanced_brackets(void **state)
{
	(void)state;
	assert_refused("[::1:7/tcp", "closing ]");
	assert_refused("[::1]7/tcp", "colon");
	assert_refused("[]:7/tcp", "between the brackets");
	assert_refused("[127.0.0.1]:7/tcp", "between the brackets");
	assert_refused("[localhost]:7/tcp", "between the brackets");
}

static void refuses_ipv6_without_brackets(void **state)
{
	(void)state;
	assert_refused("::1:7/tcp", "brackets");
	assert_refused("::1/tcp", "brackets");
	assert_refused("2001:db8::1:7/tcp", "brackets");
}

static void refuses_names_and_says_so(void **state)
{
	(void)state;
	assert_refused("example.org:7/tcp", "not looked up");
	assert_refused("localhost.localdomain:7/tcp", "not looked up");
	assert_refused("*:7/tcp", "a port alone");
	assert_refused(":7/tcp", "before the colon is missing");
}

static void refuses_odd_ipv4_forms(void **state)
{
	(void)state;
	assert_refused("127.1:7/tcp", "four numbers");
	assert_refused("127.0.0.01:7/tcp", "leading zeros");
	assert_refused("2130706433:7/tcp", "four numbers");
	assert_refused("127.0.0.256:7/tcp", "255");
	assert_refused("[::ffff:127.0.0.1]:7/tcp", "IPv4 address itself");
}

static void refuses_what_does_not_exist_yet(void **state)
{
	(void)state;
	assert_refused("unix:/run/socket", "UNIX sockets are not supported");
	assert_refused("unix-dgram:/run/socket", "UNIX sockets are not supported");
	assert_refused("fd:web", "inherited sockets are not supported");
}

static void refuses_overlong_words(void **state)
{
	char word[4096];

	(void)state;
	memset(word, '1', sizeof(word));
	memcpy(&word[sizeof(word) - 5], "/tcp", 5);
	assert_refused(word, "too long");
}

static void link_local_addresses_need_an_interface(void **state)
{
	char numbered[64];

	(void)state;
	(void)snprintf(numbered, sizeof(numbered), "[fe80::1%%%u]:7/tcp", if_nametoindex("lo"));
	assert_listens("[fe80::1%lo]:7/tcp", numbered);
	assert_listens(numbered, numbered);
	assert_refused("[fe80::1]:7/tcp", "needs its interface");
	assert_refused("[fe80::1%]:7/tcp", "no such network interface");
	assert_refused("[fe80::1%nosuchif0]:7/tcp", "no such network interface");
	assert_refused("[fe80::1%0]:7/tcp", "no such network interface");
	assert_refused("[fe80::1%4294967297]:7/tcp", "no such network interface");
	assert_refused("[::1%lo]:7/tcp", "only a link-local");
}

static void prints_addresses(void **state)
{
	char text[ADDR_TEXT_SIZE];
	union addr none = {0}, v4 = in4("192.0.2.7", 4711), v6 = in6("2001:db8::1", 4711);

	(void)state;
	assert_string_equal(addr_format(&none, text), "-");
	assert_string_equal(addr_format(&v4, text), "192.0.2.7:4711");
	assert_string_equal(addr_format(&v6, text), "[2001:db8::1]:4711");
}

static void the_longest_address_fits(void **state)
{
	char text[ADDR_TEXT_SIZE];
	union addr addr = in6("fe80:1111:2222:3333:4444:5555:6666:7777", 65535);

	(void)state;
	addr.in6.sin6_scope_id = UINT32_MAX;
	assert_string_equal(addr_format(&addr, text),
			    "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:65535");
}

static void knows_length_and_port(void **state)
{
	union addr none = {0}, v4 = in4("192.0.2.7", 4711), v6 = in6("::1", 65535);

	(void)state;
	assert_int_equal(addr_len(&none), 0);
	assert_int_equal(addr_len(&v4), sizeof(struct sockaddr_in));
	assert_int_equal(addr_len(&v6), sizeof(struct sockaddr_in6));
	assert_int_equal(addr_port(&none), 0);
	assert_int_equal(addr_port(&v4), 4711);
	assert_int_equal(addr_port(&v6), 65535);
}

static void compares_hosts_and_ports(void **state)
{
	union addr none = {0}, a = in4("192.0.2.7", 1), b = in4("192.0.2.7", 2);
	union addr c = in4("192.0.2.8", 1), d = in6("::1", 1), e = in6("::1", 2);

	(void)state;
	assert_true(addr_equal(&none, &none));
	assert_true(addr_equal(&a, &a));
	assert_true(addr_equal(&d, &d));
	assert_true(addr_same_host(&a, &b));
	assert_false(addr_equal(&a, &b));
	assert_false(addr_same_host(&a, &c));
	assert_false(addr_same_host(&a, &d));
	assert_false(addr_same_host(&a, &none));
	assert_true(addr_same_host(&d, &e));
	assert_false(addr_equal(&d, &e));
	e.in6.sin6_scope_id = 2;
	assert_false(addr_same_host(&d, &e));
}

static void classifies(void **state)
{
	static const struct {
		const char *host;
		bool wildcard, loopback, multicast;
	} rows[] = {
		{"0.0.0.0", true, false, false},      {"127.0.0.1", false, true, false},
		{"127.255.0.3", false, true, false},  {"126.0.0.1", false, false, false},
		{"224.0.0.1", false, false, true},    {"239.255.255.250", false, false, true},
		{"223.255.0.1", false, false, false}, {"240.0.0.1", false, false, false},
		{"::", true, false, false},	      {"::1", false, true, false},
		{"ff02::1", false, false, true},      {"2001:db8::1", false, false, false},
	};
	union addr none = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		union addr addr =
			strchr(rows[i].host, ':') ? in6(rows[i].host, 7) : in4(rows[i].host, 7);

		assert_int_equal(addr_is_wildcard(&addr), rows[i].wildcard);
		assert_int_equal(addr_is_loopback(&addr), rows[i].loopback);
		assert_int_equal(addr_is_multicast(&addr), rows[i].multicast);
	}
	assert_false(addr_is_wildcard(&none));
	assert_false(addr_is_loopback(&none));
	assert_false(addr_is_multicast(&none));
}

static void a_source_is_a_host_or_half_an_ipv6_address(void **state)
{
	union addr four = in4("192.0.2.7", 4711), six = in6("2001:db8:1:2:3:4:5:6", 4711);
	union addr host = in4("192.0.2.7", 0), network = in6("2001:db8:1:2::", 0);
	union addr source = addr_source(&four);

	(void)state;
	assert_true(addr_equal(&source, &host));
	source = addr_source(&six);
	assert_true(addr_equal(&source, &network));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_port_is_every_address),
		cmocka_unit_test(localhost_is_both_loopbacks),
		cmocka_unit_test(an_address_is_itself),
		cmocka_unit_test(services_are_looked_up_with_their_protocol),
		cmocka_unit_test(refuses_unknown_services),
		cmocka_unit_test(refuses_port_zero),
		cmocka_unit_test(refuses_ports_above_65535),
		cmocka_unit_test(refuses_a_missing_port),
		cmocka_unit_test(refuses_a_missing_or_unknown_protocol),
		cmocka_unit_test(refuses_unbalanced_brackets),
		cmocka_unit_test(refuses_ipv6_without_brackets),
		cmocka_unit_test(refuses_names_and_says_so),
		cmocka_unit_test(refuses_odd_ipv4_forms),
		cmocka_unit_test(refuses_what_does_not_exist_yet),
		cmocka_unit_test(refuses_overlong_words),
		cmocka_unit_test(link_local_addresses_need_an_interface),
		cmocka_unit_test(prints_addresses),
		cmocka_unit_test(the_longest_address_fits),
		cmocka_unit_test(knows_length_and_port),
		cmocka_unit_test(compares_hosts_and_ports),
		cmocka_unit_test(classifies),
		cmocka_unit_test(a_source_is_a_host_or_half_an_ipv6_address),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
