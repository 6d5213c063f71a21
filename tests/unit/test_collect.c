/* SPDX-License-Identifier: MIT */
/* test_collect - the lines that messages of a worker become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <syslog.h>

#include "master/collect.h"

static struct message message_of(enum message_type type)
{
	struct message message = {.type = (uint16_t)type, .arch = seccomp_arch_native()};

	message.peer.in4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(4711)};
	message.peer.in4.sin_addr.s_addr = htonl(0xC0000207);
	return message;
}

static void assert_line(const struct message *message, int priority, const char *expected)
{
	struct collect from;
	char line[COLLECT_LINE_SIZE];

	collect_init(&from, "www");
	assert_int_equal(collect_format(&from, message, line), priority);
	assert_string_equal(line, expected);
}

static void a_closed_connection_has_time_and_bytes(void **state)
{
	struct message message = message_of(MESSAGE_CLOSED);

	(void)state;
	message.end = END_CLIENT;
	message.ms = 12304;
	message.in = 120;
	message.out = UINT64_MAX;
	assert_line(&message, LOG_INFO,
		    "www[192.0.2.7:4711]: closed by client: 12.304 s, 120 in, "
		    "18446744073709551615 out");
}

static void a_failed_handler_says_why(void **state)
{
	struct message message = message_of(MESSAGE_CLOSED);

	(void)state;
	message.end = END_FAILED;
	message.error = ECONNREFUSED;
	assert_line(
		&message, LOG_INFO,
		"www[192.0.2.7:4711]: handler failed: Connection refused: 0.000 s, 0 in, 0 out");
}

static void a_line_of_a_plugin_is_escaped(void **state)
{
	struct message message = message_of(MESSAGE_LOG);

	(void)state;
	message.priority = LOG_ERR;
	strcpy(message.text, "50% \\ of\ncservd: ready\x1b[2J\xff");
	assert_line(&message, LOG_ERR,
		    "www[192.0.2.7:4711]: 50% \\x5c of\\x0acservd: ready\\x1b[2J\\xff");
}

static void a_line_about_nobody_has_no_peer(void **state)
{
	struct message message = message_of(MESSAGE_LOG);

	(void)state;
	message.priority = LOG_DEBUG;
	message.peer = (union addr){.sa.sa_family = AF_UNSPEC};
	strcpy(message.text, "started");
	assert_line(&message, LOG_DEBUG, "www: started");
}

static void the_longest_line_fits(void **state)
{
	struct message message = message_of(MESSAGE_LOG);
	struct collect from;
	char line[COLLECT_LINE_SIZE];

	(void)state;
	message.priority = LOG_INFO;
	memset(message.text, 1, sizeof(message.text) - 1);
	collect_init(&from, "a-name-of-thirty-two-characters-");
	assert_int_equal(collect_format(&from, &message, line), LOG_INFO);
	assert_int_equal(strlen(line),
			 strlen("a-name-of-thirty-two-characters-[192.0.2.7:4711]: ") +
				 4 * (MESSAGE_TEXT - 1));
}

static void a_denied_call_names_the_promise(void **state)
{
	struct message message = message_of(MESSAGE_DENIED);

	(void)state;
	message.end = END_DENIED;
	message.number = seccomp_syscall_resolve_name("openat");
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied openat: this needs the promise \"rpath\", which "
		    "\"sandbox\" does not grant; connection closed");
}

static void a_denied_call_for_a_datagram_costs_the_reply(void **state)
{
	struct message message = message_of(MESSAGE_DENIED);

	(void)state;
	message.number = seccomp_syscall_resolve_name("openat");
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied openat: this needs the promise \"rpath\", which "
		    "\"sandbox\" does not grant; no reply");
}

static void a_call_that_nobody_needs_replaces_the_worker(void **state)
{
	struct message message = message_of(MESSAGE_DENIED);

	(void)state;
	message.peer = (union addr){.sa.sa_family = AF_UNSPEC};
	message.number = seccomp_syscall_resolve_name("mount");
	assert_line(&message, LOG_WARNING,
		    "www: denied mount: no promise allows it; worker replaced");
}

static void an_unknown_call_has_its_number(void **state)
{
	struct message message = message_of(MESSAGE_DENIED);

	(void)state;
	message.peer = (union addr){.sa.sa_family = AF_UNSPEC};
	message.number = 99999;
	assert_line(&message, LOG_WARNING, "www: denied system call 99999: no promise allows it");
}

static void lost_messages_are_counted(void **state)
{
	struct message message = message_of(MESSAGE_LOST);

	(void)state;
	message.peer = (union addr){.sa.sa_family = AF_UNSPEC};
	message.number = 17;
	assert_line(&message, LOG_WARNING, "www: 17 messages were lost: the log did not keep up");
}

static void other_messages_have_no_line(void **state)
{
	static const enum message_type types[] = {MESSAGE_NONE, MESSAGE_READY, MESSAGE_WRONG,
						  MESSAGE_FAILED, MESSAGE_TYPES};
	struct collect from;
	char line[COLLECT_LINE_SIZE];

	(void)state;
	collect_init(&from, "www");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct message message = message_of(types[i]);

		assert_int_equal(collect_format(&from, &message, line), -1);
	}
}

static void a_second_has_a_limited_number_of_lines(void **state)
{
	struct collect from;

	(void)state;
	collect_init(&from, "www");
	for (int i = 0; i < COLLECT_RATE; i++)
		assert_true(collect_may_log(&from, 5000));
	assert_false(collect_may_log(&from, 5000));
	assert_false(collect_may_log(&from, 5999));
	assert_int_equal(from.suppressed, 2);
	assert_true(collect_may_log(&from, 6000));
	collect_finish(&from);
	assert_int_equal(from.suppressed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_connection_has_time_and_bytes),
		cmocka_unit_test(a_failed_handler_says_why),
		cmocka_unit_test(a_line_of_a_plugin_is_escaped),
		cmocka_unit_test(a_line_about_nobody_has_no_peer),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(a_denied_call_names_the_promise),
		cmocka_unit_test(a_denied_call_for_a_datagram_costs_the_reply),
		cmocka_unit_test(a_call_that_nobody_needs_replaces_the_worker),
		cmocka_unit_test(an_unknown_call_has_its_number),
		cmocka_unit_test(lost_messages_are_counted),
		cmocka_unit_test(other_messages_have_no_line),
		cmocka_unit_test(a_second_has_a_limited_number_of_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
