/* SPDX-License-Identifier: MIT */
/* test_report - messages reach the pipe, in order, whole, and never make a thread wait. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/settings.h"
#include "worker/report.h"
#include "worker/service.h"

#define THREADS	   4
#define PER_THREAD 5000

static struct settings settings = {.log_level = LOG_INFO};
static int reader;

/* report.c has one ring for the process: the first test sees it before the keeper runs. */
static int setup(void **state)
{
	int ends[2];

	(void)state;
	service.settings = &settings;
	service.board = calloc(1, board_size(1));
	assert_non_null(service.board);
	assert_int_equal(pipe(ends), 0);
	reader = fcntl(ends[0], F_DUPFD, 20);
	assert_int_equal(dup2(ends[1], WORKER_FD_MESSAGES), WORKER_FD_MESSAGES);
	for (int i = 0; i < 2; i++) {
		if (ends[i] != WORKER_FD_MESSAGES)
			util_close(ends[i]);
	}
	assert_int_equal(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(WORKER_FD_MESSAGES, F_SETFL, O_NONBLOCK), 0);
	return report_init();
}

static int teardown(void **state)
{
	(void)state;
	util_close(reader);
	util_close(WORKER_FD_MESSAGES);
	free(service.board);
	return 0;
}

static int receive(struct message *message)
{
	ssize_t n = read(reader, message, sizeof(*message));

	if (n == -1)
		return 0;
	assert_int_equal(n, sizeof(*message));
	return 1;
}

static void before_the_keeper_runs_a_line_is_written_at_once(void **state)
{
	struct message message;

	(void)state;
	errno = ENOENT;
	report_log(LOG_INFO, "no %s: %m", "file");
	assert_int_equal(receive(&message), 1);
	assert_int_equal(message.type, MESSAGE_LOG);
	assert_int_equal(message.priority, LOG_INFO);
	assert_string_equal(message.text, "no file: No such file or directory");
	assert_int_equal(message.thread, gettid());
}

static void lines_above_the_level_are_not_sent(void **state)
{
	struct message message;

	(void)state;
	report_log(LOG_DEBUG, "too much");
	assert_int_equal(receive(&message), 0);
}

static void a_long_line_is_cut_and_terminated(void **state)
{
	struct message message;

	(void)state;
	report_log(LOG_INFO, "%01000d", 7);
	assert_int_equal(receive(&message), 1);
	assert_int_equal(strlen(message.text), MESSAGE_TEXT - 1);
}

static void the_bell_rings_only_after_the_keeper_said_it_sleeps(void **state)
{
	struct pollfd bell = {.fd = report_bell(), .events = POLLIN};
	struct message message;

	(void)state;
	report_keeper_runs();
	report_log(LOG_INFO, "one");
	assert_int_equal(poll(&bell, 1, 0), 0);
	assert_int_equal(report_sleep(), 0); /* something came in already */
	assert_int_equal(report_flush(), 1);
	assert_int_equal(report_flush(), 0);
	assert_int_equal(report_sleep(), 1);
	report_log(LOG_INFO, "two");
	assert_int_equal(poll(&bell, 1, 0), 1);
	assert_int_equal(report_flush(), 1);
	assert_int_equal(poll(&bell, 1, 0), 0);
	assert_int_equal(receive(&message), 1);
	assert_string_equal(message.text, "one");
	assert_int_equal(receive(&message), 1);
	assert_string_equal(message.text, "two");
}

static void a_full_pipe_loses_lines_and_counts_them(void **state)
{
	struct message message;
	unsigned int got = 0, lost = 0;

	(void)state;
	for (int i = 0; i < PER_THREAD; i++)
		report_log(LOG_INFO, "%d", i);
	while (report_flush() != 0 || lost == 0) {
		while (receive(&message)) {
			if (message.type == MESSAGE_LOST)
				lost += (unsigned int)message.number;
			else
				got++;
		}
	}
	assert_int_equal(got + lost, PER_THREAD);
	assert_true(lost > 0);
	assert_int_equal(atomic_load(&service.board->counters.messages_lost), lost);
}

static void *push_many(void *argument)
{
	int64_t id = (int64_t)(intptr_t)argument;

	for (int64_t i = 0; i < PER_THREAD; i++) {
		struct message message = {
			.type = MESSAGE_CLOSED, .in = (uint64_t)id, .out = (uint64_t)i};

		report_push(&message);
	}
	return NULL;
}

static void many_threads_push_and_each_ones_order_is_kept(void **state)
{
	pthread_t threads[THREADS];
	int64_t last[THREADS] = {-1, -1, -1, -1};
	unsigned int got = 0, lost = 0;
	struct message message;

	(void)state;
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, push_many, (void *)i), 0);
	while (got + lost < THREADS * PER_THREAD) {
		(void)report_flush(); /* what it sent is read below */
		while (receive(&message)) {
			if (message.type == MESSAGE_LOST) {
				lost += (unsigned int)message.number;
				continue;
			}
			assert_true((int64_t)message.out > last[message.in]);
			last[message.in] = (int64_t)message.out;
			got++;
		}
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(got + lost, THREADS * PER_THREAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_keeper_runs_a_line_is_written_at_once),
		cmocka_unit_test(lines_above_the_level_are_not_sent),
		cmocka_unit_test(a_long_line_is_cut_and_terminated),
		cmocka_unit_test(the_bell_rings_only_after_the_keeper_said_it_sleeps),
		cmocka_unit_test(a_full_pipe_loses_lines_and_counts_them),
		cmocka_unit_test(many_threads_push_and_each_ones_order_is_kept),
	};

	return cmocka_run_group_tests_name("report", tests, setup, teardown);
}
