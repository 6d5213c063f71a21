/* SPDX-License-Identifier: MIT */
/* test_headprobe - which options headprobe takes and what it sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "fakehost.h"
#include "probing.h"

struct pair {
	const char *given, *wanted;
};

static void request_is_one_head_with_five_lines(void **state)
{
	(void)state;
	probing_configure(NULL, NULL);
	probing_serve(PROBING_OK);
	assert_begins(probing_ask(""), "OK 200 HTTP/1.1 ");
	assert_string_equal(fakehost_where(), "192.0.2.7:80");
	assert_string_equal(fakehost_request(), "HEAD / HTTP/1.1\r\n"
						"Host: 192.0.2.7\r\n"
						"User-Agent: cservd-headprobe/0.1\r\n"
						"Accept: */*\r\n"
						"Connection: close\r\n"
						"\r\n");
}

static void url_decides_place_path_and_host(void **state)
{
	static const struct {
		const char *url, *where, *start;
	} cases[] = {
		{"http://a", "a:80", "HEAD / HTTP/1.1\r\nHost: a\r\n"},
		{"HTTP://www.example.org/x/y?z=%20", "www.example.org:80",
		 "HEAD /x/y?z=%20 HTTP/1.1\r\nHost: www.example.org\r\n"},
		{"http://a:8080?q", "a:8080", "HEAD /?q HTTP/1.1\r\nHost: a:8080\r\n"},
		{"http://a:080/", "a:80", "HEAD / HTTP/1.1\r\nHost: a\r\n"},
		{"http://a/@:[]", "a:80", "HEAD /@:[] HTTP/1.1\r\nHost: a\r\n"},
		{"http://[2001:db8::1]/", "[2001:db8::1]:80",
		 "HEAD / HTTP/1.1\r\nHost: [2001:db8::1]\r\n"},
		{"http://[::1]:65535/", "[::1]:65535", "HEAD / HTTP/1.1\r\nHost: [::1]:65535\r\n"},
		{"http://3com.example/", "3com.example:80",
		 "HEAD / HTTP/1.1\r\nHost: 3com.example\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fakehost_reset();
		fakehost_option("target", cases[i].url);
		assert_int_equal(fakehost_config(), 0);
		probing_serve(PROBING_OK);
		assert_begins(probing_ask(""), "OK 200 ");
		assert_string_equal(fakehost_where(), cases[i].where);
		assert_begins(fakehost_request(), cases[i].start);
	}
}

static void assert_refused(const char *option, const char *value, const char *why)
{
	fakehost_reset();
	if (strcmp(option, "target") != 0)
		fakehost_option("target", PROBING_URL);
	fakehost_option(option, value);
	assert_int_equal(fakehost_config(), -1);
	if (strstr(fakehost_refusals(), why) == NULL)
		fail_msg("opt.%s = %s: %s", option, value, fakehost_refusals());
}

static void refuses_urls_that_are_not_strict(void **state)
{
	static const struct pair pairs[] = {
		{"https://a/", "opt.target: https is not supported; name an http:// address\n"},
		{"ftp://a/", "must begin with http://"},
		{"a.example/", "must begin with http://"},
		{"http:/a/", "must begin with http://"},
		{"http://", "the host must be a name"},
		{"http:///x", "the host must be a name"},
		{"http://:80/", "the host must be a name"},
		{"http://.a/", "the host must be a name"},
		{"http://a./", "the host must be a name"},
		{"http://a..b/", "the host must be a name"},
		{"http://-a/", "the host must be a name"},
		{"http://a%41/", "the host must be a name"},
		{"http://2130706433/", "the host must be a name"},
		{"http://0x7f000001/", "the host must be a name"},
		{"http://127.1/", "the host must be a name"},
		{"http://0177.0.0.1/", "the host must be a name"},
		{"http://127.0.0.0x1/", "the host must be a name"},
		{"http://1.2.3.256/", "the host must be a name"},
		{"http://[::1/", "the host must be a name"},
		{"http://[::1", "the host must be a name"},
		{"http://[::g]/", "the host must be a name"},
		{"http://[fe80::1%25eth0]/", "the host must be a name"},
		{"http://[127.0.0.1]/", "the host must be a name"},
		{"http://[]/", "the host must be a name"},
		{"http://[/", "the host must be a name"},
		{"http://::1/", "the host must be a name"},
		{"http://a:0/", "the port must be 1 to 65535"},
		{"http://a:65536/", "the port must be 1 to 65535"},
		{"http://a:/", "the port must be 1 to 65535"},
		{"http://a:+80/", "the port must be 1 to 65535"},
		{"http://a:http/", "the port must be 1 to 65535"},
		{"http://a:000080/", "the port must be 1 to 65535"},
		{"http://[::1]80/", "the port must be 1 to 65535"},
		{"http://u@a/", "a user name"},
		{"http://u:p@a/", "a user name"},
		{"http://a/x#y", "a fragment"},
		{"http://a/x y", "special characters as %XX"},
		{"http://a/\r\nX: y", "special characters as %XX"},
		{"http://a/\xc3\xa9", "special characters as %XX"},
		{"http://a\\b/", "special characters as %XX"},
		{"http://a/\x7f", "special characters as %XX"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_refused("target", pairs[i].given, pairs[i].wanted);
}

static void refuses_too_long_host(void **state)
{
	char url[7 + 254 + 1] = "http://";

	(void)state;
	memset(url + 7, 'a', 254);
	assert_refused("target", url, "the host must be a name");
}

static void refuses_wrong_options(void **state)
{
	static const struct {
		const char *option, *value, *why;
	} cases[] = {
		{"host", "a b", "opt.host: must be a host name"},
		{"host", "a\r\nX: y", "opt.host: must be a host name"},
		{"expect", "2xx", "opt.expect: \"2xx\" is not a status"},
		{"expect", "399-200", "opt.expect: \"399-200\" is not a status"},
		{"expect", "200-", "opt.expect: \"200-\" is not a status"},
		{"expect", "200-2999", "opt.expect: \"200-2999\" is not a status"},
		{"expect", "200 99", "opt.expect: \"99\" is not a status"},
		{"expect", "600", "opt.expect: \"600\" is not a status"},
		{"expect", "099-200", "opt.expect: \"099-200\" is not a status"},
		{"expect", "-200", "opt.expect: \"-200\" is not a status"},
		{"mode", "http", "opt.mode: "},
		{"head_unsupported", "get", "opt.head_unsupported: "},
		{"max_parallel", "0", "opt.max_parallel: "},
		{"min_interval", "1", "opt.min_interval: "},
		{"target.web", PROBING_URL, "opt.target.web: needs opt.mode = ask\n"},
		{"mode", "ask", "opt.target: is for opt.mode = fixed"},
		{"mode", "ask", "opt.mode: ask needs at least one opt.target.NAME"},
		{"allow", "10.0.0.0/8", "opt.allow: no such option"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refused(cases[i].option, cases[i].value, cases[i].why);
}

static void mode_fixed_needs_a_target(void **state)
{
	(void)state;
	assert_int_equal(fakehost_config(), -1);
	assert_begins(fakehost_refusals(), "opt.target: is missing");
}

static void host_option_replaces_that_of_the_url(void **state)
{
	(void)state;
	fakehost_option("target", "http://192.0.2.7:8080/");
	fakehost_option("host", "www.example.org");
	assert_int_equal(fakehost_config(), 0);
	probing_serve(PROBING_OK);
	(void)probing_ask("");
	assert_string_equal(fakehost_where(), "192.0.2.7:8080");
	assert_begins(fakehost_request(), "HEAD / HTTP/1.1\r\nHost: www.example.org\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(request_is_one_head_with_five_lines, probing_reset),
		cmocka_unit_test_teardown(url_decides_place_path_and_host, probing_reset),
		cmocka_unit_test_teardown(refuses_urls_that_are_not_strict, probing_reset),
		cmocka_unit_test_teardown(refuses_too_long_host, probing_reset),
		cmocka_unit_test_teardown(refuses_wrong_options, probing_reset),
		cmocka_unit_test_teardown(mode_fixed_needs_a_target, probing_reset),
		cmocka_unit_test_teardown(host_option_replaces_that_of_the_url, probing_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
