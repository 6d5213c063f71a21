/* SPDX-License-Identifier: MIT */
/* test_headprobe_response - what headprobe makes of the answers of targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fakehost.h"
#include "probing.h"

#define HEAD_MAX 16384
#define LINE_MAX 8192

struct pair {
	const char *given, *wanted;
};

static void assert_answers(const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *answer;

		probing_serve(pairs[i].given);
		answer = probing_ask("");
		if (strncmp(answer, pairs[i].wanted, strlen(pairs[i].wanted)) != 0)
			fail_msg("\"%s\" was reported as \"%s\"", pairs[i].given, answer);
	}
}

static void answer_is_a_status_line_and_the_headers(void **state)
{
	float ms, connect, ttfb, total;
	const char *answer;
	int end = 0;

	(void)state;
	probing_configure(NULL, NULL);
	probing_serve(
		"HTTP/1.1 200 Fine\r\nServer: nginx\r\nContent-Length:1234\r\n"
		"content-type: text/html; charset=\"x\"\r\nSet-Cookie: a=b \r\nEmpty:\r\n\r\nbody");
	answer = probing_ask("");
	assert_int_equal(sscanf(answer,
				"OK 200 HTTP/1.1 %fms connect=%f ttfb=%f total=%f "
				"addr=192.0.2.7:80 server=\"nginx\"%n",
				&ms, &connect, &ttfb, &total, &end),
			 4);
	assert_string_equal(answer + end, " type=\"text/html; charset=\\x22x\\x22\" length=1234\n"
					  "Server: nginx\n"
					  "Content-Length: 1234\n"
					  "content-type: text/html; charset=\"x\"\n"
					  "Set-Cookie: a=b\n"
					  "Empty: \n");
	assert_true(ms >= 0 && connect >= 0 && ttfb >= 0 && total >= 0);
}

static void redirect_is_reported_and_not_followed(void **state)
{
	const char *answer;

	(void)state;
	probing_configure(NULL, NULL);
	probing_serve("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n");
	answer = probing_ask("");
	assert_begins(answer, "OK 302 HTTP/1.1 ");
	assert_contains(answer, " location=\"http://169.254.169.254/\"\n");
	assert_int_equal(fakehost_connects(), 1);
}

static void status_lines_are_judged(void **state)
{
	static const struct pair pairs[] = {
		{"HTTP/1.0 200 OK\r\n\r\n", "OK 200 HTTP/1.0 "},
		{"HTTP/1.1 204\r\n\r\n", "OK 204 HTTP/1.1 "},
		{"HTTP/1.1 204 \n\n", "OK 204 HTTP/1.1 "},
		{"HTTP/1.1 200 \xff\x01\r\n\r\n", "OK 200 HTTP/1.1 "},
		{"HTTP/1.1 399 x\r\n\r\n", "OK 399 "},
		{"HTTP/1.1 400 x\r\n\r\n", "FAIL 400 "},
		{"HTTP/1.1 404 x\r\n\r\n", "FAIL 404 "},
		{"HTTP/1.1 503 x\r\n\r\n", "FAIL 503 "},
		{"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nC: d\r\n\r\n", "OK 200 "},
		{"HTTP/1.1 103 \r\n\r\nHTTP/1.1 103 \r\n\r\nHTTP/1.1 500 \r\n\r\n", "FAIL 500 "},
		{"HTTP/1.1 100 Continue\r\n\r\n", "ERR closed before status line\n"},
		{"HTTP/1.2 200 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/2 200\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/2.0 200 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1  200 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1\t200 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1 20 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1 2000 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1 200OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1 099 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1 600 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1 +20 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1\r\n\r\n", "ERR malformed status line\n"},
		{"ICY 200 OK\r\n\r\n", "ERR malformed status line\n"},
		{"\r\nHTTP/1.1 200 OK\r\n\r\n", "ERR malformed status line\n"},
		{"HTTP/1.1 200 O\rK\r\n\r\n", "ERR malformed status line\n"},
		{"SSH-2.0-OpenSSH_9.2\r\n", "ERR malformed status line\n"},
		{"", "ERR closed before status line\n"},
	};

	(void)state;
	probing_configure(NULL, NULL);
	assert_answers(pairs, sizeof(pairs) / sizeof(pairs[0]));
}

static void header_lines_are_judged(void **state)
{
	static const struct pair pairs[] = {
		{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "ERR malformed header line\n"},
		{"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n", "ERR malformed header line\n"},
		{"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "ERR malformed header line\n"},
		{"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "ERR malformed header line\n"},
		{"HTTP/1.1 200 OK\r\n: b\r\n\r\n", "ERR malformed header line\n"},
		{"HTTP/1.1 200 OK\r\n\x1b[2J: b\r\n\r\n", "ERR malformed header line\n"},
		{"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "ERR malformed header line\n"},
		{"HTTP/1.1 200 OK\r\nA: b\r\n", "ERR closed before end of headers\n"},
		{"HTTP/1.1 200 OK\r\nA: b", "ERR closed before end of headers\n"},
		{"HTTP/1.1 200 OK", "ERR closed before end of headers\n"},
	};

	(void)state;
	probing_configure(NULL, NULL);
	assert_answers(pairs, sizeof(pairs) / sizeof(pairs[0]));
}

static void nul_bytes_are_malformed(void **state)
{
	static const char status[] = "HTTP/1.1 200 \0\r\n\r\n";
	static const char field[] = "HTTP/1.1 200 OK\r\nA: \0b\r\n\r\n";

	(void)state;
	probing_configure(NULL, NULL);
	probing_serve_bytes(status, sizeof(status) - 1, FAKE_EOF);
	assert_string_equal(probing_ask(""), "ERR malformed status line\n");
	probing_serve_bytes(field, sizeof(field) - 1, FAKE_EOF);
	assert_string_equal(probing_ask(""), "ERR malformed header line\n");
}

static void echoed_bytes_are_harmless(void **state)
{
	const char *answer;

	(void)state;
	probing_configure(NULL, NULL);
	probing_serve("HTTP/1.1 200 \x1b[2J\r\n"
		      "Server: \x1b]0;x\x07\" ok=1\r\n"
		      "X: a\x7f\xc3\xa9\\x41\tb\x01\r\n\r\n");
	answer = probing_ask("");
	assert_contains(answer, " server=\"\\x1B]0;x\\x07\\x22 ok=1\"\n");
	assert_contains(answer, "\nServer: \\x1B]0;x\\x07\" ok=1\n");
	assert_contains(answer, "\nX: a\\x7F\\xC3\\xA9\\x5Cx41\\x09b\\x01\n");
	for (const char *c = answer; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
}

static void silence_is_a_timeout(void **state)
{
	static const char response[] = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";

	(void)state;
	probing_configure(NULL, NULL);
	for (size_t len = 0; len < sizeof(response) - 1; len++) {
		probing_serve_bytes(response, len, FAKE_SILENCE);
		assert_string_equal(probing_ask(""), "ERR timeout response 5000ms\n");
	}
}

static void reset_by_the_target_is_closed(void **state)
{
	(void)state;
	probing_configure(NULL, NULL);
	probing_serve_bytes("", 0, FAKE_RESET);
	assert_string_equal(probing_ask(""), "ERR closed before status line\n");
	probing_serve_bytes("HTTP/1.1 200 OK\r\nA", 18, FAKE_RESET);
	assert_string_equal(probing_ask(""), "ERR closed before end of headers\n");
}

static void answer_counts_even_if_the_request_was_not_taken(void **state)
{
	static const char response[] = "HTTP/1.0 503 Busy\r\n\r\n";
	struct fake_peer peer = {
		.write_error = EPIPE,
		.script = {.bytes = response, .len = sizeof(response) - 1},
	};

	(void)state;
	probing_configure(NULL, NULL);
	fakehost_peer(&peer);
	assert_begins(probing_ask(""), "FAIL 503 HTTP/1.0 ");
	peer.write_error = EIO;
	fakehost_peer(&peer);
	assert_string_equal(probing_ask(""), "ERR internal\n");
}

static void connect_errors_have_stable_words(void **state)
{
	static const struct {
		int error;
		const char *wanted;
	} cases[] = {
		{ECONNREFUSED, "ERR refused\n"},     {EHOSTUNREACH, "ERR unreachable\n"},
		{ENETUNREACH, "ERR unreachable\n"},  {ETIMEDOUT, "ERR timeout connect 2000ms\n"},
		{ENXIO, "ERR dns name not found\n"}, {EAGAIN, "ERR dns no answer\n"},
		{EPROTO, "ERR dns failed\n"},	     {EMFILE, "ERR internal\n"},
	};

	(void)state;
	probing_configure(NULL, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fakehost_peer(&(struct fake_peer){.error = cases[i].error});
		assert_string_equal(probing_ask(""), cases[i].wanted);
	}
}

/* A response whose head has exactly len bytes, in lines that are all allowed. */
static void fill_head(char *head, size_t len)
{
	static const char status[] = "HTTP/1.1 200 OK\r\n";
	size_t used = sizeof(status) - 1;

	memset(head, 'x', len);
	memcpy(head, status, used);
	while (len - used > 4096) {
		memcpy(head + used, "A:", 2);
		memcpy(head + used + 2046, "\r\n", 2);
		used += 2048;
	}
	memcpy(head + used, "A:", 2);
	memcpy(head + len - 4, "\r\n\r\n", 4);
}

