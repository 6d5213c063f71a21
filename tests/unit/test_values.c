/* SPDX-License-Identifier: MIT */
/* test_values - what each key accepts, and the sentence for what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "common/promise.h"
#include "inifile.h"

#define HEAD "[a]\nlisten = 7/tcp\nhandler = a.so\n"

static void assert_refuses_key(void **state, const char *key, const char *value, const char *why)
{
	char line[128], said[256];

	(void)snprintf(line, sizeof(line), "%s = %s", key, value); /* short ones */
	(void)snprintf(said, sizeof(said), "%s \"%s\": %s", key, value, why);
	inifile_refuse_key(*state, line, said);
}

static void keys_have_their_defaults(void **state)
{
	const struct config *config = inifile_accept(*state, HEAD);
	const struct config_service *a = &config->services[0];

	assert_int_equal(config->count, 1);
	assert_string_equal(config->plugin_dir, PLUGINDIR);
	assert_int_equal(config->log, LOG_TO_AUTO);
	assert_int_equal(config->log_level, LOG_INFO);
	assert_string_equal(a->name, "a");
	assert_int_equal(a->listeners, 2);
	assert_true(a->enabled && a->log_connections && !a->unsandboxed);
	assert_null(a->user);
	assert_int_equal(a->promises, PROMISE_STDIO);
	assert_int_equal(a->concurrency, 0);
	assert_int_equal(a->max_connections, 256);
	assert_int_equal(a->backlog, 4096);
	assert_int_equal(a->idle_timeout, 300000);
	assert_int_equal(a->max_duration, SETTINGS_UNLIMITED);
	assert_int_equal(a->drain_timeout, 30000);
	assert_int_equal(a->stack_size, 256 << 10);
	assert_int_equal(a->udp_amplify, 1);
}

static void keys_take_their_values(void **state)
{
	const struct config *config = inifile_accept(
		*state, "[cservd]\nlog = syslog\nlog_level = debug\nplugin_dir = /p\n" HEAD
			"enabled = no\nsandbox = stdio\nconcurrency = thread\n"
			"max_connections = 1000000\nbacklog = 1\nidle_timeout = unlimited\n"
			"max_duration = 3650d\ndrain_timeout = 1ms\nstack_size = 128K\n"
			"log_connections = no\nudp_amplify = 65535\n");
	const struct config_service *a = &config->services[0];

	assert_int_equal(config->log, LOG_TO_SYSLOG);
	assert_int_equal(config->log_level, LOG_DEBUG);
	assert_string_equal(a->path, "/p/a.so");
	assert_true(!a->enabled && !a->log_connections && !a->unsandboxed);
	assert_int_equal(a->max_connections, 1000000);
	assert_int_equal(a->backlog, 1);
	assert_int_equal(a->idle_timeout, SETTINGS_UNLIMITED);
	assert_int_equal(a->max_duration, UINT64_C(3650) * 86400000);
	assert_int_equal(a->drain_timeout, 1);
	assert_int_equal(a->stack_size, 128 << 10);
	assert_int_equal(a->udp_amplify, 65535);
}

static void an_option_keeps_name_value_and_place(void **state)
{
	const struct config *config =
		inifile_accept(*state, HEAD "opt.case = unicode\nopt.target.web = a  b # c;d\n");
	const struct config_option *options = config->services[0].options;

	assert_int_equal(config->services[0].option_count, 2);
	assert_string_equal(options[0].name, "case");
	assert_string_equal(options[0].value, "unicode");
	assert_int_equal(options[0].where.line, 4);
	assert_string_equal(options[1].name, "target.web");
	assert_string_equal(options[1].value, "a  b # c;d");
	assert_int_equal(options[1].where.line, 5);
}

static void refuses_odd_option_names(void **state)
{
	static const char why[] = "the name after \"opt.\" consists of letters, digits and ._-";

	assert_refuses_key(state, "opt.", "x", why);
	assert_refuses_key(state, "opt.a b", "x", why);
}

static void refuses_booleans_other_than_yes_and_no(void **state)
{
	assert_refuses_key(state, "enabled", "1", "write \"yes\" or \"no\"");
	assert_refuses_key(state, "log_connections", "Yes", "write \"yes\" or \"no\"");
}

static void refuses_numbers_out_of_range(void **state)
{
	static const char why[] = "write a number from 1 to 1000000";

	assert_refuses_key(state, "max_connections", "0", why);
	assert_refuses_key(state, "max_connections", "1000001", why);
	assert_refuses_key(state, "max_connections", "unlimited", why);
	assert_refuses_key(state, "max_connections", "many", why);
	assert_refuses_key(state, "backlog", "1K", "write a number from 1 to 2147483647");
	assert_refuses_key(state, "udp_amplify", "0", "write a number from 1 to 65535");
}

static void refuses_sizes_out_of_range(void **state)
{
	static const char why[] = "write a size from 128K to 64M";

	assert_refuses_key(state, "stack_size", "131071", why);
	assert_refuses_key(state, "stack_size", "65M", why);
	assert_refuses_key(state, "stack_size", "99999999999999999999G", why);
	assert_refuses_key(state, "stack_size", "big", why);
}

