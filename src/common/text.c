/* SPDX-License-Identifier: MIT */
/* text - values as people write them, and untrusted text made harmless for logs. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

#define SEPARATORS    " \t,"
#define DISTANCE_SIZE 64

struct unit {
	const char *name;
	uint64_t factor;
};

/* From the largest to the smallest, which is where text_format_*() ends up. */
static const struct unit number_units[] = {{"", 1}};
static const struct unit size_units[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}};
static const struct unit time_units[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

static int fail(int error)
{
	errno = error;
	return -1;
}

/* isdigit() depends on the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

/* Digits, then the name of one of the units; a wrong form is EINVAL however large the digits. */
static int parse_scaled(const char *text, const struct unit *units, size_t count, uint64_t *ret)
{
	uint64_t value = 0;
	bool too_large = false;
	const struct unit *unit;

	if (!is_digit(*text))
		return fail(EINVAL);
	for (; is_digit(*text); text++) {
		too_large |= __builtin_mul_overflow(value, 10, &value);
		too_large |= __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value);
	}
	unit = find_unit(units, count, text);
	if (!unit)
		return fail(EINVAL);
	if (too_large || __builtin_mul_overflow(value, unit->factor, &value))
		return fail(ERANGE);
	*ret = value;
	return 0;
}

static const char *format_scaled(uint64_t value, const struct unit *unit,
				 char text[TEXT_VALUE_SIZE])
{
	while (value < unit->factor || value % unit->factor != 0)
		unit++;
	(void)snprintf(text, TEXT_VALUE_SIZE, "%llu%s", (unsigned long long)(value / unit->factor),
		       unit->name); /* 20 digits and a unit always fit */
	return text;
}

/* Copies bytes as they are or as \xNN, whole ones only. */
static size_t escape(char *out, size_t size, const void *bytes, size_t len,
		     bool (*is_harmless)(unsigned char))
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *in = bytes;
	size_t at = 0;

	if (size == 0)
		return 0;
	for (size_t i = 0; i < len; i++) {
		size_t need = is_harmless(in[i]) ? 1 : 4;

		if (need >= size - at)
			break;
		if (need == 1)
			out[at] = (char)in[i];
		else
			memcpy(&out[at],
			       (char[]){'\\', 'x', digits[in[i] >> 4], digits[in[i] & 15]}, 4);
		at += need;
	}
	out[at] = '\0';
	return at;
}

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c <= '~' && c != '\\';
}

static bool is_no_control(unsigned char c)
{
	return c >= ' ' && c != 0x7f;
}

static unsigned int min2(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

int text_parse_bool(const char *text, bool *ret)
{
	int index = text_parse_choice(text, "no|yes");

	if (index < 0)
		return -1;
	*ret = index == 1;
	return 0;
}

int text_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value;

	if (parse_scaled(text, number_units, ARRAY_SIZE(number_units), &value) != 0)
		return -1;
	if (value < min || value > max)
		return fail(ERANGE);
	*ret = value;
	return 0;
}

int text_parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = *text == '-';
	uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
	uint64_t size;
	int64_t value;

	if (text_parse_number(text + (negative ? 1 : 0), 0, most, &size) != 0)
		return -1;
	value = (int64_t)(negative ? 0 - size : size);
	if (value < min || value > max)
		return fail(ERANGE);
	*ret = value;
	return 0;
}

int text_parse_size(const char *text, uint64_t *ret_bytes)
{
	return parse_scaled(text, size_units, ARRAY_SIZE(size_units), ret_bytes);
}

int text_parse_time(const char *text, uint64_t *ret_ms)
{
	return parse_scaled(text, time_units, ARRAY_SIZE(time_units), ret_ms);
}

const char *text_format_size(uint64_t bytes, char text[TEXT_VALUE_SIZE])
{
	return bytes == 0 ? strcpy(text, "0") : format_scaled(bytes, size_units, text);
}

const char *text_format_time(uint64_t ms, char text[TEXT_VALUE_SIZE])
{
	return ms == 0 ? strcpy(text, "0s") : format_scaled(ms, time_units, text);
}

char *text_next_word(char **cursor)
{
	char *word = *cursor + strspn(*cursor, SEPARATORS);
	char *end = word + strcspn(word, SEPARATORS);

	*cursor = *end ? end + 1 : end;
	*end = '\0';
	return end > word ? word : NULL;
}

int text_parse_choice(const char *text, const char *words)
{
	size_t len = strlen(text);

	for (int index = 0; *words; index++) {
		size_t word = strcspn(words, "|");

		if (word == len && memcmp(words, text, len) == 0)
			return index;
		words += words[word] ? word + 1 : word;
	}
	return fail(EINVAL);
}

size_t text_escape(char *out, size_t size, const void *bytes, size_t len)
{
	return escape(out, size, bytes, len, is_plain);
}

size_t text_escape_controls(char *out, size_t size, const void *bytes, size_t len)
{
	return escape(out, size, bytes, len, is_no_control);
}

unsigned int text_distance(const char *a, const char *b)
{
	/* Rows of the usual table: the one before the last, the last, the current. */
	unsigned int rows[3][DISTANCE_SIZE];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len >= DISTANCE_SIZE || b_len >= DISTANCE_SIZE)
		return UINT_MAX;
	for (unsigned int j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (unsigned int i = 1; i <= a_len; i++) {
		unsigned int *now = rows[i % 3];
		const unsigned int *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (unsigned int j = 1; j <= b_len; j++) {
			now[j] = min2(last[j], now[j - 1]) + 1;
			now[j] = min2(now[j], last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = min2(now[j], before[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}
