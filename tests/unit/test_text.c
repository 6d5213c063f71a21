/* SPDX-License-Identifier: MIT */
/* test_text - values as people write them, and escaping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/text.h"

#define UNTOUCHED 4711

/* Each parser with its own kind of result, as one that gives a uint64_t. */
static int parse_any_number(const char *text, uint64_t *ret)
{
	return text_parse_number(text, 0, UINT64_MAX, ret);
}

static int parse_any_integer(const char *text, uint64_t *ret)
{
	int64_t value = (int64_t)*ret;
	int result = text_parse_integer(text, INT64_MIN, INT64_MAX, &value);

	*ret = (uint64_t)value;
	return result;
}

static int (*const parsers[])(const char *, uint64_t *) = {
	parse_any_number,
	parse_any_integer,
	text_parse_size,
	text_parse_time,
};

static void assert_refuses(int (*parse)(const char *, uint64_t *), const char *text, int error)
{
	uint64_t value = UNTOUCHED;

	errno = 0;
	if (parse(text, &value) != -1 || errno != error)
		fail_msg("\"%s\": errno %d instead of %d", text, errno, error);
	assert_int_equal(value, UNTOUCHED);
}

static void assert_parses(int (*parse)(const char *, uint64_t *), const char *text, uint64_t want)
{
	uint64_t value = UNTOUCHED;

	if (parse(text, &value) != 0)
		fail_msg("\"%s\" was refused: errno %d", text, errno);
	assert_int_equal(value, want);
}

static void refuses_empty_text_signs_and_blanks(void **state)
{
	static const char *const wrong[] = {"",	   " ",	   "+1",  "+1s", " 1", "1 ",
					    " 1s", "1s ",  "1\n", "x",	 "-",  "- 1",
					    "--1", "0x10", "1e3", "1.5", "1,", "\t1s"};

	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(parsers); p++)
		for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
			assert_refuses(parsers[p], wrong[i], EINVAL);
}

