/* SPDX-License-Identifier: MIT */
/* test_penalty - who was in flight at crash after crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master/penalty.h"

#define SLOTS  100
#define WINDOW 90000 /* [ms] */

static struct penalty penalty;
static struct board *board;
static union addr guilty[PENALTY_SUSPECTS];
static int64_t now;

static int setup(void **state)
{
	(void)state;
	memset(&penalty, 0, sizeof(penalty));
	board = calloc(1, board_size(SLOTS));
	now = 1000000;
	return board == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	free(board);
	return 0;
}

static union addr address(const char *host, uint16_t port)
{
	union addr addr = {0};

	if (strchr(host, ':') != NULL) {
		addr.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		assert_int_equal(inet_pton(AF_INET6, host, &addr.in6.sin6_addr), 1);
	} else {
		addr.in4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		assert_int_equal(inet_pton(AF_INET, host, &addr.in4.sin_addr), 1);
	}
	return addr;
}

static void fly(uint32_t slot, const char *host)
{
	board->flight[slot].peer = address(host, (uint16_t)(1000 + slot));
	atomic_store(&board->flight[slot].state, FLIGHT_OPEN);
}

static void land(uint32_t slot)
{
	atomic_store(&board->flight[slot].state, FLIGHT_WAITING);
}

/* A crash a second after the last one. */
static uint32_t crash(void)
{
	now += 1000;
	return penalty_note(&penalty, board, SLOTS, now, WINDOW, guilty);
}

static void the_third_crash_in_a_row_finds_the_source(void **state)
{
	union addr source = address("192.0.2.7", 0);

	(void)state;
	fly(5, "192.0.2.7");
	fly(9, "192.0.2.7"); /* twice in flight is one source */
	assert_int_equal(crash(), 0);
	assert_int_equal(crash(), 0);
	assert_int_equal(crash(), 1);
	assert_true(addr_equal(&guilty[0], &source));
	assert_int_equal(crash(), 1);
}

static void a_crash_without_the_source_starts_again(void **state)
{
	(void)state;
	fly(5, "192.0.2.7");
	assert_int_equal(crash(), 0);
	assert_int_equal(crash(), 0);
	land(5);
	fly(6, "192.0.2.8");
	assert_int_equal(crash(), 0);
	fly(5, "192.0.2.7");
	assert_int_equal(crash(), 0);
	assert_int_equal(crash(), 1); /* 192.0.2.8 only */
}

static void crashes_far_apart_are_not_in_a_row(void **state)
{
	(void)state;
	fly(5, "192.0.2.7");
	assert_int_equal(crash(), 0);
	assert_int_equal(crash(), 0);
	now += WINDOW;
	assert_int_equal(crash(), 0);
}

static void an_ipv6_source_is_its_first_64_bits(void **state)
{
	union addr source = address("2001:db8:1:2::", 0);

	(void)state;
	fly(0, "2001:db8:1:2::1");
	assert_int_equal(crash(), 0);
	fly(0, "2001:db8:1:2:ffff::9");
	assert_int_equal(crash(), 0);
	fly(0, "2001:db8:1:2:3:4:5:6");
	assert_int_equal(crash(), 1);
	assert_true(addr_equal(&guilty[0], &source));
}

static void a_proxy_on_the_loopback_is_never_guilty(void **state)
{
	(void)state;
	fly(0, "127.0.0.1");
	fly(1, "::1");
	for (int i = 0; i < 5; i++)
		assert_int_equal(crash(), 0);
}

static void a_slot_that_is_not_sane_is_nobody(void **state)
{
	(void)state;
	fly(0, "192.0.2.7");
	board->flight[0].peer.sa.sa_family = AF_UNIX;
	for (int i = 0; i < 5; i++)
		assert_int_equal(crash(), 0);
}

static void more_sources_than_can_be_followed_do_no_harm(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < SLOTS; i++) {
		char host[32];

		(void)snprintf(host, sizeof(host), "192.0.2.%u", i + 1);
		fly(i, host);
	}
	assert_int_equal(crash(), 0);
	assert_int_equal(crash(), 0);
	assert_int_equal(crash(), PENALTY_SUSPECTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_third_crash_in_a_row_finds_the_source, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_crash_without_the_source_starts_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(crashes_far_apart_are_not_in_a_row, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_ipv6_source_is_its_first_64_bits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_proxy_on_the_loopback_is_never_guilty, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_slot_that_is_not_sane_is_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(more_sources_than_can_be_followed_do_no_harm, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
