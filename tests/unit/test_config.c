/* SPDX-License-Identifier: MIT */
/* test_config - files, sections, what is inherited and included, and what refuses all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "inifile.h"
#include "master/reader.h"

#define HANDLER "handler = a.so\n"
#define SERVICE "[a]\nlisten = 7/tcp\n" HANDLER

static void write_text(struct inifile *ini, const char *name, const char *text)
{
	inifile_write(ini, name, text, strlen(text));
}

/* Loads folder/name, for which the errors must be these. */
static void assert_refuses_file(struct inifile *ini, const char *name, const char *said)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", ini->folder, name); /* fits */
	inifile_load(ini, path);
	assert_string_equal(ini->said, said);
}

static void a_file_without_services_is_right(void **state)
{
	assert_int_equal(inifile_accept(*state, "[cservd]\n")->count, 0);
	assert_int_equal(inifile_accept(*state, "[defaults]\n# nothing\n")->count, 0);
}

static void refuses_a_file_without_sections(void **state)
{
	static const char said[] = "cservd.ini: no section: write a service such as \"[echo]\"";

	inifile_refuse(*state, "", said);
	inifile_refuse(*state, "# nothing\n\n", said);
}

static void services_keep_the_order_of_the_file(void **state)
{
	const struct config *config = inifile_accept(*state, "[b]\nlisten = 1/tcp\n" HANDLER
							     "\n[a]\nlisten = 2/tcp\n" HANDLER);

	assert_int_equal(config->count, 2);
	assert_string_equal(config->services[0].name, "b");
	assert_string_equal(config->services[1].name, "a");
	assert_int_equal(config->services[1].where.line, 5);
}

static void refuses_a_missing_file(void **state)
{
	assert_refuses_file(*state, "gone.ini",
			    "gone.ini: cannot open it: No such file or directory");
}

static void refuses_an_unreadable_file(void **state)
{
	struct inifile *ini = *state;

	write_text(ini, "cservd.ini", SERVICE);
	assert_int_equal(chmod(ini->path, 0), 0);
	assert_refuses_file(ini, "cservd.ini", "cservd.ini: cannot open it: Permission denied");
}

static void refuses_what_is_no_regular_file(void **state)
{
	struct inifile *ini = *state;

	assert_int_equal(mkfifo(ini->path, 0600), 0);
	assert_refuses_file(ini, "cservd.ini", "cservd.ini: this is not a regular file, name one");
	assert_refuses_file(ini, ".", ".: this is a directory, name a file");
	inifile_load(ini, "/dev/zero");
	assert_string_equal(ini->said, "/dev/zero: this is not a regular file, name one");
}

static void root_refuses_files_that_others_may_change(void **state)
{
	struct inifile *ini = *state;

	write_text(ini, "cservd.ini", SERVICE);
	assert_int_equal(chmod(ini->path, 0620), 0);
	assert_refuses_file(ini, "cservd.ini",
			    "cservd.ini: file \"cservd.ini\" is writable by its group: chmod g-w "
			    "cservd.ini");
	assert_int_equal(chmod(ini->path, 0600), 0);
	assert_int_equal(chown(ini->path, 65534, 0), 0);
	assert_refuses_file(ini, "cservd.ini",
			    "cservd.ini: file \"cservd.ini\" belongs to user id 65534, who could "
			    "exchange what cservd reads: chown root cservd.ini");
}

static void an_ordinary_user_refuses_files_that_others_may_change(void **state)
{
	struct inifile *ini = *state;

	write_text(ini, "cservd.ini", SERVICE);
	assert_int_equal(chmod(ini->path, 0666), 0);
	assert_refuses_file(ini, "cservd.ini",
			    "cservd.ini: file \"cservd.ini\" is writable by everybody: chmod go-w "
			    "cservd.ini");
}

