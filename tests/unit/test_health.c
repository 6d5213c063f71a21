/* SPDX-License-Identifier: MIT */
/* test_health - what health answers to correct, wrong, slow and hostile requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fakehost.h"

#define HEAD_MAX 8192
#define HOST	 "Host: a\r\n"

struct wanted {
	const char *request;
	int status;
};

static int reset(void **state)
{
	(void)state;
	fakehost_reset();
	return 0;
}

static void configure(const char *paths)
{
	if (paths != NULL)
		fakehost_option("path", paths);
	assert_int_equal(fakehost_config(), 0);
}

static struct fake_answer ask_bytes(const void *bytes, size_t len, size_t chunk, enum fake_end end)
{
	struct fake_script client = {.bytes = bytes, .len = len, .chunk = chunk, .end = end};
	struct fake_answer answer = fakehost_stream(&client);

	assert_int_equal(answer.len, strlen(answer.bytes));
	return answer;
}

static struct fake_answer ask(const char *request)
{
	return ask_bytes(request, strlen(request), 0, FAKE_SILENCE);
}

static int status_of(const struct fake_answer *answer)
{
	int status = 0;

	assert_int_equal(answer->result, 0);
	assert_int_equal(sscanf(answer->bytes, "HTTP/1.1 %3d ", &status), 1);
	return status;
}

static void assert_statuses(const struct wanted *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct fake_answer answer = ask(wanted[i].request);

		if (status_of(&answer) != wanted[i].status)
			fail_msg("\"%s\" got %.40s", wanted[i].request, answer.bytes);
	}
}

static const char *body_of(const struct fake_answer *answer)
{
	const char *end = strstr(answer->bytes, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static void assert_has(const struct fake_answer *answer, const char *line)
{
	const char *end = strstr(answer->bytes, "\r\n\r\n");
	const char *at = strstr(answer->bytes, line);

	if (at == NULL || at > end)
		fail_msg("no \"%s\" in %s", line, answer->bytes);
}

static void get_is_answered_on_every_path(void **state)
{
	static const char *const paths[] = {"/", "/healthz", "/a/b?c=d", "/%2e%2e", "//"};

	(void)state;
	configure(NULL);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct fake_answer answer;
		char request[128];

		(void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "\r\n",
			       paths[i]);
		answer = ask(request);
		assert_int_equal(status_of(&answer), 200);
		assert_string_equal(body_of(&answer), "ok\n");
		assert_int_equal(answer.writes, 1);
	}
}

static void head_is_get_without_the_body(void **state)
{
	struct fake_answer get, head;

	(void)state;
	configure(NULL);
	get = ask("GET / HTTP/1.1\r\n" HOST "\r\n");
	head = ask("HEAD / HTTP/1.1\r\n" HOST "\r\n");
	assert_string_equal(body_of(&head), "");
	assert_has(&head, "HTTP/1.1 200 OK\r\n");
	assert_has(&head, "\r\nContent-Type: text/plain\r\n");
	assert_has(&head, "\r\nContent-Length: 3\r\n");
	assert_has(&head, "\r\nCache-Control: no-store\r\n");
	assert_has(&head, "\r\nConnection: close\r\n");
	assert_int_equal(get.len, head.len + 3);
}

static void date_is_now_in_the_form_of_rfc_9110(void **state)
{
	struct fake_answer answer;
	struct tm tm = {0};
	char date[64], again[64];
	time_t then;

	(void)state;
	configure(NULL);
	answer = ask("HEAD / HTTP/1.0\r\n\r\n");
	assert_int_equal(sscanf(strstr(answer.bytes, "\r\nDate: "), "\r\nDate: %63[^\r]", date), 1);
	assert_non_null(strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm));
	then = timegm(&tm);
	assert_true(then <= time(NULL) && then >= time(NULL) - 60);
	assert_true(strftime(again, sizeof(again), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
	assert_string_equal(date, again);
}

static void only_listed_paths_are_found(void **state)
{
	static const struct wanted wanted[] = {
		{"GET /live HTTP/1.0\r\n\r\n", 200},
		{"GET /ready HTTP/1.0\r\n\r\n", 200},
		{"GET /ready?full HTTP/1.0\r\n\r\n", 200},
		{"GET /third HTTP/1.0\r\n\r\n", 200},
		{"GET http://a:80/live HTTP/1.0\r\n\r\n", 200},
		{"HEAD / HTTP/1.0\r\n\r\n", 404},
		{"GET /liv HTTP/1.0\r\n\r\n", 404},
		{"GET /livee HTTP/1.0\r\n\r\n", 404},
		{"GET /live/ HTTP/1.0\r\n\r\n", 404},
		{"GET /Live HTTP/1.0\r\n\r\n", 404},
		{"GET /%6cive HTTP/1.0\r\n\r\n", 404},
		{"GET http://a HTTP/1.0\r\n\r\n", 404},
		{"GET /live,/ready HTTP/1.0\r\n\r\n", 404},
	};

	(void)state;
	configure("/live, /ready\t/third");
	assert_statuses(wanted, sizeof(wanted) / sizeof(wanted[0]));
}

static void refuses_paths_that_no_request_has(void **state)
{
	(void)state;
	fakehost_option("path", "/ok healthz /a?b /c#d");
	assert_int_equal(fakehost_config(), -1);
	assert_string_equal(fakehost_refusals(),
			    "opt.path: \"healthz\" must begin with \"/\"\n"
			    "opt.path: \"/a?b\" must have no \"?\" or \"#\"\n"
			    "opt.path: \"/c#d\" must have no \"?\" or \"#\"\n");
}

static void draining_is_503(void **state)
{
	struct fake_answer answer;

	(void)state;
	configure("/live");
	fakehost_draining(true);
	answer = ask("GET /live HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(status_of(&answer), 503);
	assert_string_equal(body_of(&answer), "draining\n");
	answer = ask("HEAD /live HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(status_of(&answer), 503);
	assert_has(&answer, "\r\nContent-Length: 9\r\n");
	assert_string_equal(body_of(&answer), "");
	answer = ask("GET /other HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(status_of(&answer), 404);
}

static void other_methods_are_405_with_allow(void **state)
{
	static const char *const methods[] = {"POST / ",  "PUT / ", "OPTIONS * ", "CONNECT a:1 ",
					      "TRACE / ", "get / ", "HEADER / ",  "X-Y_z! / "};

	(void)state;
	configure(NULL);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct fake_answer answer;
		char request[128];

		(void)snprintf(request, sizeof(request),
			       "%sHTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", methods[i]);
		answer = ask(request);
		assert_int_equal(status_of(&answer), 405);
		assert_has(&answer, "\r\nAllow: GET, HEAD\r\n");
		assert_has(&answer, "\r\nContent-Length: 19\r\n");
		assert_string_equal(body_of(&answer), "method not allowed\n");
	}
}

static void wrong_request_lines_are_400(void **state)
{
	static const struct wanted wanted[] = {
		{"GET /\r\n\r\n", 400}, /* HTTP/0.9 */
		{"GET\r\n\r\n", 400},
		{" GET / HTTP/1.0\r\n\r\n", 400},
		{"GET  / HTTP/1.0\r\n\r\n", 400},
		{"GET /  HTTP/1.0\r\n\r\n", 400},
		{"GET / HTTP/1.0 \r\n\r\n", 400},
		{"GET\t/ HTTP/1.0\r\n\r\n", 400},
		{"GET / x HTTP/1.0\r\n\r\n", 400},
		{"GET / HTTP/1\r\n\r\n", 400},
		{"GET / HTTP/1.10\r\n\r\n", 400},
		{"GET / HTTP/one\r\n\r\n", 400},
		{"GET / http/1.0\r\n\r\n", 400},
		{"GET / SMTP/1.0\r\n\r\n", 400},
		{"G(T / HTTP/1.0\r\n\r\n", 400},
		{"GET /\x01 HTTP/1.0\r\n\r\n", 400},
		{"GET /\x7f HTTP/1.0\r\n\r\n", 400},
		{"GET /\xc3\xa9 HTTP/1.0\r\n\r\n", 400},
		{"GET /\rHTTP/1.0 HTTP/1.0\r\n\r\n", 400},
		{"GET health HTTP/1.0\r\n\r\n", 400},
		{"GET * HTTP/1.0\r\n\r\n", 400},
		{"\x16\x03\x01\x02\n", 400}, /* TLS */
	};

	(void)state;
	configure(NULL);
	assert_statuses(wanted, sizeof(wanted) / sizeof(wanted[0]));
}

