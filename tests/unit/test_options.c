/* SPDX-License-Identifier: MIT */
/* test_options - command lines that are understood, and those that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "master/options.h"

#define WORDS_MAX 8

/* A command line, which getopt_long() wants to be able to reorder. */
struct line {
	char *argv[WORDS_MAX + 1];
	int argc;
};

static struct line line_of(const char *const words[WORDS_MAX])
{
	struct line line = {.argv = {strdup("cservd")}, .argc = 1};

	while (line.argc < WORDS_MAX && words[line.argc - 1] != NULL) {
		line.argv[line.argc] = strdup(words[line.argc - 1]);
		assert_non_null(line.argv[line.argc]);
		line.argc++;
	}
	return line;
}

static void free_line(struct line *line)
{
	for (int i = 0; i < line->argc; i++)
		free(line->argv[i]);
}

/* Parses a command line that must be right; the texts live as long as *ret_line. */
static struct options parse(struct line *ret_line, const char *const words[WORDS_MAX])
{
	char why[OPTIONS_WHY_SIZE] = "";
	struct options options;

	*ret_line = line_of(words);
	if (options_parse(ret_line->argc, ret_line->argv, &options, why) < 0)
		fail_msg("%s", why);
	return options;
}

#define WORDS(...) ((const char *const[WORDS_MAX]){__VA_ARGS__})

static void assert_refused(const char *const words[WORDS_MAX], const char *expected)
{
	struct line line = line_of(words);
	char why[OPTIONS_WHY_SIZE] = "";
	struct options options;

	assert_int_equal(options_parse(line.argc, line.argv, &options, why), -1);
	assert_string_equal(why, expected);
	free_line(&line);
}

static void nothing_means_run(void **state)
{
	struct line line;
	struct options options = parse(&line, WORDS(NULL));

	(void)state;
	assert_int_equal(options.action, ACTION_RUN);
	assert_string_equal(options.config, SYSCONFDIR "/cservd.ini");
	assert_null(options.pid_file);
	assert_int_equal(options.verbose, 0);
	assert_false(options.daemon);
	assert_null(options.words[0]);
	free_line(&line);
}

static void options_of_a_run_are_taken(void **state)
{
	struct line line;
	struct options options =
		parse(&line, WORDS("-vc", "a.ini", "--pid-file=b", "--daemon", "-v"));

	(void)state;
	assert_int_equal(options.action, ACTION_RUN);
	assert_string_equal(options.config, "a.ini");
	assert_string_equal(options.pid_file, "b");
	assert_int_equal(options.verbose, 2);
	assert_true(options.daemon);
	free_line(&line);
}

static void each_action_has_its_option(void **state)
{
	static const struct {
		const char *word;
		enum options_action action;
	} cases[] = {
		{"-t", ACTION_TEST},
		{"--test", ACTION_TEST},
		{"-T", ACTION_PRINT},
		{"--print-config", ACTION_PRINT},
		{"--try=x", ACTION_TRY},
		{"--stdio=x", ACTION_STDIO},
		{"--plugin-info=x", ACTION_INFO},
		{"--sandbox-info=x", ACTION_SANDBOX},
		{"-h", ACTION_HELP},
		{"--help", ACTION_HELP},
		{"-V", ACTION_VERSION},
		{"--version", ACTION_VERSION},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct line line;
		struct options options = parse(&line, WORDS(cases[i].word));

		assert_int_equal(options.action, cases[i].action);
		if (strchr(cases[i].word, '=') != NULL)
			assert_string_equal(options.handler, "x");
		free_line(&line);
	}
}

static void words_follow_a_plugin_wherever_options_stand(void **state)
{
	struct line line;
	struct options options =
		parse(&line, WORDS("opt.case=unicode", "--try", "./x.so", "7007/tcp", "-v"));

	(void)state;
	assert_int_equal(options.action, ACTION_TRY);
	assert_string_equal(options.handler, "./x.so");
	assert_string_equal(options.words[0], "opt.case=unicode");
	assert_string_equal(options.words[1], "7007/tcp");
	assert_null(options.words[2]);
	assert_int_equal(options.verbose, 1);
	free_line(&line);
}

static void the_last_of_two_files_counts(void **state)
{
	struct line line;
	struct options options = parse(&line, WORDS("-c", "a", "-c", "b", "-t", "-t"));

	(void)state;
	assert_string_equal(options.config, "b");
	assert_int_equal(options.action, ACTION_TEST);
	free_line(&line);
}

static void refuses_what_it_does_not_know(void **state)
{
	(void)state;
	assert_refused(WORDS("-x"), "unknown option \"-x\"");
	assert_refused(WORDS("-vx"), "unknown option \"-x\"");
	assert_refused(WORDS("--no-such"), "unknown or ambiguous option \"--no-such\"");
	assert_refused(WORDS("--t"), "unknown or ambiguous option \"--t\"");
	assert_refused(WORDS("extra"), "unexpected \"extra\"");
	assert_refused(WORDS("-t", "extra"), "unexpected \"extra\"");
	assert_refused(WORDS("--plugin-info", "x.so", "extra"), "unexpected \"extra\"");
}

static void refuses_missing_arguments(void **state)
{
	(void)state;
	assert_refused(WORDS("-c"), "\"-c\" needs an argument");
	assert_refused(WORDS("--try"), "\"--try\" needs an argument");
}

static void refuses_two_actions(void **state)
{
	(void)state;
	assert_refused(WORDS("-t", "-T"), "--print-config goes with no other action");
	assert_refused(WORDS("--try=x", "-h"), "--help goes with no other action");
}

static void refuses_options_that_mean_nothing(void **state)
{
	(void)state;
	assert_refused(WORDS("-t", "--daemon"), "--daemon means nothing here");
	assert_refused(WORDS("-p", "x", "-T"), "--pid-file means nothing here");
	assert_refused(WORDS("--try", "x.so", "-c", "y"), "--config means nothing here");
}

static void help_fits_a_screen_and_names_every_option(void **state)
{
	CLEANUP_FREE char *text = NULL;
	size_t size = 0, lines = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	options_print_help(out);
	assert_int_equal(fclose(out), 0);
	for (const char *at = text; *at != '\0'; lines++) {
		size_t len = strcspn(at, "\n");

		/* How long the path of the configuration is, configure was told. */
		assert_true(len <= 80 || strncmp(at, "Configuration: ", 15) == 0);
		at += len + 1;
	}
	assert_true(lines <= 24);
	assert_non_null(strstr(text, "-p, --pid-file FILE"));
	assert_non_null(strstr(text, "--plugin-info PLUGIN"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_means_run),
		cmocka_unit_test(options_of_a_run_are_taken),
		cmocka_unit_test(each_action_has_its_option),
		cmocka_unit_test(words_follow_a_plugin_wherever_options_stand),
		cmocka_unit_test(the_last_of_two_files_counts),
		cmocka_unit_test(refuses_what_it_does_not_know),
		cmocka_unit_test(refuses_missing_arguments),
		cmocka_unit_test(refuses_two_actions),
		cmocka_unit_test(refuses_options_that_mean_nothing),
		cmocka_unit_test(help_fits_a_screen_and_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
