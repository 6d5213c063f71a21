/* SPDX-License-Identifier: MIT */
/* test_log - what reaches stderr: a pipe stands in for it while a test runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

static int real_stderr, reader;

/* A packet socket: each read gives what one write wrote. */
static int catch_stderr(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	reader = ends[0];
	if (real_stderr < 0 || dup2(ends[1], STDERR_FILENO) < 0 || close(ends[1]) != 0)
		return -1;
	return unsetenv("JOURNAL_STREAM");
}

static int release_stderr(void **state)
{
	(void)state;
	if (dup2(real_stderr, STDERR_FILENO) < 0)
		return -1;
	return close(real_stderr) != 0 || close(reader) != 0 ? -1 : 0;
}

static void assert_line(const char *want)
{
	char line[8192];
	ssize_t size = recv(reader, line, sizeof(line) - 1, 0);

	assert_true(size >= 0);
	line[size] = '\0';
	assert_string_equal(line, want);
}

static void assert_silence(void)
{
	char line[8192];

	assert_int_equal(recv(reader, line, sizeof(line), 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void a_line_is_one_write_with_the_name_in_front(void **state)
{
	(void)state;
	log_init("cservd", LOG_INFO, false);
	log_error("%s: %d", "port", 7);
	assert_line("cservd: port: 7\n");
	log_line(LOG_INFO, "plain");
	assert_line("cservd: plain\n");
	assert_silence();
}

static void less_urgent_lines_are_dropped(void **state)
{
	(void)state;
	log_init("cservd", LOG_WARNING, false);
	log_info("no");
	log_debug("no");
	assert_silence();
	log_warning("yes");
	assert_line("cservd: yes\n");
	log_init("cservd", LOG_DEBUG, false);
	log_debug("yes");
	assert_line("cservd: yes\n");
}

static void percent_m_is_errno_which_stays(void **state)
{
	(void)state;
	log_init("cservd", LOG_INFO, false);
	errno = ENOENT;
	log_error("'x': %m");
	assert_int_equal(errno, ENOENT);
	assert_line("cservd: 'x': No such file or directory\n");
}

static void control_characters_never_start_a_line(void **state)
{
	(void)state;
	log_init("cservd", LOG_INFO, false);
	log_info("a%sb", "\ncservd: fake\r\x1b[2J");
	assert_line("cservd: a\\x0acservd: fake\\x0d\\x1b[2Jb\n");
	log_info("%s", "caf\xc3\xa9 \\x0a");
	assert_line("cservd: caf\xc3\xa9 \\x0a\n");
}

static void long_lines_are_cut_and_still_end(void **state)
{
	char text[6000], line[8192];
	ssize_t size;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_init("cservd", LOG_INFO, false);
	log_info("%s", text);
	size = recv(reader, line, sizeof(line), 0);
	assert_int_equal(size, 4096);
	assert_int_equal(line[size - 1], '\n');
	assert_null(memchr(line, '\0', (size_t)size));
}

static void the_journal_gets_priorities(void **state)
{
	char stream[64];
	struct stat err;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &err), 0);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)err.st_dev,
		       (unsigned long long)err.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	log_init("cservd", LOG_INFO, false);
	log_error("bad");
	log_info("good");
	assert_line("<3>bad\n");
	assert_line("<6>good\n");
}

static void another_journal_stream_is_not_ours(void **state)
{
	(void)state;
	assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
	log_init("cservd", LOG_INFO, false);
	log_info("good");
	assert_line("cservd: good\n");
	assert_int_equal(setenv("JOURNAL_STREAM", "nonsense", 1), 0);
	log_init("cservd", LOG_INFO, false);
	log_info("good");
	assert_line("cservd: good\n");
}

static void a_closed_stderr_never_becomes_somebody_elses(void **state)
{
	char text[64];
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(close(STDERR_FILENO), 0);
	log_init("cservd", LOG_INFO, false);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_error("lost");
	assert_int_equal(read(ends[0], text, sizeof(text)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
}

static void a_stderr_closed_later_is_no_harm(void **state)
{
	(void)state;
	log_init("cservd", LOG_INFO, false);
	assert_int_equal(close(STDERR_FILENO), 0);
	errno = ENOENT;
	log_error("lost");
	assert_int_equal(errno, ENOENT);
}

static void syslog_keeps_stderr_silent(void **state)
{
	(void)state;
	log_init("cservd-test", LOG_INFO, true);
	errno = ENOENT;
	log_debug("dropped");
	log_info("a line of the test of the log");
	assert_int_equal(errno, ENOENT);
	log_init("cservd", LOG_INFO, false);
	assert_silence();
}

static void levels_have_words(void **state)
{
	(void)state;
	assert_int_equal(log_level_parse("error"), LOG_ERR);
	assert_int_equal(log_level_parse("warning"), LOG_WARNING);
	assert_int_equal(log_level_parse("info"), LOG_INFO);
	assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
	assert_int_equal(log_level_parse("Info"), -1);
	assert_int_equal(log_level_parse(""), -1);
	assert_string_equal(log_level_word(LOG_ERR), "error");
	assert_string_equal(log_level_word(LOG_DEBUG), "debug");
	assert_null(log_level_word(LOG_NOTICE));
	assert_null(log_level_word(-1));
}

#define test_of_stderr(f) cmocka_unit_test_setup_teardown(f, catch_stderr, release_stderr)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test_of_stderr(a_line_is_one_write_with_the_name_in_front),
		test_of_stderr(less_urgent_lines_are_dropped),
		test_of_stderr(percent_m_is_errno_which_stays),
		test_of_stderr(control_characters_never_start_a_line),
		test_of_stderr(long_lines_are_cut_and_still_end),
		test_of_stderr(the_journal_gets_priorities),
		test_of_stderr(another_journal_stream_is_not_ours),
		test_of_stderr(a_closed_stderr_never_becomes_somebody_elses),
		test_of_stderr(a_stderr_closed_later_is_no_harm),
		test_of_stderr(syslog_keeps_stderr_silent),
		cmocka_unit_test(levels_have_words),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
