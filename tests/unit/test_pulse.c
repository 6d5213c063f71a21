/* SPDX-License-Identifier: MIT */
/* test_pulse - which workers are asked for a sign of life, and which gave none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/util.h"
#include "master/pulse.h"

#define HANG 1000 /* [ms] */

static const struct config_service service = {.hang_timeout = HANG, .max_connections = 1};
static struct board *board;
static struct child child;
static int worker; /* its end of the commands */

static int setup(void **state)
{
	int pair[2];

	(void)state;
	board = calloc(1, board_size(1));
	if (board == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	worker = pair[1];
	child = (struct child){
		.service = &service, .board = board, .commands = pair[0], .messages.fd = -1};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	util_close(child.commands);
	util_close(worker);
	free(board);
	return 0;
}

static unsigned int count_pings(void)
{
	struct command command;
	unsigned int count = 0;

	while (recv(worker, &command, sizeof(command), 0) == sizeof(command))
		count += command.type == COMMAND_PING;
	return count;
}

static void nothing_to_do_needs_no_sign(void **state)
{
	(void)state;
	assert_int_equal(pulse_look(&child, false, false), PULSE_IDLE);
	assert_int_equal(count_pings(), 0);
}

static void whatever_there_is_to_do_is_a_reason_to_ask(void **state)
{
	(void)state;
	atomic_store(&board->counters.open, 1);
	assert_int_equal(pulse_look(&child, false, false), PULSE_BUSY);
	child.pinged_ms = 0; /* it answered */
	atomic_store(&board->counters.open, 0);
	atomic_store(&board->counters.datagrams_in, 5);
	assert_int_equal(pulse_look(&child, false, false), PULSE_BUSY);
	child.pinged_ms = 0;
	assert_int_equal(pulse_look(&child, true, false), PULSE_BUSY);
	child.pinged_ms = 0;
	assert_int_equal(pulse_look(&child, false, false), PULSE_IDLE);
	assert_int_equal(count_pings(), 3);
}

static void no_answer_in_time_is_silence(void **state)
{
	(void)state;
	assert_int_equal(pulse_look(&child, true, false), PULSE_BUSY);
	assert_true(child.pinged_ms > 0);
	child.pinged_ms = util_now_ms() - HANG / 2;
	assert_int_equal(pulse_look(&child, false, false), PULSE_BUSY); /* asked once more */
	assert_int_equal(count_pings(), 2);
	child.pinged_ms = util_now_ms() - HANG;
	assert_int_equal(pulse_look(&child, false, false), PULSE_SILENT);
}

static void time_in_which_we_slept_does_not_count(void **state)
{
	(void)state;
	child.pinged_ms = util_now_ms() - 100 * HANG;
	assert_int_equal(pulse_look(&child, false, true), PULSE_BUSY);
	child.pinged_ms = util_now_ms() - HANG;
	assert_int_equal(pulse_look(&child, false, false), PULSE_SILENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_to_do_needs_no_sign, setup, teardown),
		cmocka_unit_test_setup_teardown(whatever_there_is_to_do_is_a_reason_to_ask, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_answer_in_time_is_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(time_in_which_we_slept_does_not_count, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
