/* SPDX-License-Identifier: MIT */
/* upper - the two ways to turn text into upper case. */
#include <string.h>
#include <sys/types.h>
#include <unicase.h>
#include <unistr.h>

#include "upper.h"

#define BLOCK 64 /* [bytes] a constant count is what lets -O2 use vector instructions */

static uint8_t ascii_byte(uint8_t byte)
{
	return (uint8_t)(byte - (((uint8_t)(byte - 'a') < 26) << 5));
}

static size_t ascii_length(const uint8_t *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && bytes[n] < 0x80)
		n++;
	return n;
}

/* How many bytes at the start are complete sequences of several bytes. */
static size_t wide_length(const uint8_t *bytes, size_t len)
{
	size_t n = 0;
	ucs4_t unused;

	while (n < len && bytes[n] >= 0x80) {
		int size = u8_mbtoucr(&unused, bytes + n, len - n);

		if (size < 0)
			break;
		n += (size_t)size;
	}
	return n;
}

static bool is_incomplete(const uint8_t *bytes, size_t len)
{
	ucs4_t unused;

	return len > 0 && u8_mbtoucr(&unused, bytes, len) == -2;
}

/*
 * Without a language every rule of u8_toupper() looks at one character alone, so the text may
 * be cut anywhere between two.  It allocates only if room is too small, which it never is.
 */
static ssize_t turn_wide(const uint8_t *in, size_t len, uint8_t *out)
{
	size_t room = len * UPPER_GROWTH;

	return u8_toupper(in, len, NULL, NULL, out, &room) == NULL ? -1 : (ssize_t)room;
}

void upper_ascii(uint8_t *bytes, size_t len)
{
	for (; len >= BLOCK; bytes += BLOCK, len -= BLOCK)
		for (size_t i = 0; i < BLOCK; i++)
			bytes[i] = ascii_byte(bytes[i]);
	for (size_t i = 0; i < len; i++)
		bytes[i] = ascii_byte(bytes[i]);
}

ssize_t upper_unicode(const uint8_t *in, size_t len, bool is_last, uint8_t *out, size_t *ret_used)
{
	size_t used = 0, written = 0;

	while (used < len) {
		size_t ascii = ascii_length(in + used, len - used);
		size_t wide = wide_length(in + used + ascii, len - used - ascii);
		ssize_t turned;

		memcpy(out + written, in + used, ascii);
		upper_ascii(out + written, ascii);
		turned = turn_wide(in + used + ascii, wide, out + written + ascii);
		if (turned == -1)
			return -1;
		used += ascii + wide;
		written += ascii + (size_t)turned;
		if (ascii + wide > 0)
			continue;
		if (!is_last && is_incomplete(in + used, len - used))
			break;
		out[written++] = in[used++];
	}
	*ret_used = used;
	return (ssize_t)written;
}
