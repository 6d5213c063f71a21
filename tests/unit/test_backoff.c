/* SPDX-License-Identifier: MIT */
/* test_backoff - the series of waiting times, and what starts it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "master/backoff.h"

static void short_lives_wait_longer_and_longer(void **state)
{
	static const uint64_t expected[] = {0,	 0,    0,    50,   100,	 200, 400,
					    800, 1600, 3200, 5000, 5000, 5000};
	struct backoff backoff = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(backoff_next(&backoff, (int64_t)i % 2 == 0 ? -1 : 999),
				 expected[i]);
}

static void a_good_life_starts_the_series_again(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	for (int i = 0; i < 5; i++)
		(void)backoff_next(&backoff, -1); /* only the step counts */
	assert_int_equal(backoff_next(&backoff, BACKOFF_GOOD_MS), 0);
	assert_int_equal(backoff_next(&backoff, BACKOFF_GOOD_MS - 1), 0);
	assert_int_equal(backoff_next(&backoff, -1), 0);
	assert_int_equal(backoff_next(&backoff, -1), 0);
	assert_int_equal(backoff_next(&backoff, -1), 50);
}

static void a_service_that_dies_after_long_lives_never_waits(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(backoff_next(&backoff, INT64_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_lives_wait_longer_and_longer),
		cmocka_unit_test(a_good_life_starts_the_series_again),
		cmocka_unit_test(a_service_that_dies_after_long_lives_never_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
