/* SPDX-License-Identifier: MIT */
/* test_inflight - the peers on a board that a hostile worker may have written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "master/inflight.h"

#define SLOTS 16

static int set_up(void **state)
{
	*state = aligned_alloc(64, board_size(SLOTS));
	if (*state == NULL)
		return -1;
	memset(*state, 0, board_size(SLOTS));
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void serve(struct board *board, size_t slot, uint16_t port)
{
	struct flight *flight = &board->flight[slot];

	flight->peer.in4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	flight->peer.in4.sin_addr.s_addr = htonl(0xC0000207);
	atomic_store(&flight->state, FLIGHT_OPEN);
}

static void an_idle_board_names_nobody(void **state)
{
	char text[INFLIGHT_TEXT_SIZE];

	assert_string_equal(inflight_format(*state, SLOTS, text), "");
	assert_int_equal(inflight_count(*state, SLOTS), 0);
}

static void only_open_flights_are_named(void **state)
{
	struct board *board = *state;
	char text[INFLIGHT_TEXT_SIZE];

	serve(board, 2, 1);
	serve(board, 3, 2);
	serve(board, SLOTS - 1, 3);
	atomic_store(&board->flight[3].state, FLIGHT_WAITING);
	assert_string_equal(inflight_format(board, SLOTS, text), "192.0.2.7:1, 192.0.2.7:3");
	assert_int_equal(inflight_count(board, SLOTS), 2);
}

static void peers_beyond_eight_are_counted(void **state)
{
	struct board *board = *state;
	char text[INFLIGHT_TEXT_SIZE];

	for (size_t i = 0; i < 8; i++)
		serve(board, i, (uint16_t)(i + 1));
	assert_null(strstr(inflight_format(board, SLOTS, text), "more"));
	serve(board, 8, 9);
	serve(board, 9, 10);
	assert_non_null(strstr(inflight_format(board, SLOTS, text), "192.0.2.7:8 and 2 more"));
	assert_null(strstr(text, ":9"));
}

static void the_longest_list_fits(void **state)
{
	struct board *board = *state;
	char text[INFLIGHT_TEXT_SIZE];

	for (size_t i = 0; i < SLOTS; i++) {
		struct sockaddr_in6 *peer = &board->flight[i].peer.in6;

		memset(peer, 0xee, sizeof(*peer));
		peer->sin6_family = AF_INET6;
		atomic_store(&board->flight[i].state, FLIGHT_OPEN);
	}
	assert_non_null(strstr(inflight_format(board, SLOTS, text), " and 8 more"));
}

static void nonsense_is_left_out(void **state)
{
	struct board *board = *state;
	char text[INFLIGHT_TEXT_SIZE];

	memset(board, 0xff, board_size(SLOTS));
	assert_string_equal(inflight_format(board, SLOTS, text), "");
	serve(board, 0, 1);
	board->flight[0].peer.sa.sa_family = AF_UNIX;
	assert_int_equal(inflight_count(board, SLOTS), 0);
}

static void only_our_own_number_of_slots_is_read(void **state)
{
	struct board *board = *state;

	serve(board, 1, 1);
	serve(board, 2, 2);
	assert_int_equal(inflight_count(board, 2), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_idle_board_names_nobody),     TEST(only_open_flights_are_named),
		TEST(peers_beyond_eight_are_counted), TEST(the_longest_list_fits),
		TEST(nonsense_is_left_out),	      TEST(only_our_own_number_of_slots_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
