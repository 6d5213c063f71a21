/* SPDX-License-Identifier: MIT */
/* upper - the two ways to turn text into upper case. */
#ifndef ECHO_UPPER_UPPER_H
#define ECHO_UPPER_UPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No character's upper case needs more than 3 times its bytes: U+0390 grows from 2 to 6. */
#define UPPER_GROWTH 3

/* In place: a-z become A-Z, every other byte stays. */
void upper_ascii(uint8_t *bytes, size_t len);

/*
 * Writes the full Unicode upper case of UTF-8 text into out, which has room for UPPER_GROWTH *
 * len bytes.  No language's rules apply and bytes that are not UTF-8 stay as they are.  An
 * incomplete sequence at the end, at most 3 bytes, is left for the next call unless is_last.
 * *ret_used is how much of in was turned.  Returns the bytes written, or -1 with errno.
 */
ssize_t upper_unicode(const uint8_t *in, size_t len, bool is_last, uint8_t *out, size_t *ret_used);

#endif
