/* SPDX-License-Identifier: MIT */
/* test_headprobe_share - clients that name a target, and those that share a probe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fakehost.h"
#include "probing.h"

static void configure_ask(void)
{
	fakehost_option("mode", "ask");
	fakehost_option("target.web", "http://web.example/up");
	fakehost_option("target.db", "http://[::1]:8080/");
	fakehost_option("min_interval", "0s");
	assert_int_equal(fakehost_config(), 0);
	probing_serve(PROBING_OK);
}

static void client_names_one_of_the_targets(void **state)
{
	const char *answer;

	(void)state;
	configure_ask();
	answer = probing_ask("web\n");
	assert_begins(answer, "OK 200 HTTP/1.1 ");
	assert_contains(answer, " target=web\n");
	assert_string_equal(fakehost_where(), "web.example:80");
	assert_contains(probing_ask("db\r\nignored\n"), " target=db\n");
	assert_string_equal(fakehost_where(), "[::1]:8080");
}

static void last_line_needs_no_end(void **state)
{
	struct fake_script client = {.bytes = "web", .len = 3, .chunk = 1};
	struct fake_answer answer;

	(void)state;
	configure_ask();
	answer = fakehost_stream(&client);
	assert_begins(answer.bytes, "OK 200 ");
}

static void other_names_reach_nothing(void **state)
{
	static const char *const lines[] = {
		"http://web.example/up\n",
		"http://127.0.0.1/\n",
		"https://web\n",
		"we\n",
		"webb\n",
		"WEB\n",
		" web\n",
		"web \n",
		"target.web\n",
		"../web\n",
		"\xff\x1b[2J\n",
	};

	(void)state;
	configure_ask();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_string_equal(probing_ask(lines[i]), "ERR denied target not allowed\n");
	assert_int_equal(fakehost_connects(), 0);
}

static void wrong_lines_reach_nothing(void **state)
{
	static const char nul[] = "web\0\n";
	struct fake_script client = {.bytes = nul, .len = sizeof(nul) - 1};
	char longest[1025];

	(void)state;
	configure_ask();
	assert_string_equal(probing_ask("\n"), "ERR badreq name a target\n");
	assert_string_equal(probing_ask("\r\n"), "ERR badreq name a target\n");
	assert_string_equal(probing_ask("w\reb\n"), "ERR badreq not a text line\n");
	assert_string_equal(fakehost_stream(&client).bytes, "ERR badreq not a text line\n");
	assert_string_equal(probing_ask("web"), "ERR timeout request 5000ms\n");
	assert_string_equal(probing_ask(""), "ERR timeout request 5000ms\n");
	memset(longest, 'x', sizeof(longest));
	strcpy(longest + 1023, "\n");
	assert_string_equal(probing_ask(longest), "ERR denied target not allowed\n");
	memset(longest, 'x', 1024);
	longest[1024] = '\0';
	assert_string_equal(probing_ask(longest), "ERR badreq line too long\n");
	assert_int_equal(fakehost_connects(), 0);
}

static void client_that_says_nothing_gets_nothing(void **state)
{
	static const enum fake_end ends[] = {FAKE_EOF, FAKE_RESET};

	(void)state;
	configure_ask();
	for (size_t i = 0; i < 2; i++) {
		struct fake_script client = {.bytes = "", .end = ends[i]};
		struct fake_answer answer = fakehost_stream(&client);

		assert_int_equal(answer.result, ends[i] == FAKE_EOF ? 0 : -1);
		assert_int_equal(answer.writes, 0);
	}
	assert_int_equal(fakehost_connects(), 0);
}

static void result_is_shared_within_min_interval(void **state)
{
	const char *first;

	(void)state;
	fakehost_option("target", PROBING_URL);
	fakehost_option("min_interval", "1h");
	assert_int_equal(fakehost_config(), 0);
	probing_serve(PROBING_OK);
	first = probing_ask("");
	probing_serve("HTTP/1.1 500 Other\r\n\r\n");
	assert_string_equal(probing_ask(""), first);
	assert_int_equal(fakehost_connects(), 1);
}

static void errors_are_shared_too(void **state)
{
	(void)state;
	fakehost_option("target", PROBING_URL);
	fakehost_option("min_interval", "1h");
	assert_int_equal(fakehost_config(), 0);
	fakehost_peer(&(struct fake_peer){.error = ECONNREFUSED});
	assert_string_equal(probing_ask(""), "ERR refused\n");
	assert_string_equal(probing_ask(""), "ERR refused\n");
	assert_int_equal(fakehost_connects(), 1);
}

static void targets_do_not_share_with_each_other(void **state)
{
	(void)state;
	fakehost_option("mode", "ask");
	fakehost_option("target.a", PROBING_URL "a");
	fakehost_option("target.b", PROBING_URL "b");
	fakehost_option("min_interval", "1h");
	assert_int_equal(fakehost_config(), 0);
	probing_serve(PROBING_OK);
	assert_contains(probing_ask("a\n"), " target=a\n");
	assert_contains(probing_ask("b\n"), " target=b\n");
	assert_int_equal(fakehost_connects(), 2);
}

#define OTHERS 8

static const struct fake_peer ok_peer = {
	.script = {.bytes = PROBING_OK, .len = sizeof(PROBING_OK) - 1},
};

/* The first client's probe does not get its connection before all others wait for it. */
static _Atomic int waiting;
static pthread_t others[OTHERS];
static const char *other_line;
static const char *other_answers[OTHERS];

