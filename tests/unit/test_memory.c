/* SPDX-License-Identifier: MIT */
/* test_memory - memory for data can be sealed, and is not passed on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>

#include "common/memory.h"

static void it_can_be_sealed(void **state)
{
	CLEANUP_CLOSE int fd = memory_create("test");

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
}

static void it_is_closed_at_exec(void **state)
{
	CLEANUP_CLOSE int fd = memory_create("test");

	(void)state;
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_can_be_sealed),
		cmocka_unit_test(it_is_closed_at_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
