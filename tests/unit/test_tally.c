/* SPDX-License-Identifier: MIT */
/* test_tally - the counters on a board, in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "master/tally.h"

static void a_worker_without_datagrams_has_no_line(void **state)
{
	const struct board board = {.counters.datagrams_out = 3, .counters.accepted = 7};
	char text[TALLY_TEXT_SIZE] = "old";

	(void)state;
	assert_string_equal(tally_format(&board, text), "");
}

static void names_what_was_dropped_and_why(void **state)
{
	const struct board board = {
		.counters = {.datagrams_in = 8,
			     .datagrams_out = 1,
			     .dropped = {[DROP_AMPLIFY] = 5, [DROP_BANNED] = 2}}};
	char text[TALLY_TEXT_SIZE];

	(void)state;
	assert_string_equal(tally_format(&board, text),
			    "datagrams: 8 in, 1 out, dropped 5: amplify, dropped 2: penalty");
}

static void the_largest_counters_fit(void **state)
{
	static const char end[] = ", dropped 18446744073709551615: penalty";
	struct board board;
	char text[TALLY_TEXT_SIZE];

	(void)state;
	memset(&board, 0xff, sizeof(board));
	(void)tally_format(&board, text); /* the text is looked at */
	assert_string_equal(text + strlen(text) - strlen(end), end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_without_datagrams_has_no_line),
		cmocka_unit_test(names_what_was_dropped_and_why),
		cmocka_unit_test(the_largest_counters_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