static void the_folder_of_a_pattern_is_vetted_even_when_nothing_matches(void **state)
{
	struct inifile *ini = *state;
	char folder[128];

	(void)snprintf(folder, sizeof(folder), "%s/conf.d", ini->folder); /* fits */
	assert_int_equal(mkdir(folder, 0755), 0);
	(void)inifile_accept(ini, "[cservd]\ninclude = conf.d/*.ini\n");
	assert_int_equal(chmod(folder, 0775), 0);
	inifile_load(ini, ini->path);
	assert_int_equal(rmdir(folder), 0);
	assert_string_equal(ini->said,
			    "cservd.ini:2: include \"conf.d/*.ini\": directory \"conf.d\" is "
			    "writable by its group: chmod g-w conf.d");
}

static void lists_all_errors_in_one_go(void **state)
{
	inifile_refuse(
		*state,
		"user = nobody\n[a]\nlisten = 0/tcp\nlisen = 7/tcp\nidle_timeout = soon\n[b]\n"
		"handler = b.so\n",
		"cservd.ini:1: \"user = nobody\" stands outside a section: write \"[NAME]\" "
		"above it\n"
		"cservd.ini:4: unknown key \"lisen\": did you mean \"listen\"?\n"
		"cservd.ini:3: listen \"0/tcp\": port 0 is not allowed\n"
		"cservd.ini:5: idle_timeout \"soon\": write a time with its unit (ms s m h "
		"d), such as \"30s\"\n"
		"cservd.ini:2: section [a] has no \"handler\" (the plugin): add \"handler = "
		"NAME.so\"\n"
		"cservd.ini:6: section [b] has no \"listen\" (where it answers): add "
		"\"listen = 7007/tcp\"");
}

static void refuses_keys_that_are_there_twice(void **state)
{
	inifile_refuse(*state, SERVICE "handler = b.so\n",
		       "cservd.ini:4: \"handler\" is given again, first on line 3: remove one");
	inifile_refuse(*state, SERVICE "listen = 8/tcp\n",
		       "cservd.ini:4: \"listen\" is given again, first on line 2: remove one or "
		       "write \"+=\"");
	inifile_refuse(*state, SERVICE "opt.x = 1\nopt.y = 1\nopt.x = 1\n",
		       "cservd.ini:6: \"opt.x\" is given again, first on line 4: remove one");
}

static void only_lists_can_be_added_to(void **state)
{
	inifile_refuse_key(*state, "backlog += 3",
			   "\"backlog\" is not a list, write \"=\" instead of \"+=\"");
	inifile_refuse_key(*state, "opt.x += 3",
			   "\"opt.x\" is not a list, write \"=\" instead of \"+=\"");
}

static void refuses_sections_that_are_there_twice(void **state)
{
	inifile_refuse(*state, SERVICE "[a]\n",
		       "cservd.ini:4: section [a] is there already, at cservd.ini:1: give one "
		       "another name, or join them");
	inifile_refuse(*state, "[defaults]\n[cservd]\n[defaults]\nnonsense = 1\n[cservd]\n",
		       "cservd.ini:3: section [defaults] is there already, at cservd.ini:1: give "
		       "one another name, or join them\n"
		       "cservd.ini:5: section [cservd] is there already, at cservd.ini:2: give one "
		       "another name, or join them");
}

static void refuses_names_near_the_special_ones(void **state)
{
	inifile_refuse(*state, "[default]\nuser = nobody\n[Defaults]\n[CSERVD]\n",
		       "cservd.ini:1: section [default]: did you mean [defaults]?\n"
		       "cservd.ini:3: section [Defaults]: did you mean [defaults]?\n"
		       "cservd.ini:4: section [CSERVD]: did you mean [cservd]?");
}