static void nul_bytes_are_400(void **state)
{
	static const char line[] = "GET /\0 HTTP/1.0\r\n\r\n";
	static const char field[] = "GET / HTTP/1.0\r\nA: \0b\r\n\r\n";
	struct fake_answer answer;

	(void)state;
	configure(NULL);
	answer = ask_bytes(line, sizeof(line) - 1, 0, FAKE_SILENCE);
	assert_int_equal(status_of(&answer), 400);
	answer = ask_bytes(field, sizeof(field) - 1, 0, FAKE_SILENCE);
	assert_int_equal(status_of(&answer), 400);
}

static void wrong_header_lines_are_400(void **state)
{
	static const struct wanted wanted[] = {
		{"GET / HTTP/1.0\r\nno colon\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\n: no name\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nHost : a\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nA: b\r\n folded\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nA: b\r\n\tfolded\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nA(: b\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nA: b\rc\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nA: b\r\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nA: \x1b[2J\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nA: \x7f\r\n\r\n", 400},
	};

	(void)state;
	configure(NULL);
	assert_statuses(wanted, sizeof(wanted) / sizeof(wanted[0]));
}

static void host_is_required_once_from_1_1_on(void **state)
{
	static const struct wanted wanted[] = {
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHosts: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
		{"GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400},
		{"GET / HTTP/1.1\r\nhOST:\r\n\r\n", 200},
		{"GET / HTTP/1.2\r\n" HOST "\r\n", 200},
		{"GET / HTTP/1.0\r\n\r\n", 200},
	};

	(void)state;
	configure(NULL);
	assert_statuses(wanted, sizeof(wanted) / sizeof(wanted[0]));
}

static void other_major_versions_are_505(void **state)
{
	static const struct wanted wanted[] = {
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"GET / HTTP/2.0\r\n", 505},
		{"GET / HTTP/0.9\r\n", 505},
	};

	(void)state;
	configure(NULL);
	assert_statuses(wanted, sizeof(wanted) / sizeof(wanted[0]));
}

