/* SPDX-License-Identifier: MIT */
/* test_lsm - the words for what a kernel's Landlock can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/lsm.h"

static void says_what_each_version_guards(void **state)
{
	char text[LSM_LEVEL_SIZE];

	(void)state;
	assert_string_equal(lsm_landlock_level(0, text),
			    "this kernel has no Landlock: paths are guarded by seccomp and the "
			    "user's rights only");
	assert_string_equal(lsm_landlock_level(2, text),
			    "landlock: ABI 2: files, but not their truncation");
	assert_string_equal(lsm_landlock_level(3, text), "landlock: ABI 3: files");
	assert_string_equal(lsm_landlock_level(5, text), "landlock: ABI 5: files and TCP ports");
	assert_string_equal(lsm_landlock_level(99, text),
			    "landlock: ABI 99: files, TCP ports, signals and abstract UNIX "
			    "sockets");
}

static void asks_the_kernel_the_same_twice(void **state)
{
	(void)state;
	assert_true(lsm_landlock_abi() >= 0);
	assert_int_equal(lsm_landlock_abi(), lsm_landlock_abi());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_each_version_guards),
		cmocka_unit_test(asks_the_kernel_the_same_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