static void refuses_odd_section_names(void **state)
{
	static const char *const odd[] = {"Www", "-a", "a/b", ".", "_a", "a\xc3\xa4"};
	static const char *const quoted[] = {"Www", "-a", "a/b", ".", "_a", "a\\xc3\\xa4"};

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		char text[128], said[256];

		(void)snprintf(text, sizeof(text), "[%s]\nlisten = 7/tcp\n" HANDLER, odd[i]);
		(void)snprintf(
			said, sizeof(said),
			"cservd.ini:1: section name \"%s\": write a-z, 0-9 and ._- and begin "
			"with a letter or digit",
			quoted[i]);
		inifile_refuse(*state, text, said);
	}
	inifile_refuse(
		*state, "[service www]\nlisten = 7/tcp\n" HANDLER,
		"cservd.ini:1: section name \"service www\": names with a blank are reserved");
}

static void accepts_names_of_letters_digits_and_some_marks(void **state)
{
	assert_string_equal(
		inifile_accept(*state, "[9a.-_b]\nlisten = 7/tcp\n" HANDLER)->services[0].name,
		"9a.-_b");
}

static void defaults_hold_wherever_they_stand(void **state)
{
	const struct config *config =
		inifile_accept(*state, "[a]\nlisten = 1/tcp\n" HANDLER "backlog = 9\n"
				       "[defaults]\nidle_timeout = 7s\nbacklog = 8\n"
				       "[b]\nlisten = 2/tcp\n" HANDLER "idle_timeout = 9s\n");

	assert_int_equal(config->services[0].idle_timeout, 7000);
	assert_int_equal(config->services[0].backlog, 9);
	assert_int_equal(config->services[1].idle_timeout, 9000);
	assert_int_equal(config->services[1].backlog, 8);
}

static void an_error_in_defaults_is_told_once(void **state)
{
	inifile_refuse(*state,
		       "[defaults]\nbacklog = x\n[a]\nlisten = 1/tcp\n" HANDLER
		       "[b]\nlisten = 2/tcp\n" HANDLER,
		       "cservd.ini:2: backlog \"x\": write a number from 1 to 2147483647");
}

static void includes_files_in_byte_order(void **state)
{
	struct inifile *ini = *state;
	const struct config *config;

	write_text(ini, "B.inc", "[one]\nlisten = 1/tcp\n" HANDLER);
	write_text(ini, "a.inc", "[two]\nlisten = 2/tcp\n" HANDLER);
	write_text(ini, "other", "\n[three]\nlisten = 3/tcp\n" HANDLER);
	config = inifile_accept(ini, "[cservd]\ninclude = *.inc no*such\ninclude += other\n"
				     "[a]\nlisten = 9/tcp\n" HANDLER);
	assert_int_equal(config->count, 4);
	assert_string_equal(config->services[0].name, "a");
	assert_string_equal(config->services[1].name, "one");
	assert_string_equal(config->services[2].name, "two");
	assert_string_equal(config->services[3].name, "three");
	assert_int_equal(config->services[3].where.line, 2);
	assert_string_equal(strrchr(config->services[3].where.file, '/'), "/other");
}

static void includes_by_absolute_path(void **state)
{
	struct inifile *ini = *state;
	char text[256];

	write_text(ini, "more", SERVICE);
	(void)snprintf(text, sizeof(text), "[cservd]\ninclude = %s/more\n", ini->folder);
	assert_int_equal(inifile_accept(ini, text)->count, 1);
}

static void refuses_includes_that_cannot_be_read(void **state)
{
	inifile_refuse(*state, "[cservd]\ninclude = gone.ini, . nodir/*.ini\n",
		       "cservd.ini:2: include \"gone.ini\": cannot open it: No such file or "
		       "directory\n"
		       "cservd.ini:2: include \".\": this is a directory, name a file");
}

static void names_both_files_of_a_section_there_twice(void **state)
{
	write_text(*state, "more", "\n" SERVICE);
	inifile_refuse(*state, "[cservd]\ninclude = more\n" SERVICE,
		       "more:2: section [a] is there already, at cservd.ini:3: give one another "
		       "name, or join them");
	inifile_refuse(*state, "[cservd]\ninclude = more more\n",
		       "more:2: section [a] is there already, at more:2: give one another name, or "
		       "join them");
}