static void lines_may_end_with_lf_and_values_be_any_text(void **state)
{
	static const struct wanted wanted[] = {
		{"GET / HTTP/1.1\nHost: a\n\n", 200},
		{"GET / HTTP/1.1\r\nHost: a\n\r\n", 200},
		{"\r\n\nGET / HTTP/1.1\r\n" HOST "\r\n", 200},
		{"GET / HTTP/1.1\r\n" HOST "A:\t caf\xc3\xa9 \t x  \r\n\r\n", 200},
		{"GET / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n123456789", 200},
	};

	(void)state;
	configure(NULL);
	assert_statuses(wanted, sizeof(wanted) / sizeof(wanted[0]));
}

static void reads_may_be_cut_anywhere(void **state)
{
	static const char request[] = "HEAD /live HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";

	(void)state;
	configure("/live");
	for (size_t chunk = 1; chunk < sizeof(request); chunk++) {
		struct fake_answer answer =
			ask_bytes(request, sizeof(request) - 1, chunk, FAKE_SILENCE);

		assert_int_equal(status_of(&answer), 200);
	}
}

static void silence_within_the_head_is_408(void **state)
{
	static const char request[] = "GET / HTTP/1.0\r\nA: b\r\n\r\n";

	(void)state;
	configure(NULL);
	for (size_t len = 0; len < sizeof(request) - 1; len++) {
		struct fake_answer answer = ask_bytes(request, len, 0, FAKE_SILENCE);

		assert_int_equal(status_of(&answer), 408);
	}
}

static void end_of_file_within_the_head_is_400(void **state)
{
	static const char request[] = "GET / HTTP/1.0\r\nA: b\r\n\r\n";

	(void)state;
	configure(NULL);
	for (size_t len = 1; len < sizeof(request) - 1; len++) {
		struct fake_answer answer = ask_bytes(request, len, 0, FAKE_EOF);

		assert_int_equal(status_of(&answer), 400);
	}
}

static void client_that_only_connects_gets_nothing(void **state)
{
	struct fake_answer answer;

	(void)state;
	configure(NULL);
	answer = ask_bytes("", 0, 0, FAKE_EOF);
	assert_int_equal(answer.result, 0);
	assert_int_equal(answer.writes, 0);
}