static void numbers_keep_to_their_limits(void **state)
{
	uint64_t value = UNTOUCHED;

	(void)state;
	assert_int_equal(text_parse_number("1", 1, 3, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(text_parse_number("3", 1, 3, &value), 0);
	assert_int_equal(value, 3);
	assert_int_equal(text_parse_number("0", 1, 3, &value), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(text_parse_number("4", 1, 3, &value), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(value, 3);
}

static void numbers_reach_64_bits_and_no_further(void **state)
{
	(void)state;
	assert_parses(parse_any_number, "0", 0);
	assert_parses(parse_any_number, "007", 7);
	assert_parses(parse_any_number, "18446744073709551615", UINT64_MAX);
	assert_refuses(parse_any_number, "18446744073709551616", ERANGE);
	assert_refuses(parse_any_number, "99999999999999999999999999", ERANGE);
}

static void a_wrong_form_outranks_a_large_number(void **state)
{
	(void)state;
	assert_refuses(parse_any_number, "99999999999999999999x", EINVAL);
	assert_refuses(text_parse_size, "99999999999999999999k", EINVAL);
}

static void numbers_have_no_minus(void **state)
{
	(void)state;
	assert_refuses(parse_any_number, "-1", EINVAL);
	assert_refuses(text_parse_size, "-1", EINVAL);
	assert_refuses(text_parse_time, "-1s", EINVAL);
}

static void integers_reach_both_ends(void **state)
{
	(void)state;
	assert_parses(parse_any_integer, "-0", 0);
	assert_parses(parse_any_integer, "-12", (uint64_t)-12);
	assert_parses(parse_any_integer, "9223372036854775807", INT64_MAX);
	assert_parses(parse_any_integer, "-9223372036854775808", (uint64_t)INT64_MIN);
	assert_refuses(parse_any_integer, "9223372036854775808", ERANGE);
	assert_refuses(parse_any_integer, "-9223372036854775809", ERANGE);
}

static void integers_keep_to_their_limits(void **state)
{
	int64_t value = UNTOUCHED;

	(void)state;
	assert_int_equal(text_parse_integer("-2", -2, 2, &value), 0);
	assert_int_equal(value, -2);
	assert_int_equal(text_parse_integer("-3", -2, 2, &value), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(text_parse_integer("3", -2, 2, &value), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(value, -2);
}

static void sizes_take_powers_of_1024(void **state)
{
	(void)state;
	assert_parses(text_parse_size, "0", 0);
	assert_parses(text_parse_size, "1000", 1000);
	assert_parses(text_parse_size, "256K", 256 << 10);
	assert_parses(text_parse_size, "3M", 3 << 20);
	assert_parses(text_parse_size, "4G", UINT64_C(4) << 30);
	assert_parses(text_parse_size, "17179869183G", UINT64_C(17179869183) << 30);
	assert_refuses(text_parse_size, "17179869184G", ERANGE);
	assert_refuses(text_parse_size, "1k", EINVAL);
	assert_refuses(text_parse_size, "1KB", EINVAL);
	assert_refuses(text_parse_size, "1 K", EINVAL);
	assert_refuses(text_parse_size, "K", EINVAL);
}

static void times_need_a_unit(void **state)
{
	(void)state;
	assert_parses(text_parse_time, "0s", 0);
	assert_parses(text_parse_time, "250ms", 250);
	assert_parses(text_parse_time, "90s", 90000);
	assert_parses(text_parse_time, "5m", 300000);
	assert_parses(text_parse_time, "2h", 7200000);
	assert_parses(text_parse_time, "1d", 86400000);
	assert_refuses(text_parse_time, "30", EINVAL);
	assert_refuses(text_parse_time, "0", EINVAL);
	assert_refuses(text_parse_time, "1w", EINVAL);
	assert_refuses(text_parse_time, "1h30m", EINVAL);
	assert_refuses(text_parse_time, "213503982335d", ERANGE);
}

static void formats_in_the_largest_exact_unit(void **state)
{
	char text[TEXT_VALUE_SIZE];

	(void)state;
	assert_string_equal(text_format_size(0, text), "0");
	assert_string_equal(text_format_size(1023, text), "1023");
	assert_string_equal(text_format_size(1024, text), "1K");
	assert_string_equal(text_format_size(1025, text), "1025");
	assert_string_equal(text_format_size(1536 << 10, text), "1536K");
	assert_string_equal(text_format_size(UINT64_C(2) << 30, text), "2G");
	assert_string_equal(text_format_time(0, text), "0s");
	assert_string_equal(text_format_time(1500, text), "1500ms");
	assert_string_equal(text_format_time(90000, text), "90s");
	assert_string_equal(text_format_time(300000, text), "5m");
	assert_string_equal(text_format_time(86400000, text), "1d");
}

static void what_is_formatted_parses_back(void **state)
{
	static const uint64_t values[] = {0,	   1,	     999,	 1000,	  1024,	   60000,
					  3600000, 86400000, UINT64_MAX, 1 << 20, 1048575, 7200001};
	char text[TEXT_VALUE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		assert_parses(text_parse_size, text_format_size(values[i], text), values[i]);
		assert_parses(text_parse_time, text_format_time(values[i], text), values[i]);
	}
}

static void booleans_are_yes_and_no(void **state)
{
	static const char *const wrong[] = {"", "Yes", "true", "1", "on", "ye", "yes ", "no|yes"};
	bool value = false;

	(void)state;
	assert_int_equal(text_parse_bool("yes", &value), 0);
	assert_true(value);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(text_parse_bool(wrong[i], &value), -1);
		assert_int_equal(errno, EINVAL);
		assert_true(value);
	}
	assert_int_equal(text_parse_bool("no", &value), 0);
	assert_false(value);
}

static void words_are_cut_at_blanks_and_commas(void **state)
{
	char list[] = " ,7/tcp, 7/udp\t,,9/tcp 10/tcp , ";
	char *cursor = list;

	(void)state;
	assert_string_equal(text_next_word(&cursor), "7/tcp");
	assert_string_equal(text_next_word(&cursor), "7/udp");
	assert_string_equal(text_next_word(&cursor), "9/tcp");
	assert_string_equal(text_next_word(&cursor), "10/tcp");
	assert_null(text_next_word(&cursor));
	assert_null(text_next_word(&cursor));
}

static void a_list_may_be_one_word_or_none(void **state)
{
	char one[] = "word", none[] = "", separators[] = " , ";
	char *cursor = one;

	(void)state;
	assert_string_equal(text_next_word(&cursor), "word");
	assert_null(text_next_word(&cursor));
	cursor = none;
	assert_null(text_next_word(&cursor));
	cursor = separators;
	assert_null(text_next_word(&cursor));
}

static void choices_are_whole_words(void **state)
{
	(void)state;
	assert_int_equal(text_parse_choice("ascii", "ascii|unicode"), 0);
	assert_int_equal(text_parse_choice("unicode", "ascii|unicode"), 1);
	assert_int_equal(text_parse_choice("one", "one"), 0);
	assert_int_equal(text_parse_choice("asci", "ascii|unicode"), -1);
	assert_int_equal(text_parse_choice("asciii", "ascii|unicode"), -1);
	assert_int_equal(text_parse_choice("ascii|unicode", "ascii|unicode"), -1);
	assert_int_equal(text_parse_choice("Ascii", "ascii|unicode"), -1);
	errno = 0;
	assert_int_equal(text_parse_choice("", "ascii|unicode"), -1);
	assert_int_equal(errno, EINVAL);
}

static void escapes_all_but_printable_ascii(void **state)
{
	static const char bytes[] = "a\\b\n\x7f\xc3\xa9\0~ ";
	char out[64];

	(void)state;
	assert_int_equal(text_escape(out, sizeof(out), bytes, sizeof(bytes) - 1), 28);
	assert_string_equal(out, "a\\x5cb\\x0a\\x7f\\xc3\\xa9\\x00~ ");
}

static void escapes_controls_only_where_text_is_our_own(void **state)
{
	static const char bytes[] = "a\\b\r\n\x7f\xc3\xa9\x1b[0m";
	char out[64];

	(void)state;
	(void)text_escape_controls(out, sizeof(out), bytes, sizeof(bytes) - 1);
	assert_string_equal(out, "a\\b\\x0d\\x0a\\x7f\xc3\xa9\\x1b[0m");
}

static void an_escape_is_never_cut_in_two(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(text_escape(out, 8, "abc\n", 4), 7);
	assert_string_equal(out, "abc\\x0a");
	assert_int_equal(text_escape(out, 7, "abc\nd", 5), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(text_escape(out, 4, "abcd", 4), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(text_escape(out, 1, "abc", 3), 0);
	assert_string_equal(out, "");
}

static void escaping_into_nothing_writes_nothing(void **state)
{
	char out = 'x';

	(void)state;
	assert_int_equal(text_escape(&out, 0, "abc", 3), 0);
	assert_int_equal(out, 'x');
}

static void distance_counts_edits(void **state)
{
	(void)state;
	assert_int_equal(text_distance("listen", "listen"), 0);
	assert_int_equal(text_distance("", ""), 0);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("abc", ""), 3);
	assert_int_equal(text_distance("listen", "listn"), 1);
	assert_int_equal(text_distance("listen", "liisten"), 1);
	assert_int_equal(text_distance("listen", "lesten"), 1);
	assert_int_equal(text_distance("lsiten", "listen"), 1);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("abcdef", "uvwxyz"), 6);
}

static void distance_gives_up_on_long_words(void **state)
{
	char word[65];

	(void)state;
	memset(word, 'a', sizeof(word));
	word[64] = '\0';
	assert_int_equal(text_distance(word, "a"), UINT_MAX);
	assert_int_equal(text_distance("a", word), UINT_MAX);
	word[63] = '\0';
	assert_int_equal(text_distance(word, "a"), 62);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_empty_text_signs_and_blanks),
		cmocka_unit_test(numbers_keep_to_their_limits),
		cmocka_unit_test(numbers_reach_64_bits_and_no_further),
		cmocka_unit_test(a_wrong_form_outranks_a_large_number),
		cmocka_unit_test(numbers_have_no_minus),
		cmocka_unit_test(integers_reach_both_ends),
		cmocka_unit_test(integers_keep_to_their_limits),
		cmocka_unit_test(sizes_take_powers_of_1024),
		cmocka_unit_test(times_need_a_unit),
		cmocka_unit_test(formats_in_the_largest_exact_unit),
		cmocka_unit_test(what_is_formatted_parses_back),
		cmocka_unit_test(booleans_are_yes_and_no),
		cmocka_unit_test(words_are_cut_at_blanks_and_commas),
		cmocka_unit_test(a_list_may_be_one_word_or_none),
		cmocka_unit_test(choices_are_whole_words),
		cmocka_unit_test(escapes_all_but_printable_ascii),
		cmocka_unit_test(escapes_controls_only_where_text_is_our_own),
		cmocka_unit_test(an_escape_is_never_cut_in_two),
		cmocka_unit_test(escaping_into_nothing_writes_nothing),
		cmocka_unit_test(distance_counts_edits),
		cmocka_unit_test(distance_gives_up_on_long_words),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
