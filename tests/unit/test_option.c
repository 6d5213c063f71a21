/* SPDX-License-Identifier: MIT */
/* test_option - what a plugin's config gets from the opt.NAME keys, and what is refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/message.h"
#include "worker/option.h"
#include "worker/service.h"

static struct settings settings = {.log_level = LOG_INFO};
static struct option options[8];
static int reader;

static int setup_pipe(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	reader = fcntl(ends[0], F_DUPFD, 20);
	assert_int_equal(dup2(ends[1], WORKER_FD_MESSAGES), WORKER_FD_MESSAGES);
	return fcntl(reader, F_SETFL, O_NONBLOCK);
}

static int setup(void **state)
{
	(void)state;
	memset(options, 0, sizeof(options));
	settings.options = 0;
	service.settings = &settings;
	service.options = options;
	service.where = "x.ini:1";
	service.handler = "x.so";
	service.plugin.name = "x";
	service.in_config = true;
	service.config_wrong = false;
	return 0;
}

static void give(const char *name, const char *value)
{
	options[settings.options++] =
		(struct option){.name = name, .value = value, .where = "x.ini:7"};
}

/* The next refusal, or "" if there is none. */
static const char *refusal(void)
{
	static struct message message;

	if (read(reader, &message, sizeof(message)) != sizeof(message))
		return "";
	assert_int_equal(message.type, MESSAGE_WRONG);
	return message.text;
}

static void an_option_that_is_not_given_leaves_the_default(void **state)
{
	const char *text = "default";
	uint64_t size = 7;
	long number = 7;
	int choice = 7, flag = 7, ms = 7;

	(void)state;
	cservd_option_text(&service, "a", &text);
	cservd_option_choice(&service, "a", "x|y", &choice);
	cservd_option_bool(&service, "a", &flag);
	cservd_option_int(&service, "a", 0, 9, &number);
	cservd_option_size(&service, "a", &size);
	cservd_option_time(&service, "a", &ms);
	assert_string_equal(text, "default");
	assert_true(choice == 7 && flag == 7 && number == 7 && size == 7 && ms == 7);
	assert_false(service.config_wrong);
}

static void good_values_are_parsed(void **state)
{
	const char *text = NULL;
	uint64_t size = 0;
	long number = 0;
	int choice = -1, flag = -1, ms = -1;

	(void)state;
	give("text", "hello");
	give("choice", "unicode");
	give("flag", "yes");
	give("number", "-5");
	give("size", "16K");
	give("time", "2s");
	cservd_option_text(&service, "text", &text);
	cservd_option_choice(&service, "choice", "ascii|unicode", &choice);
	cservd_option_bool(&service, "flag", &flag);
	cservd_option_int(&service, "number", -9, 9, &number);
	cservd_option_size(&service, "size", &size);
	cservd_option_time(&service, "time", &ms);
	option_refuse_unasked();
	assert_string_equal(text, "hello");
	assert_true(choice == 1 && flag == 1 && number == -5 && size == 16384 && ms == 2000);
	assert_false(service.config_wrong);
	assert_string_equal(refusal(), "");
}

static void wrong_values_are_refused_with_file_and_line(void **state)
{
	uint64_t size = 7;
	long number = 7;
	int choice = 7, flag = 7, ms = 7;

	(void)state;
	give("a", "banana");
	cservd_option_choice(&service, "a", "ascii|unicode", &choice);
	assert_string_equal(refusal(), "x.ini:7: opt.a: \"banana\" is none of ascii|unicode");
	cservd_option_bool(&service, "a", &flag);
	assert_string_equal(refusal(), "x.ini:7: opt.a: \"banana\" is neither yes nor no");
	cservd_option_int(&service, "a", 1, 9, &number);
	assert_string_equal(refusal(), "x.ini:7: opt.a: \"banana\" is not a number from 1 to 9");
	cservd_option_size(&service, "a", &size);
	assert_string_equal(refusal(), "x.ini:7: opt.a: \"banana\" is not a size such as 512, "
				       "16K or 4M");
	cservd_option_time(&service, "a", &ms);
	assert_string_equal(refusal(), "x.ini:7: opt.a: \"banana\" is not a time such as 500ms, "
				       "10s or 5m");
	assert_true(choice == 7 && flag == 7 && number == 7 && size == 7 && ms == 7);
	assert_true(service.config_wrong);
}

static void a_number_out_of_range_is_refused(void **state)
{
	long number = 7;

	(void)state;
	give("a", "10");
	cservd_option_int(&service, "a", 1, 9, &number);
	assert_string_equal(refusal(), "x.ini:7: opt.a: \"10\" is not a number from 1 to 9");
	assert_int_equal(number, 7);
}

static void a_time_that_no_int_holds_is_refused(void **state)
{
	int ms = 7;

	(void)state;
	give("a", "25d");
	cservd_option_time(&service, "a", &ms);
	assert_string_equal(refusal(), "x.ini:7: opt.a: \"25d\" is too long: at most 24d");
	assert_int_equal(ms, 7);
}

static void an_option_nobody_asked_for_is_refused(void **state)
{
	const char *text = NULL;

	(void)state;
	give("known", "1");
	give("unknown", "1");
	cservd_option_text(&service, "known", &text);
	option_refuse_unasked();
	assert_string_equal(refusal(), "x.ini:7: opt.unknown: \"x\" has no such option: see "
				       "\"cservd --plugin-info x.so\"");
	assert_string_equal(refusal(), "");
	assert_true(service.config_wrong);
}

static void next_steps_through_a_prefix(void **state)
{
	const char *name = NULL;

	(void)state;
	give("target.web", "1");
	give("mode", "ask");
	give("target.db", "2");
	assert_int_equal(cservd_option_next(&service, "target.", &name), 1);
	assert_string_equal(name, "target.web");
	assert_int_equal(cservd_option_next(&service, "target.", &name), 1);
	assert_string_equal(name, "target.db");
	assert_int_equal(cservd_option_next(&service, "target.", &name), 0);
}

static void a_plugin_refuses_a_combination_in_its_own_words(void **state)
{
	(void)state;
	give("mode", "fixed");
	cservd_option_error(&service, "mode", "needs %s", "opt.target");
	assert_string_equal(refusal(), "x.ini:7: opt.mode: needs opt.target");
	cservd_option_error(&service, "target", "is missing");
	assert_string_equal(refusal(), "x.ini:1: opt.target: is missing");
	assert_true(service.config_wrong);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_option_that_is_not_given_leaves_the_default),
		TEST(good_values_are_parsed),
		TEST(wrong_values_are_refused_with_file_and_line),
		TEST(a_number_out_of_range_is_refused),
		TEST(a_time_that_no_int_holds_is_refused),
		TEST(an_option_nobody_asked_for_is_refused),
		TEST(next_steps_through_a_prefix),
		TEST(a_plugin_refuses_a_combination_in_its_own_words),
	};

	return cmocka_run_group_tests_name("option", tests, setup_pipe, NULL);
}