static void broken_connection_gets_nothing(void **state)
{
	struct fake_answer answer;

	(void)state;
	configure(NULL);
	answer = ask_bytes("GET / HTTP/1.0\r\n", 16, 0, FAKE_RESET);
	assert_int_equal(answer.result, -1);
	assert_int_equal(answer.error, ECONNRESET);
	assert_int_equal(answer.writes, 0);
}

/* A request whose head has exactly len bytes. */
static void fill_head(char *head, size_t len)
{
	static const char start[] = "GET / HTTP/1.0\r\nA: ";

	memset(head, 'x', len);
	memcpy(head, start, sizeof(start) - 1);
	memcpy(head + len - 4, "\r\n\r\n", 4);
}

static void head_of_8_kib_is_the_largest(void **state)
{
	char head[HEAD_MAX + 1];

	(void)state;
	configure(NULL);
	for (size_t chunk = 0; chunk < 3; chunk++) {
		struct fake_answer answer;

		fill_head(head, HEAD_MAX);
		answer = ask_bytes(head, HEAD_MAX, chunk, FAKE_SILENCE);
		assert_int_equal(status_of(&answer), 200);
		fill_head(head, HEAD_MAX + 1);
		answer = ask_bytes(head, HEAD_MAX + 1, chunk, FAKE_SILENCE);
		assert_int_equal(status_of(&answer), 431);
	}
}

static void endless_heads_are_431(void **state)
{
	static const char *const parts[] = {"x", "\r\n", "A: b\r\n"};
	static char endless[4 * HEAD_MAX];

	(void)state;
	configure(NULL);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t len = strlen(parts[i]), used = 0;
		struct fake_answer answer;

		if (i == 2)
			used = (size_t)sprintf(endless, "GET / HTTP/1.0\r\n");
		for (; used + len <= sizeof(endless); used += len)
			memcpy(endless + used, parts[i], len);
		answer = ask_bytes(endless, used, 0, FAKE_SILENCE);
		assert_int_equal(status_of(&answer), 431);
	}
}

static void errors_to_head_have_no_body(void **state)
{
	static const struct wanted wanted[] = {
		{"HEAD /other HTTP/1.0\r\n\r\n", 404},
		{"HEAD / HTTP/1.1\r\n\r\n", 400},
		{"HEAD / HTTP/3.0\r\n", 505},
		{"HEAD / HTTP/1.1\r\nHo", 408},
	};

	(void)state;
	configure("/live");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct fake_answer answer = ask(wanted[i].request);

		assert_int_equal(status_of(&answer), wanted[i].status);
		assert_string_equal(body_of(&answer), "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(get_is_answered_on_every_path, reset),
		cmocka_unit_test_teardown(head_is_get_without_the_body, reset),
		cmocka_unit_test_teardown(date_is_now_in_the_form_of_rfc_9110, reset),
		cmocka_unit_test_teardown(only_listed_paths_are_found, reset),
		cmocka_unit_test_teardown(refuses_paths_that_no_request_has, reset),
		cmocka_unit_test_teardown(draining_is_503, reset),
		cmocka_unit_test_teardown(other_methods_are_405_with_allow, reset),
		cmocka_unit_test_teardown(wrong_request_lines_are_400, reset),
		cmocka_unit_test_teardown(nul_bytes_are_400, reset),
		cmocka_unit_test_teardown(wrong_header_lines_are_400, reset),
		cmocka_unit_test_teardown(host_is_required_once_from_1_1_on, reset),
		cmocka_unit_test_teardown(other_major_versions_are_505, reset),
		cmocka_unit_test_teardown(lines_may_end_with_lf_and_values_be_any_text, reset),
		cmocka_unit_test_teardown(reads_may_be_cut_anywhere, reset),
		cmocka_unit_test_teardown(silence_within_the_head_is_408, reset),
		cmocka_unit_test_teardown(end_of_file_within_the_head_is_400, reset),
		cmocka_unit_test_teardown(client_that_only_connects_gets_nothing, reset),
		cmocka_unit_test_teardown(broken_connection_gets_nothing, reset),
		cmocka_unit_test_teardown(head_of_8_kib_is_the_largest, reset),
		cmocka_unit_test_teardown(endless_heads_are_431, reset),
		cmocka_unit_test_teardown(errors_to_head_have_no_body, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
