/* SPDX-License-Identifier: MIT */
/* test_echo_upper - what comes back from echo_upper, however the text is cut into reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unistr.h>

#include "fakehost.h"

#define CHUNK	 16384 /* [bytes] the handler's buffer */
#define MAX_CODE 0x10ffff

static int reset(void **state)
{
	(void)state;
	fakehost_reset();
	return 0;
}

static void configure(const char *letters)
{
	if (letters != NULL)
		fakehost_option("case", letters);
	assert_int_equal(fakehost_config(), 0);
}

static struct fake_answer echo(const void *bytes, size_t len, size_t chunk, enum fake_end end)
{
	struct fake_script client = {.bytes = bytes, .len = len, .chunk = chunk, .end = end};

	return fakehost_stream(&client);
}

static void assert_bytes(const struct fake_answer *answer, const void *wanted, size_t len)
{
	assert_int_equal(answer->result, 0);
	assert_int_equal(answer->len, len);
	assert_memory_equal(answer->bytes, wanted, len);
}

/* Whatever the sizes of the reads, and in one datagram. */
static void assert_echo(const char *text, const char *wanted)
{
	size_t len = strlen(text);
	struct fake_answer answer = fakehost_datagram(text, len);

	assert_bytes(&answer, wanted, strlen(wanted));
	assert_int_equal(answer.writes, 1);
	for (size_t chunk = 1; chunk <= len; chunk++) {
		answer = echo(text, len, chunk, FAKE_EOF);
		assert_bytes(&answer, wanted, strlen(wanted));
	}
}

static char reference(int byte)
{
	return (char)(byte >= 'a' && byte <= 'z' ? byte - 'a' + 'A' : byte);
}

static void ascii_changes_nothing_but_a_to_z(void **state)
{
	char in[256 * 3 + 7], wanted[sizeof(in)];

	(void)state;
	configure(NULL);
	for (size_t i = 0; i < sizeof(in); i++) {
		in[i] = (char)(i % 256);
		wanted[i] = reference((unsigned char)in[i]);
	}
	for (size_t len = 1; len <= sizeof(in); len++) {
		struct fake_answer answer = echo(in, len, 0, FAKE_EOF);

		assert_bytes(&answer, wanted, len);
	}
}

static void ascii_leaves_accents_alone(void **state)
{
	(void)state;
	configure("ascii");
	assert_echo("\xc3\xa9t\xc3\xa9", "\xc3\xa9T\xc3\xa9");
}

static void refuses_another_case(void **state)
{
	(void)state;
	fakehost_option("case", "Unicode");
	assert_int_equal(fakehost_config(), -1);
}

static void unicode_turns_letters_at_every_cut(void **state)
{
	static const char *const pairs[][2] = {
		{"\u00e9t\u00e9", "\u00c9T\u00c9"},
		{"stra\u00dfe", "STRASSE"},
		{"\u0390", "\u0399\u0308\u0301"}, /* 2 bytes become 6 */
		{"\ufb03", "FFI"},		  /* a ligature */
		{"\u03c3\u03bf\u03c6\u03cc\u03c2", "\u03a3\u039f\u03a6\u038c\u03a3"},
		{"\u1fb3", "\u0391\u0399"},	 /* an iota below becomes one beside */
		{"iI\u0131\u0130", "III\u0130"}, /* no Turkish rules */
		{"\U00010428x\U0001f600", "\U00010400X\U0001f600"}, /* 4 bytes each */
		{"\u65e5\u672cok", "\u65e5\u672cOK"},
	};

	(void)state;
	configure("unicode");
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_echo(pairs[i][0], pairs[i][1]);
}

static void unicode_does_not_normalise(void **state)
{
	(void)state;
	configure("unicode");
	assert_echo("e\u0301\u00e9", "E\u0301\u00c9");
	assert_echo("i\u0307\u0301 \u0345", "I\u0307\u0301 \u0399");
}

static void unicode_keeps_bytes_that_are_not_utf8(void **state)
{
	static const char *const pairs[][2] = {
		{"a\xff\xfe"
		 "b",
		 "A\xff\xfe"
		 "B"},
		{"\x80\xbf\xc3\xa9", "\x80\xbf\xc3\x89"},
		{"\xc0\xaf"
		 "a",
		 "\xc0\xaf"
		 "A"}, /* overlong */
		{"\xe0\x9f\xbf"
		 "a",
		 "\xe0\x9f\xbf"
		 "A"}, /* overlong */
		{"\xed\xa0\x80"
		 "a",
		 "\xed\xa0\x80"
		 "A"}, /* a surrogate */
		{"\xf4\x90\x80\x80"
		 "a",
		 "\xf4\x90\x80\x80"
		 "A"},				/* beyond the last */
		{"\xe9t\xe9\n", "\xe9T\xe9\n"}, /* ISO 8859-1 */
		{"\xc3"
		 "a\xe2\x82"
		 "a\xf0\x9f\x98"
		 "a",
		 "\xc3"
		 "A\xe2\x82"
		 "A\xf0\x9f\x98"
		 "A"},
	};

	(void)state;
	configure("unicode");
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_echo(pairs[i][0], pairs[i][1]);
}

