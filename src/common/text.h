/* SPDX-License-Identifier: MIT */
/* text - values as people write them, and untrusted text made harmless for logs. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/util.h"

/*
 * All parsers: 0, or -1 with errno EINVAL (form) or ERANGE, and *ret untouched.  Empty text,
 * '+', and blanks before or after are EINVAL.
 */

/* "yes" or "no". */
int text_parse_bool(const char *text, bool *ret) UTIL_CHECKED;

/* Decimal digits only, min <= value <= max. */
int text_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret) UTIL_CHECKED;

/* As text_parse_number(), with an optional '-'. */
int text_parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret) UTIL_CHECKED;

/* Bytes: digits with an optional K, M or G (powers of 1024). */
int text_parse_size(const char *text, uint64_t *ret_bytes) UTIL_CHECKED;

/* Milliseconds: digits with a unit, ms s m h d; a bare number is EINVAL. */
int text_parse_time(const char *text, uint64_t *ret_ms) UTIL_CHECKED;

/* The inverse of the two, in the largest unit that loses nothing: "256K", "5m", "0s". */
#define TEXT_VALUE_SIZE 32
const char *text_format_size(uint64_t bytes, char text[TEXT_VALUE_SIZE]);
const char *text_format_time(uint64_t ms, char text[TEXT_VALUE_SIZE]);

/*
 * Cuts the next word of a list, separated by blanks or commas, out of *cursor and
 * terminates it in place; NULL at the end.
 */
char *text_next_word(char **cursor);

/* Index of text in words ("a|b|c"), or -1 with errno EINVAL. */
int text_parse_choice(const char *text, const char *words) UTIL_CHECKED;

/*
 * Copies len bytes as printable ASCII: everything below ' ', above '~', and '\' becomes
 * \xNN.  Cuts to fit size, never within a \xNN, always terminates.  Returns the length written.
 */
size_t text_escape(char *out, size_t size, const void *bytes, size_t len);

/* As text_escape(), but only control characters: for text of our own with foreign parts in it. */
size_t text_escape_controls(char *out, size_t size, const void *bytes, size_t len);

/*
 * How many insertions, deletions, changes and swaps of neighbours turn a into b, for "did you
 * mean"; UINT_MAX if one of them is 64 bytes or longer.
 */
unsigned int text_distance(const char *a, const char *b);

#endif
