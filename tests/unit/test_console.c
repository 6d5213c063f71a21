/* SPDX-License-Identifier: MIT */
/* test_console - lines out of stdin: a pipe stands in for it while a test runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/console.h"

static int real_stdin, writer;
static struct console console;

static int replace_stdin(void **state)
{
	int ends[2];

	(void)state;
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
		return -1;
	real_stdin = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	writer = ends[1];
	if (real_stdin < 0 || dup2(ends[0], STDIN_FILENO) < 0 || close(ends[0]) != 0)
		return -1;
	console_init(&console);
	return 0;
}

static int restore_stdin(void **state)
{
	(void)state;
	util_close(writer);
	if (dup2(real_stdin, STDIN_FILENO) < 0)
		return -1;
	return close(real_stdin);
}

static void put(const char *text)
{
	assert_int_equal(write(writer, text, strlen(text)), strlen(text));
	assert_int_equal(console_fill(&console), 0);
}

static void end_input(void)
{
	util_close(writer);
	writer = -1;
	assert_int_equal(console_fill(&console), 0);
	assert_true(console.is_ended);
}

static void assert_line(const char *want)
{
	const char *line;
	size_t len;

	assert_true(console_next_line(&console, &line, &len));
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
}

static void assert_no_line(void)
{
	const char *line;
	size_t len;

	assert_false(console_next_line(&console, &line, &len));
}

static void lines_come_one_by_one(void **state)
{
	(void)state;
	assert_no_line();
	put("one\n\ntwo\r\nthr");
	assert_line("one");
	assert_line("");
	assert_line("two\r");
	assert_no_line();
	put("ee\n");
	assert_line("three");
	assert_no_line();
}

static void a_last_line_may_lack_its_end(void **state)
{
	(void)state;
	put("one\nlast");
	end_input();
	assert_line("one");
	assert_line("last");
	assert_no_line();
}

static void the_end_alone_is_no_line(void **state)
{
	(void)state;
	put("one\n");
	end_input();
	assert_line("one");
	assert_no_line();
}

static void a_line_too_long_comes_in_pieces(void **state)
{
	static char piece[CONSOLE_SIZE / 2];
	const char *line;
	size_t len;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	piece[sizeof(piece) - 1] = '\0';
	put(piece);
	assert_no_line();
	put(piece);
	put("xxyz\n");
	assert_true(console_next_line(&console, &line, &len));
	assert_int_equal(len, CONSOLE_SIZE);
	assert_int_equal(console_fill(&console), 0);
	assert_line("yz");
}

static void a_nul_is_a_byte_like_any(void **state)
{
	const char *line;
	size_t len;

	(void)state;
	assert_int_equal(write(writer, "a\0b\n", 4), 4);
	assert_int_equal(console_fill(&console), 0);
	assert_true(console_next_line(&console, &line, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(line, "a\0b", 3);
}

static void nothing_there_now_is_no_end(void **state)
{
	(void)state;
	errno = 0;
	assert_int_equal(console_fill(&console), -1);
	assert_int_equal(errno, EAGAIN);
	assert_false(console.is_ended);
}

static void quit_is_a_word_only_on_a_terminal(void **state)
{
	(void)state;
	assert_false(console.is_terminal);
	assert_false(console_is_quit(&console, "quit", 4));
	console.is_terminal = true;
	assert_true(console_is_quit(&console, "quit", 4));
	assert_false(console_is_quit(&console, "quit\r", 5));
	assert_false(console_is_quit(&console, "QUIT", 4));
	assert_false(console_is_quit(&console, "qui", 3));
}

#define test_of_stdin(f) cmocka_unit_test_setup_teardown(f, replace_stdin, restore_stdin)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test_of_stdin(lines_come_one_by_one),
		test_of_stdin(a_last_line_may_lack_its_end),
		test_of_stdin(the_end_alone_is_no_line),
		test_of_stdin(a_line_too_long_comes_in_pieces),
		test_of_stdin(a_nul_is_a_byte_like_any),
		test_of_stdin(nothing_there_now_is_no_end),
		test_of_stdin(quit_is_a_word_only_on_a_terminal),
	};

	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
