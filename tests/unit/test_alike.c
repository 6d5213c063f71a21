/* SPDX-License-Identifier: MIT */
/* test_alike - what makes two services differ, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "inifile.h"
#include "master/alike.h"
#include "master/keys.h"

#define USUAL "listen = 7/tcp 8/udp\nhandler = a.so\nopt.x = 1\nopt.y = 2\n"

/* Whether services with these lines are alike. */
static bool are_alike(struct inifile *ini, const char *a, const char *b)
{
	CLEANUP_FREE char *text_a = NULL, *text_b = NULL;
	struct config *first;
	bool alike;

	assert_true(asprintf(&text_a, "[a]\n%s", a) > 0);
	assert_true(asprintf(&text_b, "; moved\n\n[defaults]\n[a]\n%s", b) > 0);
	first = inifile_accept(ini, text_a);
	ini->config = NULL; /* ours now */
	alike = alike_services(&first->services[0], &inifile_accept(ini, text_b)->services[0]);
	config_destroy(first);
	return alike;
}

static void the_same_keys_are_alike_wherever_they_stand(void **state)
{
	assert_true(are_alike(*state, USUAL, USUAL));
}

static void a_default_written_out_makes_no_difference(void **state)
{
	assert_true(are_alike(*state, USUAL, USUAL "max_connections = 256\nsandbox = stdio\n"));
}

static void the_order_of_options_makes_no_difference(void **state)
{
	assert_true(are_alike(*state, USUAL,
			      "opt.y = 2\nopt.x = 1\nlisten = 7/tcp 8/udp\nhandler = a.so\n"));
}

static void every_kind_of_key_makes_a_difference(void **state)
{
	static const char *const lines[] = {
		"backlog = 1\n",	  "idle_timeout = 1s\n",   "stack_size = 1M\n",
		"enabled = no\n",	  "sandbox = inet\n",	   "on_violation = kill\n",
		"log_connections = no\n", "read_paths = /srv\n",   "connect_ports = 80\n",
		"max_memory = 1G\n",	  "crash_penalty = 10s\n", "opt.z = 3\n",
		"landlock = off\n",	  "udp_amplify = 3\n",	   "sandbox = none\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		CLEANUP_FREE char *text = NULL;

		assert_true(asprintf(&text, "%s%s", USUAL, lines[i]) > 0);
		if (are_alike(*state, USUAL, text))
			fail_msg("no difference: %s", lines[i]);
	}
}

static void listeners_handlers_and_options_make_a_difference(void **state)
{
	assert_false(are_alike(*state, "listen = 7/tcp\nhandler = a.so\n",
			       "listen = 8/tcp\nhandler = a.so\n"));
	assert_false(are_alike(*state, "listen = 7/tcp\nhandler = a.so\n",
			       "listen = 7/tcp\nhandler = b.so\n"));
	assert_false(are_alike(*state, "listen = 7/tcp\nhandler = a.so\nopt.x = 1\n",
			       "listen = 7/tcp\nhandler = a.so\nopt.y = 1\n"));
	assert_false(are_alike(*state, "listen = 7/tcp\nhandler = a.so\nopt.x = 1\n",
			       "listen = 7/tcp\nhandler = a.so\nopt.x = 2\n"));
}

static void another_folder_of_plugins_makes_a_difference(void **state)
{
	struct inifile *ini = *state;
	struct config *first = inifile_accept(ini, "[cservd]\nplugin_dir = /a\n[a]\n" USUAL);
	const struct config *second;

	ini->config = NULL; /* ours now */
	second = inifile_accept(ini, "[cservd]\nplugin_dir = /b\n[a]\n" USUAL);
	assert_false(alike_services(&first->services[0], &second->services[0]));
	config_destroy(first);
}

static void other_ids_of_a_user_make_a_difference(void **state)
{
	const struct config *config = inifile_accept(*state, "[a]\n" USUAL);
	struct config_service other = config->services[0];

	assert_true(alike_services(&config->services[0], &other));
	other.uid++;
	assert_false(alike_services(&config->services[0], &other));
	other = config->services[0];
	other.gid++;
	assert_false(alike_services(&config->services[0], &other));
}

static void a_hold_keeps_a_configuration(void **state)
{
	struct inifile *ini = *state;
	struct config *config = inifile_accept(ini, "[a]\n" USUAL);
	const struct config_service *service = &config->services[0];

	ini->config = NULL; /* ours now */
	config_hold(service);
	config_destroy(config);
	assert_string_equal(service->name, "a"); /* a sanitizer would object */
	config_release(service);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, inifile_setup, inifile_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_same_keys_are_alike_wherever_they_stand),
		TEST(a_default_written_out_makes_no_difference),
		TEST(the_order_of_options_makes_no_difference),
		TEST(every_kind_of_key_makes_a_difference),
		TEST(listeners_handlers_and_options_make_a_difference),
		TEST(another_folder_of_plugins_makes_a_difference),
		TEST(other_ids_of_a_user_make_a_difference),
		TEST(a_hold_keeps_a_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