static void head_of_16_kib_is_the_largest(void **state)
{
	static char head[HEAD_MAX + 1];

	(void)state;
	probing_configure(NULL, NULL);
	fill_head(head, HEAD_MAX);
	probing_serve_bytes(head, HEAD_MAX, FAKE_SILENCE);
	assert_begins(probing_ask(""), "OK 200 ");
	fill_head(head, HEAD_MAX + 1);
	probing_serve_bytes(head, HEAD_MAX + 1, FAKE_SILENCE);
	assert_string_equal(probing_ask(""), "ERR toolarge headers>16384\n");
}

static void endless_interim_responses_are_too_large(void **state)
{
	static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
	static char endless[2 * HEAD_MAX];
	size_t used = 0;

	(void)state;
	probing_configure(NULL, NULL);
	for (; used + sizeof(interim) <= sizeof(endless); used += sizeof(interim) - 1)
		memcpy(endless + used, interim, sizeof(interim) - 1);
	probing_serve_bytes(endless, used, FAKE_SILENCE);
	assert_string_equal(probing_ask(""), "ERR toolarge headers>16384\n");
}

static void line_of_8_kib_is_the_longest(void **state)
{
	static char head[LINE_MAX + 64];
	int start = sprintf(head, "HTTP/1.1 200 OK\r\n");

	(void)state;
	probing_configure(NULL, NULL);
	for (int extra = 0; extra < 2; extra++) {
		size_t line = LINE_MAX + (size_t)extra;

		memset(head + start, 'x', line);
		memcpy(head + start, "A:", 2);
		memcpy(head + start + line, "\r\n\r\n", 4);
		probing_serve_bytes(head, (size_t)start + line + 4, FAKE_SILENCE);
		assert_begins(probing_ask(""), extra ? "ERR toolarge line>8192\n" : "OK 200 ");
	}
}