static void refuses_times_without_unit(void **state)
{
	static const char why[] = "write a time with its unit (ms s m h d), such as \"30s\"";

	assert_refuses_key(state, "idle_timeout", "5", why);
	assert_refuses_key(state, "drain_timeout", "1 s", why);
	assert_refuses_key(state, "max_duration", "soon", why);
}

static void refuses_zero_as_a_limit(void **state)
{
	static const char why[] = "0 is not a limit, write \"unlimited\" for none";

	assert_refuses_key(state, "idle_timeout", "0s", why);
	assert_refuses_key(state, "max_duration", "0", why);
}

static void refuses_times_that_no_clock_can_count(void **state)
{
	assert_refuses_key(state, "idle_timeout", "25d", "write at most 24d, or \"unlimited\"");
	assert_refuses_key(state, "max_duration", "3651d", "write at most 3650d, or \"unlimited\"");
	assert_refuses_key(state, "max_duration", "99999999999999999999d",
			   "write at most 3650d, or \"unlimited\"");
}

static void refuses_other_concurrency_than_threads_and_processes(void **state)
{
	assert_refuses_key(state, "concurrency", "fiber",
			   "this does not exist in this version, write thread or process");
	assert_refuses_key(state, "concurrency", "magic", "write thread or process");
}

static void grants_promises_beside_stdio(void **state)
{
	const struct config *config = inifile_accept(*state, "[defaults]\nsandbox = dns\n" HEAD
							     "sandbox += rpath inet\n");

	assert_int_equal(config->services[0].promises,
			 PROMISE_STDIO | PROMISE_DNS | PROMISE_RPATH | PROMISE_INET);
}

static void lists_of_paths_and_ports_grow(void **state)
{
	const struct config *config =
		inifile_accept(*state, "[defaults]\nread_paths = /a\n" HEAD "read_paths += /b /c\n"
				       "connect_ports = 80,443\n");
	const struct config_service *service = &config->services[0];

	assert_int_equal(service->read_paths.count, 3);
	assert_string_equal(service->read_paths.path[0], "/a");
	assert_string_equal(service->read_paths.path[2], "/c");
	assert_int_equal(service->write_paths.count, 0);
	assert_int_equal(service->connect_ports.count, 2);
	assert_int_equal(service->connect_ports.port[1], 443);
}

static void refuses_wrong_paths_and_ports(void **state)
{
	assert_refuses_key(state, "read_paths", "relative", "write absolute paths");
	assert_refuses_key(state, "write_paths", "/a/../b", "write the path without \"..\"");
	assert_refuses_key(state, "connect_ports", "0", "write ports from 1 to 65535");
	assert_refuses_key(state, "bind_ports", "http", "write ports from 1 to 65535");
}

static void refuses_words_that_are_no_promise(void **state)
{
	inifile_refuse_key(*state, "sandbox = magic",
			   "sandbox \"magic\": no such promise; there are stdio inet dns rpath "
			   "wpath cpath unix threads proc exec status, and none");
	inifile_refuse_key(*state, "sandbox = ,", "\"sandbox\" has no value");
}

static void none_stands_alone(void **state)
{
	assert_true(inifile_accept(*state, HEAD "sandbox = none\n")->services[0].unsandboxed);
	assert_false(inifile_accept(*state, "[defaults]\nsandbox = none\n" HEAD "sandbox = stdio\n")
			     ->services[0]
			     .unsandboxed);
	inifile_refuse_key(*state, "sandbox = stdio none",
			   "sandbox \"stdio none\": \"none\" stands alone, remove it or the "
			   "others");
	inifile_refuse(*state, "[defaults]\nsandbox = none\n" HEAD "sandbox += stdio\n",
		       "cservd.ini:6: sandbox \"stdio\": \"none\" stands alone, write one "
		       "\"sandbox = \" line");
	inifile_refuse(*state, HEAD "sandbox += none\n",
		       "cservd.ini:4: sandbox \"none\": \"none\" stands alone, write one "
		       "\"sandbox = \" line");
}

static void a_handler_is_in_plugin_dir_or_an_absolute_path(void **state)
{
	const struct config *config = inifile_accept(*state, HEAD);

	assert_string_equal(config->services[0].path, PLUGINDIR "/a.so");
	assert_int_equal(config->services[0].handler_where.line, 3);
	config = inifile_accept(*state, "[a]\nlisten = 7/tcp\nhandler = /x/y\n");
	assert_string_equal(config->services[0].handler, "/x/y");
	assert_string_equal(config->services[0].path, "/x/y");
}

