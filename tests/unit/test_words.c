/* SPDX-License-Identifier: MIT */
/* test_words - a service out of the words of a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "inifile.h"

#define WORDS(...) ((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* A file in the folder of the test, whose path is written to path. */
static void make_file(struct inifile *ini, const char *name, char path[128])
{
	inifile_write(ini, name, "", 0);
	(void)snprintf(path, 128, "%s/%s", ini->folder, name); /* names are short */
}

static const struct config_service *accept_words(struct inifile *ini, const char *handler,
						 char *const words[])
{
	config_destroy(ini->config);
	ini->config = config_from_words(handler, words, &ini->errors);
	assert_int_equal(ini->errors.count, 0);
	assert_non_null(ini->config);
	assert_int_equal(ini->config->count, 1);
	return ini->config->services;
}

/* Fails unless these words, behind a right handler, give this one error. */
static void assert_refuses(void **state, char *const words[], const char *said)
{
	struct inifile *ini = *state;
	char path[128];

	make_file(ini, "a.so", path);
	assert_null(config_from_words(path, words, &ini->errors));
	assert_int_equal(ini->errors.count, 1);
	assert_string_equal(ini->errors.lines[0], said);
	config_errors_finish(&ini->errors);
}

static void a_handler_is_enough(void **state)
{
	const struct config_service *service;
	char path[128];

	make_file(*state, "echo_upper.so", path);
	service = accept_words(*state, path, WORDS());
	assert_string_equal(service->name, "echo_upper");
	assert_string_equal(service->handler, path);
	assert_string_equal(service->path, path);
	assert_int_equal(service->listeners, 0);
	assert_int_equal(service->max_connections, 256);
	assert_string_equal(service->where.file, path);
	assert_int_equal(service->where.line, 0);
}

static void takes_keys_options_and_addresses(void **state)
{
	const struct config_service *service;
	char path[128];

	make_file(*state, "a.so", path);
	service = accept_words(*state, path,
			       WORDS("7007/tcp", "opt.case=uni=code", "idle_timeout=3s",
				     "[::1]:7/udp", "sandbox=none"));
	assert_int_equal(service->listeners, 3);
	assert_int_equal(service->idle_timeout, 3000);
	assert_true(service->unsandboxed);
	assert_int_equal(service->option_count, 1);
	assert_string_equal(service->options[0].name, "case");
	assert_string_equal(service->options[0].value, "uni=code");
	assert_string_equal(service->options[0].where.file, "opt.case=uni=code");
	assert_int_equal(service->options[0].where.line, 0);
}

static void the_name_of_the_file_names_the_service(void **state)
{
	static const struct {
		const char *file, *name;
	} names[] = {
		{"hello.so", "hello"},
		{"My Plug+in.so", "my-plug-in"},
		{"_x.so", "x"},
		{"plain", "plain"},
		{"+.so", "plugin"},
		{"a123456789012345678901234567890123456789.so", "a1234567890123456789012345678901"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128];

		make_file(*state, names[i].file, path);
		assert_string_equal(accept_words(*state, path, WORDS())->name, names[i].name);
	}
}

static void the_handler_becomes_an_absolute_path(void **state)
{
	struct inifile *ini = *state;
	char path[128], detour[256];

	make_file(ini, "a.so", path);
	(void)snprintf(detour, sizeof(detour), "%s/.//a.so", ini->folder); /* fits */
	assert_string_equal(accept_words(ini, detour, WORDS())->path, path);
}

static void refuses_a_missing_handler(void **state)
{
	struct inifile *ini = *state;

	assert_null(config_from_words("./gone.so", WORDS("7007/tcp"), &ini->errors));
	assert_int_equal(ini->errors.count, 1);
	assert_string_equal(ini->errors.lines[0], "./gone.so: No such file or directory");
}

static void looks_for_a_bare_name_among_the_installed_plugins(void **state)
{
	struct inifile *ini = *state;

	assert_null(config_from_words("gone.so", WORDS("7007/tcp"), &ini->errors));
	assert_int_equal(ini->errors.count, 1);
	assert_string_equal(ini->errors.lines[0],
			    "gone.so: No such file or directory, here or in " PLUGINDIR);
}

static void errors_begin_with_the_word(void **state)
{
	assert_refuses(state, WORDS("idle_timeout=0s"),
		       "idle_timeout=0s: 0 is not a limit, write \"unlimited\" for none");
	assert_refuses(state, WORDS("idle=1s"),
		       "idle=1s: unknown key \"idle\": here it is \"idle_timeout\"");
	assert_refuses(state, WORDS("log=stderr"), "log=stderr: \"log\" belongs in [cservd]");
	assert_refuses(state, WORDS("0/tcp"), "0/tcp: port 0 is not allowed");
	assert_refuses(state, WORDS("opt.x=1", "opt.x=2"), "opt.x=2: \"opt.x\" is given twice");
	assert_refuses(state, WORDS("127.0.0.1:7/tcp", "listen+=127.0.0.1:7/tcp"),
		       "listen+=127.0.0.1:7/tcp: \"127.0.0.1:7/tcp\" clashes with "
		       "\"127.0.0.1:7/tcp\" of \"127.0.0.1:7/tcp\"");
}

static void refuses_words_without_key_or_value(void **state)
{
	assert_refuses(state, WORDS("=x"), "=x: write KEY=VALUE");
	assert_refuses(state, WORDS("+=x"), "+=x: write KEY=VALUE");
	assert_refuses(state, WORDS("opt.x="), "opt.x=: write KEY=VALUE");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, inifile_setup, inifile_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_handler_is_enough),
		TEST(takes_keys_options_and_addresses),
		TEST(the_name_of_the_file_names_the_service),
		TEST(the_handler_becomes_an_absolute_path),
		TEST(refuses_a_missing_handler),
		TEST(looks_for_a_bare_name_among_the_installed_plugins),
		TEST(errors_begin_with_the_word),
		TEST(refuses_words_without_key_or_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
