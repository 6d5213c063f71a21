/* SPDX-License-Identifier: MIT */
/* test_message - only whole and sane messages pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "common/message.h"

static struct message sample(void)
{
	struct message message = {.type = MESSAGE_LOG, .priority = LOG_INFO, .text = "hello"};

	message.peer.sa.sa_family = AF_INET;
	return message;
}

static void assert_passes(const struct message *message)
{
	struct message copy;

	assert_int_equal(message_check(message, sizeof(*message), &copy), 0);
	assert_memory_equal(&copy, message, sizeof(copy));
}

static void assert_refused(const struct message *message, size_t size)
{
	struct message copy;

	memset(&copy, 'x', sizeof(copy));
	errno = 0;
	assert_int_equal(message_check(message, size, &copy), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(copy.text[MESSAGE_TEXT - 1], '\0');
}

static void a_sane_message_is_copied(void **state)
{
	struct message message = sample();

	(void)state;
	assert_passes(&message);
}

static void every_other_size_is_refused(void **state)
{
	struct message message[2] = {sample(), sample()};

	(void)state;
	assert_refused(message, 0);
	assert_refused(message, 1);
	assert_refused(message, MESSAGE_SIZE - 1);
	assert_refused(message, MESSAGE_SIZE + 1);
	assert_refused(message, sizeof(message));
}

static void types_have_bounds(void **state)
{
	struct message message = sample();

	(void)state;
	message.type = MESSAGE_NONE;
	assert_refused(&message, sizeof(message));
	message.type = MESSAGE_TYPES;
	assert_refused(&message, sizeof(message));
	message.type = UINT16_MAX;
	assert_refused(&message, sizeof(message));
	for (uint16_t type = MESSAGE_WRONG; type < MESSAGE_TYPES; type++) {
		message.type = type;
		assert_passes(&message);
	}
}

static void ends_have_bounds(void **state)
{
	struct message message = sample();

	(void)state;
	message.end = END_REASONS - 1;
	assert_passes(&message);
	message.end = END_REASONS;
	assert_refused(&message, sizeof(message));
	message.end = UINT8_MAX;
	assert_refused(&message, sizeof(message));
}

static void lines_have_a_priority_between_error_and_debug(void **state)
{
	struct message message = sample();

	(void)state;
	message.priority = LOG_ERR;
	assert_passes(&message);
	message.priority = LOG_DEBUG;
	assert_passes(&message);
	message.priority = LOG_CRIT;
	assert_refused(&message, sizeof(message));
	message.priority = LOG_DEBUG + 1;
	assert_refused(&message, sizeof(message));
	message.priority = 0;
	message.type = MESSAGE_READY;
	assert_passes(&message);
}

static void peers_are_ip_or_nobody(void **state)
{
	struct message message = sample();

	(void)state;
	message.peer.sa.sa_family = AF_INET6;
	assert_passes(&message);
	message.peer.sa.sa_family = AF_UNSPEC;
	assert_passes(&message);
	message.peer.sa.sa_family = AF_UNIX;
	assert_refused(&message, sizeof(message));
	message.peer.sa.sa_family = UINT16_MAX;
	assert_refused(&message, sizeof(message));
}

static void text_is_terminated(void **state)
{
	struct message message = sample(), copy;

	(void)state;
	memset(message.text, 'x', sizeof(message.text));
	assert_int_equal(message_check(&message, sizeof(message), &copy), 0);
	assert_int_equal(strlen(copy.text), MESSAGE_TEXT - 1);
	message.type = MESSAGE_NONE;
	assert_refused(&message, sizeof(message));
}

static void every_end_has_its_own_text(void **state)
{
	(void)state;
	assert_string_equal(message_end_text(END_CLIENT), "closed by client");
	assert_string_equal(message_end_text(END_IDLE), "idle too long");
	for (unsigned int a = 0; a < END_REASONS; a++) {
		assert_non_null(message_end_text((enum message_end)a));
		for (unsigned int b = 0; b < a; b++)
			assert_string_not_equal(message_end_text((enum message_end)a),
						message_end_text((enum message_end)b));
	}
	assert_non_null(message_end_text(END_REASONS));
}

static void a_batch_fits_a_pipe_in_one_piece(void **state)
{
	(void)state;
	assert_in_range(MESSAGE_BATCH * sizeof(struct message), 1, 4096); /* PIPE_BUF */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sane_message_is_copied),
		cmocka_unit_test(every_other_size_is_refused),
		cmocka_unit_test(types_have_bounds),
		cmocka_unit_test(ends_have_bounds),
		cmocka_unit_test(lines_have_a_priority_between_error_and_debug),
		cmocka_unit_test(peers_are_ip_or_nobody),
		cmocka_unit_test(text_is_terminated),
		cmocka_unit_test(every_end_has_its_own_text),
		cmocka_unit_test(a_batch_fits_a_pipe_in_one_piece),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
