/* SPDX-License-Identifier: MIT */
/* test_handover - the memory that a worker gets says all, and cannot be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <syslog.h>

#include "common/promise.h"
#include "master/handover.h"

#define SEALS	  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
#define ALL_SEALS (SEALS | F_SEAL_WRITE) /* but F_SEAL_EXEC, which newer kernels add */

static char path[] = "/lib/echo.so", name[] = "case", value[] = "unicode", empty[] = "";

static struct config_option options[] = {
	{.name = name, .value = value, .where = {.file = "cservd.ini", .line = 9}},
	{.name = name, .value = empty, .where = {.file = "opt.case="}},
};

static const struct config_service service = {
	.name = "echo-upper",
	.handler_where = {.file = "cservd.ini", .line = 5},
	.path = path,
	.promises = PROMISE_STDIO | PROMISE_INET,
	.unsandboxed = true,
	.max_connections = 7,
	.idle_timeout = 1000,
	.max_duration = SETTINGS_UNLIMITED,
	.stack_size = 262144,
	.log_connections = true,
	.udp_amplify = 3,
	.options = options,
	.option_count = 2,
};

static const struct handover handover = {
	.mode = MODE_CHECK, .log_level = LOG_DEBUG, .listeners = 3, .tcp_listeners = 2};

static void settings_carry_the_service(void **state)
{
	CLEANUP_CLOSE int fd = handover_settings(&service, &handover);
	struct settings settings;

	(void)state;
	assert_int_equal(pread(fd, &settings, sizeof(settings), 0), sizeof(settings));
	assert_int_equal(settings.size, sizeof(settings));
	assert_int_equal(settings.mode, MODE_CHECK);
	assert_string_equal(settings.name, "echo-upper");
	assert_int_equal(settings.log_connections, 1);
	assert_int_equal(settings.unsandboxed, 1);
	assert_int_equal(settings.log_level, LOG_DEBUG);
	assert_int_equal(settings.listeners, 3);
	assert_int_equal(settings.tcp_listeners, 2);
	assert_int_equal(settings.promises, PROMISE_STDIO | PROMISE_INET);
	assert_int_equal(settings.max_connections, 7);
	assert_int_equal(settings.idle_ms, 1000);
	assert_int_equal(settings.duration_ms, SETTINGS_UNLIMITED);
	assert_int_equal(settings.stack_size, 262144);
	assert_int_equal(settings.udp_amplify, 3);
	assert_int_equal(settings.options, 2);
}

static void strings_follow_the_settings(void **state)
{
	static const char expected[] = "/lib/echo.so\0cservd.ini:5\0"
				       "case\0unicode\0cservd.ini:9\0"
				       "case\0\0opt.case=";
	CLEANUP_CLOSE int fd = handover_settings(&service, &handover);
	struct settings settings;
	char strings[sizeof(expected) + 1];

	(void)state;
	assert_int_equal(pread(fd, &settings, sizeof(settings), 0), sizeof(settings));
	assert_int_equal(settings.strings, sizeof(expected));
	assert_int_equal(pread(fd, strings, sizeof(strings), sizeof(settings)), sizeof(expected));
	assert_memory_equal(strings, expected, sizeof(expected));
}

static void settings_cannot_be_changed(void **state)
{
	CLEANUP_CLOSE int fd = handover_settings(&service, &handover);

	(void)state;
	assert_int_equal(fcntl(fd, F_GET_SEALS) & ALL_SEALS, ALL_SEALS);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
}

static void a_board_has_its_size_for_ever(void **state)
{
	const struct board *board = NULL;
	CLEANUP_CLOSE int fd = handover_board(5, &board);
	struct stat file;

	(void)state;
	assert_int_equal(fstat(fd, &file), 0);
	assert_int_equal(file.st_size, board_size(5));
	assert_int_equal(fcntl(fd, F_GET_SEALS) & ALL_SEALS, SEALS);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(munmap((void *)(uintptr_t)board, board_size(5)), 0);
}

static void what_a_worker_writes_on_its_board_is_seen(void **state)
{
	const struct board *board = NULL;
	CLEANUP_CLOSE int fd = handover_board(1, &board);
	uint64_t accepted = 42;

	(void)state;
	assert_int_equal(
		pwrite(fd, &accepted, sizeof(accepted), offsetof(struct board, counters.accepted)),
		sizeof(accepted));
	assert_int_equal(atomic_load(&board->counters.accepted), 42);
	assert_int_equal(munmap((void *)(uintptr_t)board, board_size(1)), 0);
}

static void targets_count_only_when_sealed(void **state)
{
	CLEANUP_CLOSE int fd = handover_targets();

	(void)state;
	assert_false(handover_has_targets(fd));
	assert_int_equal(write(fd, "target", 6), 6);
	assert_false(handover_has_targets(fd));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, SEALS & ~F_SEAL_SEAL), 0);
	assert_false(handover_has_targets(fd));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_WRITE), 0);
	assert_true(handover_has_targets(fd));
}

static void sealed_without_a_target_is_none(void **state)
{
	CLEANUP_CLOSE int fd = handover_targets();

	(void)state;
	assert_int_equal(fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_WRITE), 0);
	assert_false(handover_has_targets(fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_carry_the_service),
		cmocka_unit_test(strings_follow_the_settings),
		cmocka_unit_test(settings_cannot_be_changed),
		cmocka_unit_test(a_board_has_its_size_for_ever),
		cmocka_unit_test(what_a_worker_writes_on_its_board_is_seen),
		cmocka_unit_test(targets_count_only_when_sealed),
		cmocka_unit_test(sealed_without_a_target_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