static void special_sections_are_for_the_main_file(void **state)
{
	write_text(*state, "more", "[cservd]\ninclude = x\n[defaults]\nuser = x\n");
	inifile_refuse(*state, "[cservd]\ninclude = more\n",
		       "more:1: [cservd] is allowed in the main file only, move it there\n"
		       "more:3: [defaults] is allowed in the main file only, move it there");
	inifile_refuse(*state, "[cservd]\ninclude = cservd.ini\n",
		       "cservd.ini:1: [cservd] is allowed in the main file only, move it there");
}

static void an_included_file_begins_without_a_section(void **state)
{
	write_text(*state, "more", "backlog = 3\n");
	inifile_refuse(
		*state, "[cservd]\ninclude = more\n" SERVICE,
		"more:1: \"backlog = 3\" stands outside a section: write \"[NAME]\" above it");
}

static void counts_the_errors_it_does_not_keep(void **state)
{
	struct inifile *ini = *state;
	char text[4096] = "[a]\n";

	for (int i = 0; i < 70; i++)
		(void)strcat(text, "nonsense = 1\n"); /* 70 * 13 bytes fit */
	write_text(ini, "cservd.ini", text);
	inifile_load(ini, ini->path);
	assert_int_equal(ini->errors.count, CONFIG_ERRORS_MAX + 1);
	assert_int_equal(ini->errors.total, 72); /* listen and handler are missing too */
	assert_string_equal(ini->errors.lines[CONFIG_ERRORS_MAX], "and at least 22 more errors");
}

/* [s] of processor time. */
static double time_load(struct inifile *ini)
{
	clock_t start = clock();

	inifile_load(ini, ini->path);
	return (double)(clock() - start) / CLOCKS_PER_SEC;
}

/* Ten times what it takes, for slow machines and sanitizers; a search for each would be more. */
static void loads_a_thousand_services_at_once(void **state)
{
	struct inifile *ini = *state;
	CLEANUP_FREE char *text = calloc(1000, 64);
	char *end = text;

	assert_non_null(text);
	for (int i = 1; i <= 1000; i++)
		end += sprintf(end, "[s%d]\nlisten = %d/tcp %d/udp\n" HANDLER, i, i, i);
	write_text(ini, "cservd.ini", text);
	assert_true(time_load(ini) < 1);
	assert_string_equal(ini->said, "");
	assert_int_equal(ini->config->count, 1000);
}

static void ten_megabytes_of_nonsense_are_refused_in_time(void **state)
{
	static const char *const lines[] = {"nonsense = 1\n", "[a]\n",	   "=",
					    "x\\\n",	      "opt.x=1\n", "\x01"};
	struct inifile *ini = *state;
	size_t size = 10 << 20;
	CLEANUP_FREE char *text = malloc(size + 16);

	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t len = strlen(lines[i]);
		char *end = stpcpy(text, "[s]\n");

		for (; end < text + size; end += len)
			memcpy(end, lines[i], len);
		inifile_write(ini, "cservd.ini", text, (size_t)(end - text));
		assert_true(time_load(ini) < 20);
		assert_true(ini->errors.total > 0);
	}
}

static void the_largest_file_may_be_all_comments(void **state)
{
	struct inifile *ini = *state;
	size_t size = READER_FILE_MAX;
	CLEANUP_FREE char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i + 8 <= size; i += 8)
		memcpy(text + i, "; 45678\n", 8);
	memcpy(text, "[echo]\n\n", 8);
	inifile_write(ini, "cservd.ini", text, size);
	inifile_load(ini, ini->path);
	assert_null(strstr(ini->said, "large"));
}

