/* SPDX-License-Identifier: MIT */
/* console - the user's side of cservc: lines from stdin, bytes to stdout, a tidy prompt. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "tools/console.h"

#define PROMPT "> "
#define ERASE  "\r\x1b[K" /* to the start of the line, delete to its end (ECMA-48 EL) */

/*
 * C1 controls count in UTF-8, where they are 0xc2 and one more byte.  Other bytes from 0x80 on
 * are letters.
 */
static bool is_control(unsigned char c, unsigned char last)
{
	if (c == '\n' || c == '\r' || c == '\t')
		return false;
	return c < ' ' || c == 0x7f || (last == 0xc2 && c >= 0x80 && c <= 0x9f);
}

/* How many bytes from the start may be shown as they are. */
static size_t span_harmless(struct console *console, const unsigned char *bytes, size_t len)
{
	size_t span = 0;

	for (; span < len && !is_control(bytes[span], console->last); span++)
		console->last = bytes[span];
	return span;
}

static int show_control(struct console *console, unsigned char c)
{
	char text[8];

	console->last = c;
	return console_write(text, (size_t)snprintf(text, sizeof(text), "\\x%02x", c));
}

static void start_of_line(struct console *console)
{
	console->is_prompted = false;
	console->last = '\n';
}

static int erase_prompt(struct console *console)
{
	if (!console->is_prompted)
		return 0;
	console->is_prompted = false;
	return console_write(ERASE, strlen(ERASE));
}

void console_init(struct console *console)
{
	console->is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	console->is_prompted = console->is_ended = false;
	console->last = '\n';
	console->at = console->end = 0;
}

ssize_t console_read(struct console *console, void *buf, size_t size)
{
	ssize_t got;

	do
		got = read(STDIN_FILENO, buf, size);
	while (got < 0 && errno == EINTR);
	/* The terminal has shown what was typed, and its end of line. */
	if (got > 0 && ((char *)buf)[got - 1] == '\n')
		start_of_line(console);
	return got;
}

int console_fill(struct console *console)
{
	ssize_t got;

	memmove(console->bytes, &console->bytes[console->at], console->end - console->at);
	console->end -= console->at;
	console->at = 0;
	got = console_read(console, &console->bytes[console->end], CONSOLE_SIZE - console->end);
	if (got < 0)
		return -1;
	console->is_ended = got == 0;
	console->end += (size_t)got;
	return 0;
}

bool console_next_line(struct console *console, const char **ret_line, size_t *ret_len)
{
	const char *line = &console->bytes[console->at];
	size_t len = console->end - console->at;
	const char *newline = memchr(line, '\n', len);

	if (!newline && len < CONSOLE_SIZE && !(console->is_ended && len > 0))
		return false;
	*ret_line = line;
	*ret_len = newline ? (size_t)(newline - line) : len;
	console->at += *ret_len + (newline ? 1 : 0);
	return true;
}

bool console_is_quit(const struct console *console, const char *line, size_t len)
{
	return console->is_terminal && len == 4 && memcmp(line, "quit", 4) == 0;
}

int console_write(const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t written = write(STDOUT_FILENO, at, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		at += written;
		len -= (size_t)written;
	}
	return 0;
}

int console_show(struct console *console, const void *bytes, size_t len)
{
	const unsigned char *at = bytes, *end = at + len;

	if (erase_prompt(console) != 0)
		return -1;
	while (at < end) {
		size_t span = span_harmless(console, at, (size_t)(end - at));

		if (console_write(at, span) != 0)
			return -1;
		at += span;
		if (at < end && show_control(console, *at++) != 0)
			return -1;
	}
	return 0;
}

int console_start_line(struct console *console)
{
	bool needed = console->is_prompted || console->last != '\n';

	start_of_line(console);
	return console->is_terminal && needed ? console_write("\n", 1) : 0;
}

int console_prompt(struct console *console)
{
	if (!console->is_terminal || console->is_prompted)
		return 0;
	if (console_start_line(console) != 0)
		return -1;
	console->is_prompted = true;
	return console_write(PROMPT, strlen(PROMPT));
}