static void hundred_headers_are_the_most(void **state)
{
	char head[2048];
	int used = sprintf(head, "HTTP/1.1 200 OK\r\n");

	(void)state;
	probing_configure(NULL, NULL);
	for (int i = 0; i < 100; i++)
		used += sprintf(head + used, "A: b\r\n");
	strcpy(head + used, "\r\n");
	probing_serve(head);
	assert_begins(probing_ask(""), "OK 200 ");
	strcpy(head + used, "A: b\r\n\r\n");
	probing_serve(head);
	assert_string_equal(probing_ask(""), "ERR toolarge headers>100 lines\n");
}

static void expect_decides_what_is_ok(void **state)
{
	static const struct pair pairs[] = {
		{"HTTP/1.1 200 OK\r\n\r\n", "OK 200 "},	  {"HTTP/1.1 201 OK\r\n\r\n", "FAIL 201 "},
		{"HTTP/1.1 400 OK\r\n\r\n", "OK 400 "},	  {"HTTP/1.1 405 OK\r\n\r\n", "OK 405 "},
		{"HTTP/1.1 410 OK\r\n\r\n", "FAIL 410 "}, {"HTTP/1.1 501 OK\r\n\r\n", "WARN 501 "},
	};

	(void)state;
	probing_configure("expect", "200, 400-409");
	assert_answers(pairs, sizeof(pairs) / sizeof(pairs[0]));
}

static void head_unsupported_decides_about_405_and_501(void **state)
{
	static const struct {
		const char *choice, *word;
	} cases[] = {{NULL, "WARN 501 "},
		     {"warn", "WARN 501 "},
		     {"ok", "OK 501 "},
		     {"fail", "FAIL 501 "}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *answer;

		fakehost_reset();
		probing_configure(cases[i].choice != NULL ? "head_unsupported" : NULL,
				  cases[i].choice);
		probing_serve("HTTP/1.0 501 Not Implemented\r\n\r\n");
		answer = probing_ask("");
		assert_begins(answer, cases[i].word);
		assert_contains(answer, " note=\"HEAD unsupported\"\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(answer_is_a_status_line_and_the_headers, probing_reset),
		cmocka_unit_test_teardown(redirect_is_reported_and_not_followed, probing_reset),
		cmocka_unit_test_teardown(status_lines_are_judged, probing_reset),
		cmocka_unit_test_teardown(header_lines_are_judged, probing_reset),
		cmocka_unit_test_teardown(nul_bytes_are_malformed, probing_reset),
		cmocka_unit_test_teardown(echoed_bytes_are_harmless, probing_reset),
		cmocka_unit_test_teardown(silence_is_a_timeout, probing_reset),
		cmocka_unit_test_teardown(reset_by_the_target_is_closed, probing_reset),
		cmocka_unit_test_teardown(answer_counts_even_if_the_request_was_not_taken,
					  probing_reset),
		cmocka_unit_test_teardown(connect_errors_have_stable_words, probing_reset),
		cmocka_unit_test_teardown(head_of_16_kib_is_the_largest, probing_reset),
		cmocka_unit_test_teardown(endless_interim_responses_are_too_large, probing_reset),
		cmocka_unit_test_teardown(line_of_8_kib_is_the_longest, probing_reset),
		cmocka_unit_test_teardown(hundred_headers_are_the_most, probing_reset),
		cmocka_unit_test_teardown(expect_decides_what_is_ok, probing_reset),
		cmocka_unit_test_teardown(head_unsupported_decides_about_405_and_501,
					  probing_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
