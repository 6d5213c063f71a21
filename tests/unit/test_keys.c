/* SPDX-License-Identifier: MIT */
/* test_keys - the table of keys, and what unknown keys are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "inifile.h"
#include "master/keys.h"
#include "master/values.h"

static void assert_refused(const char *name, enum key_section section, const char *wanted)
{
	struct config_errors errors = {0};

	key_refuse(name, section, (struct place){"f", 3}, &errors);
	assert_int_equal(errors.count, 1);
	assert_string_equal(errors.lines[0], wanted);
	config_errors_finish(&errors);
}

static void finds_every_key_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++)
		assert_ptr_equal(key_find(keys[i].name), &keys[i]);
	assert_null(key_find("nothing"));
	assert_null(key_find(""));
}

static void finds_options_by_their_prefix(void **state)
{
	(void)state;
	assert_non_null(key_find("opt.case"));
	assert_ptr_equal(key_find("opt.case"), key_find("opt.target.web"));
	assert_null(key_find("opt"));
	assert_null(key_find("options"));
}

static void every_key_has_a_type_a_section_and_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++) {
		assert_non_null(keys[i].type);
		assert_non_null(keys[i].type->parse);
		assert_non_null(keys[i].help);
		assert_int_not_equal(keys[i].sections, 0);
	}
}

/* What is inherited goes into the section of a service. */
static void keys_with_defaults_belong_to_services(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++)
		if (keys[i].sections & KEY_DEFAULTS)
			assert_true(keys[i].sections & KEY_SERVICE);
}

static void translates_foreign_words(void **state)
{
	(void)state;
	assert_refused("instances", KEY_SERVICE,
		       "f:3: unknown key \"instances\": here it is \"max_connections\"");
	assert_refused("port", KEY_SERVICE, "f:3: unknown key \"port\": here it is \"listen\"");
	assert_refused("disable", KEY_SERVICE,
		       "f:3: unknown key \"disable\": here it is \"enabled\", with the opposite "
		       "value");
	assert_refused("server", KEY_SERVICE,
		       "f:3: unknown key \"server\": cservd runs plugins; write \"handler\"");
}

static void no_key_answers_to_its_own_or_anothers_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++) {
		char *copy = keys[i].foreign ? strdup(keys[i].foreign) : NULL, *rest = copy;

		for (char *word; rest && (word = strsep(&rest, " "));)
			assert_null(key_find(word));
		free(copy);
	}
}

static void says_which_keys_this_version_lacks(void **state)
{
	static const char *const words[] = {"only_from", "cps", "program", "rate", "redirect"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		char wanted[96];

		(void)snprintf(wanted, sizeof(wanted), "f:3: \"%s\" does not exist in this version",
			       words[i]);
		assert_refused(words[i], KEY_SERVICE, wanted);
	}
}

static void guesses_what_was_meant(void **state)
{
	(void)state;
	assert_refused("lisen", KEY_SERVICE,
		       "f:3: unknown key \"lisen\": did you mean \"listen\"?");
	assert_refused("Listen", KEY_SERVICE,
		       "f:3: unknown key \"Listen\": did you mean \"listen\"?");
	assert_refused("plug_indir", KEY_CSERVD,
		       "f:3: unknown key \"plug_indir\": did you mean \"plugin_dir\"?");
}

static void does_not_guess_from_afar(void **state)
{
	(void)state;
	assert_refused("colour", KEY_SERVICE,
		       "f:3: unknown key \"colour\": an option of the handler is written "
		       "\"opt.colour\"");
	assert_refused("foo", KEY_CSERVD, "f:3: unknown key \"foo\": see cservd.ini(5)");
	assert_refused("foo", KEY_DEFAULTS, "f:3: unknown key \"foo\": see cservd.ini(5)");
}

static void says_where_a_key_belongs(void **state)
{
	(void)state;
	assert_refused("log", KEY_SERVICE, "f:3: \"log\" belongs in [cservd]");
	assert_refused("include", KEY_DEFAULTS, "f:3: \"include\" belongs in [cservd]");
	assert_refused("listen", KEY_DEFAULTS,
		       "f:3: \"listen\" has no default: write it in each service");
	assert_refused("opt.case", KEY_DEFAULTS,
		       "f:3: \"opt.case\" has no default: write it in each service");
	assert_refused("handler", KEY_CSERVD,
		       "f:3: \"handler\" belongs in the section of a service");
	assert_refused("user", KEY_CSERVD,
		       "f:3: \"user\" belongs in the section of a service or in [defaults]");
}

static void repeats_only_printable_and_short_names(void **state)
{
	(void)state;
	assert_refused("\xc3\xa4\"\x1b", KEY_CSERVD,
		       "f:3: unknown key \"\\xc3\\xa4\"\\x1b\": see cservd.ini(5)");
	assert_refused("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		       KEY_CSERVD,
		       "f:3: unknown key \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": "
		       "see cservd.ini(5)");
}

/* The part of the manual page about key, which the caller frees. */
static char *find_entry(const char *manual, const struct key *key)
{
	char item[64];
	const char *start;

	(void)snprintf(item, sizeof(item), "\n.It Ic %s%s\n", key->name,
		       key->type == &value_option ? "NAME" : ""); /* names are short */
	start = strstr(manual, item);
	if (!start)
		fail_msg("the manual lacks %s", key->name);
	start += strlen(item);
	return strndup(start, strcspn(start, "@"));
}

static void the_manual_describes_every_key(void **state)
{
	CLEANUP_FREE char *manual = inifile_read_source("etc/cservd.ini.5");

	(void)state;
	for (char *item = manual; (item = strstr(item, "\n.It Ic ")); item++)
		item[-1] = '@'; /* ends the entry before */
	for (size_t i = 0; i < key_count; i++) {
		CLEANUP_FREE char *entry = find_entry(manual, &keys[i]);
		char example[64];
		const char *initial;

		(void)snprintf(example, sizeof(example), "\n.Dl %s", keys[i].name);
		initial = strstr(entry, "\nDefault:");
		if (!initial || !strstr(initial, "\nExample:") || !strstr(initial, example))
			fail_msg("%s has no default or example", keys[i].name);
		if (keys[i].initial && keys[i].type != &value_folder)
			assert_non_null(strstr(initial, keys[i].initial));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_key_of_the_table),
		cmocka_unit_test(finds_options_by_their_prefix),
		cmocka_unit_test(every_key_has_a_type_a_section_and_help),
		cmocka_unit_test(keys_with_defaults_belong_to_services),
		cmocka_unit_test(translates_foreign_words),
		cmocka_unit_test(no_key_answers_to_its_own_or_anothers_name),
		cmocka_unit_test(says_which_keys_this_version_lacks),
		cmocka_unit_test(guesses_what_was_meant),
		cmocka_unit_test(does_not_guess_from_afar),
		cmocka_unit_test(says_where_a_key_belongs),
		cmocka_unit_test(repeats_only_printable_and_short_names),
		cmocka_unit_test(the_manual_describes_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