static void unicode_keeps_an_incomplete_end(void **state)
{
	static const char *const pairs[][2] = {
		{"a\xc3", "A\xc3"},
		{"a\xe2\x82", "A\xe2\x82"},
		{"\u00e9\xf0\x9f\x98", "\u00c9\xf0\x9f\x98"},
	};

	(void)state;
	configure("unicode");
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_echo(pairs[i][0], pairs[i][1]);
}

static void unicode_answers_at_once_what_is_complete(void **state)
{
	struct fake_answer answer;

	(void)state;
	configure("unicode");
	answer = echo("\u00e9t\xc3", 4, 0, FAKE_SILENCE);
	assert_int_equal(answer.result, -1);
	assert_int_equal(answer.error, ETIMEDOUT);
	assert_string_equal(answer.bytes, "\u00c9T");
}

static void unicode_joins_sequences_at_the_end_of_the_buffer(void **state)
{
	static char in[3 * CHUNK], wanted[sizeof(in)];

	(void)state;
	configure("unicode");
	for (size_t shift = 0; shift < 3; shift++) {
		struct fake_answer answer;

		memset(in, 'a', shift);
		memset(wanted, 'A', shift);
		for (size_t i = shift; i + 1 < sizeof(in); i += 2) {
			memcpy(in + i, "\u00e9", 2);
			memcpy(wanted + i, "\u00c9", 2);
		}
		answer = echo(in, (sizeof(in) - shift) / 2 * 2 + shift, 0, FAKE_EOF);
		assert_bytes(&answer, wanted, (sizeof(in) - shift) / 2 * 2 + shift);
	}
}

/* Every character there is, so that no rule looks at neighbours and none needs more room. */
static void unicode_equals_the_library_for_every_character(void **state)
{
	uint8_t *all = malloc(4 * (MAX_CODE + 1)), *wanted;
	size_t len = 0, wanted_len;
	struct fake_answer answer;

	(void)state;
	configure("unicode");
	assert_non_null(all);
	for (ucs4_t code = 0; code <= MAX_CODE; code++) {
		int size = u8_uctomb(all + len, code, 4);

		len += size > 0 ? (size_t)size : 0; /* surrogates have no form */
	}
	wanted = u8_toupper(all, len, NULL, NULL, NULL, &wanted_len);
	assert_non_null(wanted);
	answer = echo(all, len, 4099, FAKE_EOF);
	assert_bytes(&answer, wanted, wanted_len);
	free(wanted);
	free(all);
}

static void empty_datagram_gets_an_empty_one(void **state)
{
	static const char *const cases[] = {"ascii", "unicode"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake_answer answer;

		fakehost_reset();
		configure(cases[i]);
		answer = fakehost_datagram("", 0);
		assert_bytes(&answer, "", 0);
		assert_int_equal(answer.writes, 1);
	}
}

static void largest_datagram_comes_back_whole(void **state)
{
	static const char *const cases[] = {"ascii", "unicode"};
	static char in[65507], wanted[sizeof(in)];

	(void)state;
	memset(in, 'x', sizeof(in));
	memset(wanted, 'X', sizeof(wanted));
	for (size_t i = 0; i < 2; i++) {
		struct fake_answer answer;

		fakehost_reset();
		configure(cases[i]);
		answer = fakehost_datagram(in, sizeof(in));
		assert_bytes(&answer, wanted, sizeof(wanted));
		assert_int_equal(answer.writes, 1);
	}
}

static void stream_without_input_writes_nothing(void **state)
{
	struct fake_answer answer;

	(void)state;
	configure("unicode");
	answer = echo("", 0, 0, FAKE_EOF);
	assert_bytes(&answer, "", 0);
	assert_int_equal(answer.writes, 0);
}

static void broken_connection_is_an_error(void **state)
{
	static const char *const cases[] = {"ascii", "unicode"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake_answer answer;

		fakehost_reset();
		configure(cases[i]);
		answer = echo("abc", 3, 0, FAKE_RESET);
		assert_int_equal(answer.result, -1);
		assert_int_equal(answer.error, ECONNRESET);
		assert_string_equal(answer.bytes, "ABC");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(ascii_changes_nothing_but_a_to_z, reset),
		cmocka_unit_test_teardown(ascii_leaves_accents_alone, reset),
		cmocka_unit_test_teardown(refuses_another_case, reset),
		cmocka_unit_test_teardown(unicode_turns_letters_at_every_cut, reset),
		cmocka_unit_test_teardown(unicode_does_not_normalise, reset),
		cmocka_unit_test_teardown(unicode_keeps_bytes_that_are_not_utf8, reset),
		cmocka_unit_test_teardown(unicode_keeps_an_incomplete_end, reset),
		cmocka_unit_test_teardown(unicode_answers_at_once_what_is_complete, reset),
		cmocka_unit_test_teardown(unicode_joins_sequences_at_the_end_of_the_buffer, reset),
		cmocka_unit_test_teardown(unicode_equals_the_library_for_every_character, reset),
		cmocka_unit_test_teardown(empty_datagram_gets_an_empty_one, reset),
		cmocka_unit_test_teardown(largest_datagram_comes_back_whole, reset),
		cmocka_unit_test_teardown(stream_without_input_writes_nothing, reset),
		cmocka_unit_test_teardown(broken_connection_is_an_error, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
