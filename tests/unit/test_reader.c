/* SPDX-License-Identifier: MIT */
/* test_reader - lines, comments, continued values, and what is no INI. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "master/reader.h"

/* Everything the reader said, a line for each event or error. */
struct transcript {
	FILE *out;
	char *text;
	size_t size;
	struct config_errors errors;
};

static int on_section(void *user, const char *name, struct place where)
{
	struct transcript *t = user;

	return fprintf(t->out, "%u [%s]\n", where.line, name) > 0 ? 0 : -1;
}

static int on_key(void *user, const char *name, bool adds, const char *value, struct place where)
{
	struct transcript *t = user;

	return fprintf(t->out, "%u %s %s %s\n", where.line, name, adds ? "+=" : "=", value) > 0
		       ? 0
		       : -1;
}

static const struct reader_events events = {.section = on_section, .key = on_key};

static void read_bytes(struct transcript *t, const void *bytes, size_t size)
{
	FILE *in = fmemopen((void *)(uintptr_t)bytes, size, "r"); /* which does not write to it */

	*t = (struct transcript){0};
	assert_non_null(in);
	t->out = open_memstream(&t->text, &t->size);
	assert_non_null(t->out);
	assert_int_equal(reader_parse(in, "f", &events, t, &t->errors), 0);
	for (size_t i = 0; i < t->errors.count; i++)
		assert_true(fprintf(t->out, "%s\n", t->errors.lines[i]) > 0);
	assert_int_equal(fclose(t->out), 0);
	assert_int_equal(fclose(in), 0);
}

static void finish(struct transcript *t)
{
	config_errors_finish(&t->errors);
	free(t->text);
}

static void assert_bytes_read(const void *bytes, size_t size, const char *wanted)
{
	struct transcript t;

	read_bytes(&t, bytes, size);
	assert_string_equal(t.text, wanted);
	finish(&t);
}

static void assert_reads(const char *text, const char *wanted)
{
	assert_bytes_read(text, strlen(text), wanted);
}

static void reads_sections_and_keys_with_their_lines(void **state)
{
	(void)state;
	assert_reads("[a]\nx = 1\n\n[b]\ny=2 3\nz  +=  4\n",
		     "1 [a]\n2 x = 1\n4 [b]\n5 y = 2 3\n6 z += 4\n");
}

static void reports_empty_and_repeated_sections(void **state)
{
	(void)state;
	assert_reads("[a]\n[b]\n[a]\n", "1 [a]\n2 [b]\n3 [a]\n");
}

static void indentation_means_nothing(void **state)
{
	(void)state;
	assert_reads(" [a]\n  x = 1\n\ty = 2\n \t \n   z = 3 \t \n",
		     "1 [a]\n2 x = 1\n3 y = 2\n5 z = 3\n");
}

static void the_last_line_needs_no_end(void **state)
{
	(void)state;
	assert_reads("[a]\nx = 1", "1 [a]\n2 x = 1\n");
	assert_reads("[a]", "1 [a]\n");
}

static void skips_comments(void **state)
{
	(void)state;
	assert_reads("; c\n# c = d\n[a] ; c\n\t; c\nx = 1 ; c\ny = 2\t;c\nz = a;b #c\n",
		     "3 [a]\n5 x = 1\n6 y = 2\n7 z = a;b #c\n");
}

static void accepts_crlf_and_a_byte_order_mark(void **state)
{
	(void)state;
	assert_reads("\xef\xbb\xbf[a]\r\nx = 1 \\\r\n2\r\n\r\ny = 3\r",
		     "1 [a]\n2 x = 1 2\n5 y = 3\n");
}

static void joins_continued_lines(void **state)
{
	(void)state;
	assert_reads("[a]\nx = 1 \\\n   2\\\n3\ny = 4\n", "1 [a]\n2 x = 1 23\n5 y = 4\n");
	assert_reads("[a]\nx = \\\n  = : [b] \\\ny = 4\nz = 5\n",
		     "1 [a]\n2 x = = : [b] y = 4\n5 z = 5\n");
}

static void an_empty_line_ends_a_continued_value(void **state)
{
	(void)state;
	assert_reads("[a]\nx = 1 \\\n\ny = 2\n", "1 [a]\n2 x = 1\n4 y = 2\n");
}