static void refuses_other_handlers(void **state)
{
	static const struct {
		const char *handler, *why;
	} wrong[] = {
		{"echo", "the name of a plugin ends in \".so\""},
		{".so", "the name of a plugin ends in \".so\""},
		{"./a.so", "write NAME.so, which is in plugin_dir, or an absolute path"},
		{"x/a.so", "write NAME.so, which is in plugin_dir, or an absolute path"},
		{"../a.so", "write the path without \"..\""},
		{"/x/../a.so", "write the path without \"..\""},
		{"..", "write the path without \"..\""},
		{"/x/", "write the path of a file"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char text[128], said[256];

		(void)snprintf(text, sizeof(text), "[a]\nlisten = 7/tcp\nhandler = %s\n",
			       wrong[i].handler);
		(void)snprintf(said, sizeof(said), "cservd.ini:3: handler \"%s\": %s",
			       wrong[i].handler, wrong[i].why);
		inifile_refuse(*state, text, said);
	}
}

static void refuses_wrong_values_of_the_daemon(void **state)
{
	inifile_refuse(*state, "[cservd]\nlog = file\nlog_level = loud\nplugin_dir = lib\n",
		       "cservd.ini:2: log \"file\": write auto, stderr or syslog\n"
		       "cservd.ini:3: log_level \"loud\": write error, warning, info or debug\n"
		       "cservd.ini:4: plugin_dir \"lib\": write an absolute path");
	inifile_refuse(*state, "[cservd]\nlog = journal\nplugin_dir = /a/..\n",
		       "cservd.ini:2: log \"journal\": this does not exist in this version, write "
		       "auto, stderr or syslog\n"
		       "cservd.ini:3: plugin_dir \"/a/..\": write the path without \"..\"");
}

static void listen_takes_lists_that_grow(void **state)
{
	const struct config *config =
		inifile_accept(*state, "[a]\nlisten = 127.0.0.1:7/tcp,[::1]:7/udp\nhandler = a.so\n"
				       "listen += 8/tcp\n");
	const struct config_service *a = &config->services[0];
	char text[ENDPOINT_TEXT_SIZE];

	assert_int_equal(a->listeners, 4);
	assert_string_equal(endpoint_format(&a->listen[0], text), "127.0.0.1:7/tcp");
	assert_string_equal(endpoint_format(&a->listen[1], text), "[::1]:7/udp");
	assert_string_equal(endpoint_format(&a->listen[2], text), "0.0.0.0:8/tcp");
	assert_string_equal(endpoint_format(&a->listen[3], text), "[::]:8/tcp");
	assert_int_equal(a->listen_where[1].line, 2);
	assert_int_equal(a->listen_where[3].line, 4);
}

static void refuses_wrong_listen_words_one_by_one(void **state)
{
	inifile_refuse(*state, "[a]\nlisten = 0/tcp 65536/tcp 7/tcp 7007/sctp 7\nhandler = a.so\n",
		       "cservd.ini:2: listen \"0/tcp\": port 0 is not allowed\n"
		       "cservd.ini:2: listen \"65536/tcp\": the highest port is 65535\n"
		       "cservd.ini:2: listen \"7007/sctp\": the protocol must be tcp or udp, as in "
		       "7007/tcp\n"
		       "cservd.ini:2: listen \"7\": the protocol is missing, write PORT/tcp or "
		       "PORT/udp");
}

static void a_service_has_at_most_64_addresses(void **state)
{
	char text[4096] = "[a]\nhandler = a.so\n";

	for (int port = 1; port <= 65; port++)
		(void)sprintf(text + strlen(text), "listen += 127.0.0.1:%d/udp\n", port);
	inifile_refuse(*state, text,
		       "cservd.ini:67: listen \"127.0.0.1:65/udp\": a service listens on at most "
		       "64 addresses, write another section");
}

static void long_wrong_values_are_repeated_in_part(void **state)
{
	inifile_refuse_key(*state,
			   "stack_size = " /* 100 bytes */
			   "0123456789012345678901234567890123456789012345678\xff"
			   "0123456789012345678901234567890123456789012345678\xff",
			   "stack_size \"0123456789012345678901234567890123456789012345678\\xff"
			   "01234567890123456789012345\": write a size from 128K to 64M");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, inifile_setup, inifile_teardown)
	const struct CMUnitTest tests[] = {
		TEST(keys_have_their_defaults),
		TEST(keys_take_their_values),
		TEST(an_option_keeps_name_value_and_place),
		TEST(refuses_odd_option_names),
		TEST(refuses_booleans_other_than_yes_and_no),
		TEST(refuses_numbers_out_of_range),
		TEST(refuses_sizes_out_of_range),
		TEST(refuses_times_without_unit),
		TEST(refuses_zero_as_a_limit),
		TEST(refuses_times_that_no_clock_can_count),
		TEST(refuses_other_concurrency_than_threads_and_processes),
		TEST(grants_promises_beside_stdio),
		TEST(lists_of_paths_and_ports_grow),
		TEST(refuses_wrong_paths_and_ports),
		TEST(refuses_words_that_are_no_promise),
		TEST(none_stands_alone),
		TEST(a_handler_is_in_plugin_dir_or_an_absolute_path),
		TEST(refuses_other_handlers),
		TEST(refuses_wrong_values_of_the_daemon),
		TEST(listen_takes_lists_that_grow),
		TEST(refuses_wrong_listen_words_one_by_one),
		TEST(a_service_has_at_most_64_addresses),
		TEST(long_wrong_values_are_repeated_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
