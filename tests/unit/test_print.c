/* SPDX-License-Identifier: MIT */
/* test_print - -T shows every key, and what it prints parses back to the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "inifile.h"
#include "master/keys.h"
#include "master/reader.h"
#include "master/values.h"

#define HEAD "[a]\nlisten = 7/tcp\nhandler = a.so\n"

static char *print(const struct config *config)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	config_print(config, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_lines_are_short(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		assert_true(len <= READER_LINE_MAX);
		text += len + 1;
	}
}

/* The printed text of a configuration that must parse back; the caller frees it. */
static char *print_twice(struct inifile *ini, const char *text)
{
	char *first = print(inifile_accept(ini, text));
	CLEANUP_FREE char *second = print(inifile_accept(ini, first));

	assert_string_equal(first, second);
	assert_lines_are_short(first);
	return first;
}

static void prints_every_key(void **state)
{
	/* Without a value these have no line: an empty list cannot be written. */
	CLEANUP_FREE char *text =
		print_twice(*state, HEAD "opt.x = 1\nread_paths = /r\nwrite_paths = /w\n"
					 "connect_ports = 1\nbind_ports = 2\n");

	for (size_t i = 0; i < key_count; i++) {
		char line[64];

		if (!keys[i].type->print)
			continue;
		(void)snprintf(line, sizeof(line), "\n%s = ", keys[i].name); /* names are short */
		if (!strstr(text, line))
			fail_msg("%s is missing", keys[i].name);
	}
	assert_non_null(strstr(text, "\nopt.x = 1\n"));
}

static void prints_values_in_effect(void **state)
{
	CLEANUP_FREE char *text = print_twice(
		*state, "[defaults]\nidle_timeout = 90s\nstack_size = 1048576\nenabled = no\n" HEAD
			"max_duration = 120m\nsandbox = none\n");

	assert_non_null(strstr(text, "\nlisten = 0.0.0.0:7/tcp [::]:7/tcp "));
	assert_non_null(strstr(text, "\nidle_timeout = 90s "));
	assert_non_null(strstr(text, "\nstack_size = 1M "));
	assert_non_null(strstr(text, "\nenabled = no "));
	assert_non_null(strstr(text, "\nmax_duration = 2h "));
	assert_non_null(strstr(text, "\nsandbox = none "));
	assert_null(strstr(text, "[defaults]"));
}

static void prints_the_user_and_group_of_each_service(void **state)
{
	CLEANUP_FREE char *text = print_twice(*state, HEAD);

	assert_non_null(strstr(text, "\nuser = "));
	assert_non_null(strstr(text, "\ngroup = "));
}

static void splits_long_lists(void **state)
{
	char text[4096] = HEAD;

	for (int port = 1000; port < 1060; port++)
		(void)sprintf(text + strlen(text), "listen += [2001:db8::1]:%d/tcp\n", port);
	free(print_twice(*state, text));
}

/* Appends a continued value of pieces, each a line of its own. */
static void add_value(char *text, const char *name, const char *const *pieces, size_t count)
{
	(void)sprintf(text + strlen(text), "%s = \\\n", name);
	for (size_t i = 0; i < count; i++)
		(void)sprintf(text + strlen(text), "%s%s\n", pieces[i], i + 1 < count ? "\\" : "");
}

static void keeps_long_values_to_the_byte(void **state)
{
	static const char words[] =
		"one two  three\tfour; five # six \\ seven, eight = nine : ten "
		"eleven one two  three\tfour; five # six \\ seven, eight = nine : "
		"ten eleven x";
	char line[198], blanks[198], marks[198], text[8192] = HEAD;
	const char *const pieces[] = {words, line, blanks, line, marks, words, marks, blanks};
	CLEANUP_FREE char *printed = NULL, *value = NULL;

	(void)sprintf(line, "%0197d", 1);
	(void)sprintf(blanks, "x%*s", 196, "y");
	memset(marks, '#', 197);
	marks[0] = 'x';
	marks[197] = '\0';
	add_value(text, "opt.long", pieces, ARRAY_SIZE(pieces));
	value = strdup(inifile_accept(*state, text)->services[0].options[0].value);
	assert_non_null(value);
	printed = print_twice(*state, text);
	assert_string_equal(((struct inifile *)*state)->config->services[0].options[0].value,
			    value);
}

static void keeps_a_value_that_begins_with_a_comment_sign(void **state)
{
	char text[1024] = HEAD, value[192];
	const struct config *config;

	memset(value, '#', 190);
	value[190] = '\0';
	(void)sprintf(text + strlen(text), "opt.a = #fff\nopt.b=%s\\\nx%s\n", value, value);
	free(print_twice(*state, text));
	config = ((struct inifile *)*state)->config;
	assert_string_equal(config->services[0].options[0].value, "#fff");
	assert_int_equal(strlen(config->services[0].options[1].value), 381);
}

static void keeps_disabled_services(void **state)
{
	struct inifile *ini = *state;

	free(print_twice(ini, HEAD "enabled = no\n[b]\nlisten = 7/tcp\nhandler = /x/b\n"));
	assert_int_equal(ini->config->count, 2);
	assert_string_equal(ini->config->services[1].path, "/x/b");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, inifile_setup, inifile_teardown)
	const struct CMUnitTest tests[] = {
		TEST(prints_every_key),
		TEST(prints_values_in_effect),
		TEST(prints_the_user_and_group_of_each_service),
		TEST(splits_long_lists),
		TEST(keeps_long_values_to_the_byte),
		TEST(keeps_a_value_that_begins_with_a_comment_sign),
		TEST(keeps_disabled_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