int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);

/* The caller holds the mutex that the probe needs for its end: it will not miss it. */
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	atomic_fetch_add(&waiting, 1);
	return __real_pthread_cond_wait(cond, mutex);
}

static void *other_client(void *index)
{
	struct fake_script client = {.bytes = other_line, .len = strlen(other_line)};

	other_answers[(uintptr_t)index] = fakehost_stream(&client).bytes;
	return NULL;
}

static void start_others(void)
{
	for (uintptr_t i = 0; i < OTHERS; i++)
		if (pthread_create(&others[i], NULL, other_client, (void *)i) != 0)
			abort();
}

static void join_others(void)
{
	for (size_t i = 0; i < OTHERS; i++)
		if (pthread_join(others[i], NULL) != 0)
			abort();
}

/* Only the first probe comes here: a second one would connect at once and be counted. */
static void start_others_and_let_them_wait(void)
{
	time_t end = time(NULL) + 10;

	fakehost_peer(&ok_peer);
	start_others();
	while (atomic_load(&waiting) < OTHERS && time(NULL) < end)
		(void)sched_yield(); /* cannot fail */
}

static void clients_wait_for_the_probe_that_runs(void **state)
{
	struct fake_script client = {.bytes = ""};
	struct fake_peer first = ok_peer;
	const char *answer;

	(void)state;
	probing_configure(NULL, NULL);
	other_line = "";
	first.connecting = start_others_and_let_them_wait;
	fakehost_peer(&first);
	answer = fakehost_stream(&client).bytes;
	join_others();
	assert_begins(answer, "OK 200 ");
	for (size_t i = 0; i < OTHERS; i++)
		assert_string_equal(other_answers[i], answer);
	assert_int_equal(fakehost_connects(), 1);
	assert_int_equal(fakehost_open_conns(), 0);
}

static void start_and_join_others(void)
{
	start_others();
	join_others();
}

static void more_than_max_parallel_probes_are_busy(void **state)
{
	struct fake_script client = {.bytes = "a\n", .len = 2};
	const char *answer;

	(void)state;
	fakehost_option("mode", "ask");
	fakehost_option("target.a", PROBING_URL "a");
	fakehost_option("target.b", PROBING_URL "b");
	fakehost_option("max_parallel", "1");
	assert_int_equal(fakehost_config(), 0);
	other_line = "b\n";
	fakehost_peer(&(struct fake_peer){
		.connecting = start_and_join_others,
		.error = ECONNREFUSED,
	});
	answer = fakehost_stream(&client).bytes;
	assert_string_equal(answer, "ERR refused\n");
	for (size_t i = 0; i < OTHERS; i++)
		assert_string_equal(other_answers[i], "ERR busy\n");
	assert_int_equal(fakehost_connects(), 1);
	fakehost_peer(&(struct fake_peer){.error = ECONNREFUSED});
	assert_string_equal(probing_ask("b\n"), "ERR refused\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(client_names_one_of_the_targets, probing_reset),
		cmocka_unit_test_teardown(last_line_needs_no_end, probing_reset),
		cmocka_unit_test_teardown(other_names_reach_nothing, probing_reset),
		cmocka_unit_test_teardown(wrong_lines_reach_nothing, probing_reset),
		cmocka_unit_test_teardown(client_that_says_nothing_gets_nothing, probing_reset),
		cmocka_unit_test_teardown(result_is_shared_within_min_interval, probing_reset),
		cmocka_unit_test_teardown(errors_are_shared_too, probing_reset),
		cmocka_unit_test_teardown(targets_do_not_share_with_each_other, probing_reset),
		cmocka_unit_test_teardown(clients_wait_for_the_probe_that_runs, probing_reset),
		cmocka_unit_test_teardown(more_than_max_parallel_probes_are_busy, probing_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