static void refuses_binary_junk(void **state)
{
	struct inifile *ini = *state;
	unsigned char junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (unsigned char)(i * 7 + i / 256);
	inifile_write(ini, "cservd.ini", junk, sizeof(junk));
	inifile_load(ini, ini->path);
	assert_true(ini->errors.total > 0);
	for (const char *c = ini->said; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
}

static void refuses_more_than_4096_services(void **state)
{
	struct inifile *ini = *state;
	CLEANUP_FREE char *text = calloc(CONFIG_SERVICES_MAX + 1, 64);
	char *end = text;

	assert_non_null(text);
	for (int i = 1; i <= CONFIG_SERVICES_MAX + 1; i++)
		end += sprintf(end, "[s%d]\nlisten = 127.0.0.1:%d/udp\n" HANDLER, i, i);
	inifile_refuse(ini, text, "cservd.ini:12289: more than 4096 services");
}

static void the_sample_serves_upper_case_and_health_on_localhost(void **state)
{
	CLEANUP_FREE char *sample = inifile_read_source("etc/cservd.ini");
	const struct config *config = inifile_accept(*state, sample);

	assert_int_equal(config->count, 2);
	assert_string_equal(config->services[0].name, "echo-upper");
	assert_int_equal(config->services[0].listeners, 4);
	assert_string_equal(config->services[0].options[0].value, "unicode");
	assert_string_equal(config->services[1].name, "health");
	for (size_t i = 0; i < config->count; i++)
		for (size_t j = 0; j < config->services[i].listeners; j++)
			assert_true(addr_is_loopback(&config->services[i].listen[j].addr));
}

/* What is commented out in the sample is right as well. */
static void the_comments_of_the_sample_are_right(void **state)
{
	CLEANUP_FREE char *sample = inifile_read_source("etc/cservd.ini");
	CLEANUP_FREE char *text = calloc(1, strlen(sample) + 1);
	char *rest = sample, *line;

	assert_non_null(text);
	while ((line = strsep(&rest, "\n"))) {
		bool is_example =
			line[0] == '#' && line[1] == ' ' && (line[2] == '[' || strstr(line, " = "));

		(void)strcat(strcat(text, is_example ? line + 2 : line), "\n"); /* not longer */
	}
	assert_int_equal(inifile_accept(*state, text)->count, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, inifile_setup, inifile_teardown)
#define ORDINARY_TEST(name) \
	cmocka_unit_test_setup_teardown(name, inifile_setup_ordinary, inifile_teardown_ordinary)
	const struct CMUnitTest tests[] = {
		TEST(a_file_without_services_is_right),
		TEST(refuses_a_file_without_sections),
		TEST(services_keep_the_order_of_the_file),
		TEST(refuses_a_missing_file),
		ORDINARY_TEST(refuses_an_unreadable_file),
		TEST(refuses_what_is_no_regular_file),
		TEST(root_refuses_files_that_others_may_change),
		ORDINARY_TEST(an_ordinary_user_refuses_files_that_others_may_change),
		TEST(the_folder_of_a_pattern_is_vetted_even_when_nothing_matches),
		TEST(lists_all_errors_in_one_go),
		TEST(refuses_keys_that_are_there_twice),
		TEST(only_lists_can_be_added_to),
		TEST(refuses_sections_that_are_there_twice),
		TEST(refuses_names_near_the_special_ones),
		TEST(refuses_odd_section_names),
		TEST(accepts_names_of_letters_digits_and_some_marks),
		TEST(defaults_hold_wherever_they_stand),
		TEST(an_error_in_defaults_is_told_once),
		TEST(includes_files_in_byte_order),
		TEST(includes_by_absolute_path),
		TEST(refuses_includes_that_cannot_be_read),
		TEST(names_both_files_of_a_section_there_twice),
		TEST(special_sections_are_for_the_main_file),
		TEST(an_included_file_begins_without_a_section),
		TEST(counts_the_errors_it_does_not_keep),
		TEST(loads_a_thousand_services_at_once),
		TEST(ten_megabytes_of_nonsense_are_refused_in_time),
		TEST(the_largest_file_may_be_all_comments),
		TEST(refuses_binary_junk),
		TEST(refuses_more_than_4096_services),
		TEST(the_sample_serves_upper_case_and_health_on_localhost),
		TEST(the_comments_of_the_sample_are_right),
	};

	if (geteuid() != 0)
		cmocka_set_skip_filter("root_*");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