static void a_comment_line_within_a_continued_value_is_skipped(void **state)
{
	(void)state;
	assert_reads("[a]\nx = 1 \\\n  ; c\n# c \\\n 2 \\ ; c\n 3 ; c \\\ny = 4\n",
		     "1 [a]\n2 x = 1 2 3\n7 y = 4\n");
}

static void a_value_cut_short_is_refused(void **state)
{
	(void)state;
	assert_reads("[a]\nx = 1 \\\n", "1 [a]\nf:2: the file ends within a value: remove the last "
					"\"\\\"\n");
	assert_reads("[a]\nx = 1\\\\\n\n", "1 [a]\nf:2: a value cannot end with \"\\\"\n");
}

static void values_of_8_kib_arrive_whole(void **state)
{
	char text[16384] = "[a]\nx = \\\n";
	char value[READER_VALUE_MAX + 1], wanted[READER_VALUE_MAX + 64];
	char *end = text + strlen(text);
	struct transcript t;

	(void)state;
	for (size_t i = 0; i < READER_VALUE_MAX; i++)
		value[i] = (char)('a' + i % 26);
	value[READER_VALUE_MAX] = '\0';
	for (size_t at = 0; at < READER_VALUE_MAX; at += 197)
		end += sprintf(end, "%.197s%s\n", value + at,
			       at + 197 < READER_VALUE_MAX ? "\\" : "");
	(void)snprintf(wanted, sizeof(wanted), "1 [a]\n2 x = %s\n", value);
	assert_reads(text, wanted);
	(void)strcpy(end - 1, "\\\nz\n");
	read_bytes(&t, text, strlen(text));
	assert_non_null(strstr(t.text, "value of more than 8192 bytes\n"));
	assert_null(strstr(t.text, "x ="));
	finish(&t);
}

static void a_line_has_at_most_198_bytes(void **state)
{
	char text[512], wanted[512];

	(void)state;
	(void)sprintf(text, "[a]\nx=%0196d\n%0198d\n", 1, 2);
	(void)sprintf(wanted,
		      "1 [a]\n2 x = %0196d\n"
		      "f:3: \"%063d\" has no \"=\": write \"key = value\"\n",
		      1, 0);
	assert_reads(text, wanted);
	(void)sprintf(text, "[a]\nx=%0197d\ny = 1\n", 1);
	assert_reads(text,
		     "1 [a]\n3 y = 1\nf:2: line of 199 bytes: at most 198, end it with \"\\\" "
		     "and go on in the next\n");
}

static void a_too_long_line_takes_its_continuation_along(void **state)
{
	char text[512];

	(void)state;
	(void)sprintf(text, "[a]\nx=%0200d\\\nrest \\\nrest\ny = 1 \\\n%0200d\\\nrest\nz = 2\n", 1,
		      2);
	assert_reads(text, "1 [a]\n8 z = 2\n"
			   "f:2: line of 203 bytes: at most 198, end it with \"\\\" and go on in "
			   "the next\n"
			   "f:6: line of 201 bytes: at most 198, end it with \"\\\" and go on in "
			   "the next\n");
}

static void refuses_nul_and_control_characters(void **state)
{
	static const char nul[] = "[a]\nx = 1\0002\ny = 3\n";

	(void)state;
	assert_bytes_read(nul, sizeof(nul) - 1,
			  "1 [a]\n3 y = 3\nf:2: NUL byte 0x00: this is no text\n");
	assert_reads("[a]\nx = \x1b[m\ny = 1\r2\nz = \xc3\xa9\n",
		     "1 [a]\n4 z = \xc3\xa9\n"
		     "f:2: control character 0x1b: this is no text\n"
		     "f:3: control character 0x0d: this is no text\n");
}

static void refuses_wrong_section_lines_and_ignores_their_keys(void **state)
{
	(void)state;
	assert_reads("[a\nx = 1\n[b] y = 2\n[]\n[c]]\nnonsense\n[d]\nz = 3\n",
		     "7 [d]\n8 z = 3\n"
		     "f:1: \"[a\" has no \"]\": write \"[NAME]\"\n"
		     "f:3: \"[b] y = 2\": nothing but a comment may follow the \"]\"\n"
		     "f:4: section without a name: write \"[NAME]\"\n"
		     "f:5: \"[c]]\": nothing but a comment may follow the \"]\"\n");
}

