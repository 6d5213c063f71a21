/* SPDX-License-Identifier: MIT */
/* test_collect - the lines that messages of a worker become. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>

#include "common/promise.h"
#include "master/collect.h"

static struct message message_of(enum message_type type)
{
	struct message message = {.type = (uint16_t)type, .arch = seccomp_arch_native()};

	message.peer.in4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(4711)};
	message.peer.in4.sin_addr.s_addr = htonl(0xC0000207);
	return message;
}

static struct config_service service = {.name = "www", .promises = PROMISE_STDIO};

static void assert_line(const struct message *message, int priority, const char *expected)
{
	struct collect from;
	char line[COLLECT_LINE_SIZE];

	collect_init(&from, &service);
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

static void a_process_that_died_is_a_warning_with_its_signal_or_status(void **state)
{
	struct message message = message_of(MESSAGE_CLOSED);

	(void)state;
	message.end = END_CRASHED;
	message.ms = 12;
	message.error = SIGSEGV;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: its process died: Segmentation fault: 0.012 s");
	message.error = 0;
	message.number = 3;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: its process died: exit status 3: 0.012 s");
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
	static const struct config_service longest = {.name = "a-name-of-thirty-two-characters-"};
	struct message message = message_of(MESSAGE_LOG);
	struct collect from;
	char line[COLLECT_LINE_SIZE];

	(void)state;
	message.priority = LOG_INFO;
	memset(message.text, 1, sizeof(message.text) - 1);
	collect_init(&from, &longest);
	assert_int_equal(collect_format(&from, &message, line), LOG_INFO);
	assert_int_equal(strlen(line),
			 strlen("a-name-of-thirty-two-characters-[192.0.2.7:4711]: ") +
				 4 * (MESSAGE_TEXT - 1));
}

static struct message denied(const char *syscall, enum message_cost cost)
{
	struct message message = message_of(MESSAGE_DENIED);

	message.end = (uint8_t)cost;
	message.number = seccomp_syscall_resolve_name(syscall);
	return message;
}

static void a_denied_call_says_what_to_write(void **state)
{
	struct message message = denied("openat", COST_CONNECTION);

	(void)state;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied openat: add \"sandbox = rpath\" and "
		    "\"read_paths\"; connection closed");
	message.args[2] = O_WRONLY;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied openat: add \"sandbox = wpath\" and "
		    "\"write_paths\"; connection closed");
	message.args[2] = O_RDWR | O_CREAT;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied openat: add \"sandbox = cpath\" and "
		    "\"write_paths\"; connection closed");
}

static void a_denied_call_adds_to_what_is_granted(void **state)
{
	static char path[] = "/srv";
	static char *paths[] = {path};
	struct message message = denied("openat", COST_CALL);

	(void)state;
	service.promises |= PROMISE_INET;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied openat: add \"sandbox += rpath\" and "
		    "\"read_paths\"");
	service.read_paths.count = 1;
	service.read_paths.path = paths;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied openat: add \"sandbox += rpath\"");
	service.promises = PROMISE_STDIO;
	service.read_paths.count = 0;
}

static void a_denied_socket_call_names_the_ports(void **state)
{
	struct message message = denied("connect", COST_CONNECTION);

	(void)state;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied connect: add \"sandbox = inet\" and "
		    "\"connect_ports\"; connection closed");
	message = denied("bind", COST_CONNECTION);
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied bind: add \"sandbox = inet\" and "
		    "\"bind_ports\"; connection closed");
	message = denied("socket", COST_REPLY);
	message.args[0] = AF_UNIX;
	message.args[1] = SOCK_STREAM;
	message.args[1] = SOCK_STREAM;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied socket: add \"sandbox = unix\"; no reply");
}

static void a_worker_that_lies_about_the_cost_is_told_without(void **state)
{
	struct message message = denied("mmap", COST_CALL);

	(void)state;
	message.args[2] = PROT_EXEC;
	message.end = END_REASONS - 1;
	assert_line(&message, LOG_WARNING,
		    "www[192.0.2.7:4711]: denied mmap: no promise allows it");
}

static void repeats_are_told_as_a_count(void **state)
{
	struct message message = denied("openat", COST_CALL);

	(void)state;
	message.type = MESSAGE_REPEATED;
	message.in = 41;
	assert_line(&message, LOG_WARNING, "www[192.0.2.7:4711]: denied openat 41 more times");
	message.in = 1;
	assert_line(&message, LOG_WARNING, "www[192.0.2.7:4711]: denied openat 1 more time");
}

static void a_call_that_nobody_needs_replaces_the_worker(void **state)
{
	struct message message = denied("mount", COST_WORKER);

	(void)state;
	message.peer = (union addr){.sa.sa_family = AF_UNSPEC};
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
	collect_init(&from, &service);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct message message = message_of(types[i]);

		assert_int_equal(collect_format(&from, &message, line), -1);
	}
}

static void a_second_has_a_limited_number_of_lines(void **state)
{
	struct collect from;

	(void)state;
	collect_init(&from, &service);
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
		cmocka_unit_test(a_process_that_died_is_a_warning_with_its_signal_or_status),
		cmocka_unit_test(a_line_of_a_plugin_is_escaped),
		cmocka_unit_test(a_line_about_nobody_has_no_peer),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(a_denied_call_says_what_to_write),
		cmocka_unit_test(a_denied_call_adds_to_what_is_granted),
		cmocka_unit_test(a_denied_socket_call_names_the_ports),
		cmocka_unit_test(a_worker_that_lies_about_the_cost_is_told_without),
		cmocka_unit_test(repeats_are_told_as_a_count),
		cmocka_unit_test(a_call_that_nobody_needs_replaces_the_worker),
		cmocka_unit_test(an_unknown_call_has_its_number),
		cmocka_unit_test(lost_messages_are_counted),
		cmocka_unit_test(other_messages_have_no_line),
		cmocka_unit_test(a_second_has_a_limited_number_of_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