static void a_section_name_has_at_most_32_characters(void **state)
{
	(void)state;
	assert_reads("[12345678901234567890123456789012]\n",
		     "1 [12345678901234567890123456789012]\n");
	assert_reads("[123456789012345678901234567890123]\n",
		     "f:1: section name of 33 characters: at most 32\n");
}

static void refuses_lines_that_are_no_keys(void **state)
{
	(void)state;
	assert_reads("[a]\njust words\nx: 1\nx : y = 2\n= 3\n+= 4\nx =\nx = ; c\nx =;c\n",
		     "1 [a]\n"
		     "f:2: \"just words\" has no \"=\": write \"key = value\"\n"
		     "f:3: \"x: 1\": \":\" does not end a key, write \"key = value\"\n"
		     "f:4: \"x : y = 2\": \":\" does not end a key, write \"key = value\"\n"
		     "f:5: \"= 3\" has no key: write \"key = value\"\n"
		     "f:6: \"+= 4\" has no key: write \"key = value\"\n"
		     "f:7: \"x\" has no value\n"
		     "f:8: \"x\" has no value\n"
		     "f:9: a value cannot begin with \";\"\n");
}

static void only_plus_equals_adds(void **state)
{
	(void)state;
	assert_reads("[a]\nx+=1\ny + = 2\n", "1 [a]\n2 x += 1\n3 y + = 2\n");
}

static void refuses_keys_outside_a_section(void **state)
{
	(void)state;
	assert_reads("x = 1\n[a]\n", "2 [a]\nf:1: \"x = 1\" stands outside a section: write "
				     "\"[NAME]\" above it\n");
}

static void refuses_a_file_over_16_mib(void **state)
{
	size_t size = READER_FILE_MAX + 1;
	char *bytes = malloc(size);
	struct transcript t;

	(void)state;
	assert_non_null(bytes);
	memset(bytes, '\n', size);
	read_bytes(&t, bytes, size - 1);
	assert_string_equal(t.text, "");
	finish(&t);
	read_bytes(&t, bytes, size);
	assert_string_equal(t.text, "f:8388608: file of more than 8388608 bytes: move sections "
				    "to a file that \"include\" names\n");
	finish(&t);
	free(bytes);
}

static int refuse_section(void *user, const char *name, struct place where)
{
	(void)user;
	(void)name;
	(void)where;
	errno = ENOMEM;
	return -1;
}

static void an_event_can_end_the_reading(void **state)
{
	static const struct reader_events refusing = {.section = refuse_section, .key = on_key};
	static char text[] = "[a]\nnonsense\n";
	FILE *in = fmemopen(text, strlen(text), "r");
	struct config_errors errors = {0};

	(void)state;
	assert_non_null(in);
	errno = 0;
	assert_int_equal(reader_parse(in, "f", &refusing, NULL, &errors), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(errors.total, 0);
	assert_int_equal(fclose(in), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_sections_and_keys_with_their_lines),
		cmocka_unit_test(reports_empty_and_repeated_sections),
		cmocka_unit_test(indentation_means_nothing),
		cmocka_unit_test(the_last_line_needs_no_end),
		cmocka_unit_test(skips_comments),
		cmocka_unit_test(accepts_crlf_and_a_byte_order_mark),
		cmocka_unit_test(joins_continued_lines),
		cmocka_unit_test(an_empty_line_ends_a_continued_value),
		cmocka_unit_test(a_comment_line_within_a_continued_value_is_skipped),
		cmocka_unit_test(a_value_cut_short_is_refused),
		cmocka_unit_test(values_of_8_kib_arrive_whole),
		cmocka_unit_test(a_line_has_at_most_198_bytes),
		cmocka_unit_test(a_too_long_line_takes_its_continuation_along),
		cmocka_unit_test(refuses_nul_and_control_characters),
		cmocka_unit_test(refuses_wrong_section_lines_and_ignores_their_keys),
		cmocka_unit_test(a_section_name_has_at_most_32_characters),
		cmocka_unit_test(refuses_lines_that_are_no_keys),
		cmocka_unit_test(only_plus_equals_adds),
		cmocka_unit_test(refuses_keys_outside_a_section),
		cmocka_unit_test(refuses_a_file_over_16_mib),
		cmocka_unit_test(an_event_can_end_the_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
