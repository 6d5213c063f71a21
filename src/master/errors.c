/* SPDX-License-Identifier: MIT */
/* errors - the list of everything that is wrong with a configuration. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master/config.h"

/* Stands for a message that found no memory; never freed. */
static char no_memory[] = "out of memory";

static void free_line(char *line)
{
	if (line != no_memory)
		free(line);
}

UTIL_PRINTF(1, 2) static char *format(const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	return len < 0 ? no_memory : text;
}

static char *with_place(struct place where, const char *message)
{
	if (!where.file)
		return format("%s", message);
	if (where.line == 0)
		return format("%s: %s", where.file, message);
	return format("%s:%u: %s", where.file, where.line, message);
}

/* The last line stands for all that are not kept. */
static void count_more(struct config_errors *errors)
{
	char **last = &errors->lines[CONFIG_ERRORS_MAX];

	free_line(*last);
	*last = format("and at least %zu more errors", errors->total - CONFIG_ERRORS_MAX);
	errors->count = CONFIG_ERRORS_MAX + 1;
}

void config_errors_add(struct config_errors *errors, struct place where, const char *fmt, ...)
{
	int saved = errno;
	va_list args;
	char *message;

	errors->total++;
	if (errors->total > CONFIG_ERRORS_MAX) {
		count_more(errors);
	} else {
		va_start(args, fmt);
		if (vasprintf(&message, fmt, args) < 0)
			message = no_memory;
		va_end(args);
		errors->lines[errors->count++] = with_place(where, message);
		free_line(message);
	}
	errno = saved;
}

/* The number in "file:NUMBER: message", and how long file is; 0 if there is none. */
static unsigned long place_of(const char *text, size_t *ret_file)
{
	for (const char *at = strchr(text, ':'); at != NULL; at = strchr(at + 1, ':')) {
		char *end;
		unsigned long number = strtoul(at + 1, &end, 10);

		*ret_file = (size_t)(at - text);
		if (end != at + 1 && end[0] == ':')
			return number;
	}
	return 0;
}

/* Whether both are about one file, and a stands behind b in it. */
static bool is_behind(const char *a, const char *b)
{
	size_t file_a = 0, file_b = 0;
	unsigned long line_a = place_of(a, &file_a), line_b = place_of(b, &file_b);

	return line_b > 0 && line_a > line_b && file_a == file_b && strncmp(a, b, file_a) == 0;
}

/* By insertion: few, and each file's lines are nearly in order already. */
void config_errors_sort(struct config_errors *errors)
{
	for (size_t i = 1; i < errors->count; i++) {
		char *line = errors->lines[i];
		size_t at = i;

		for (; at > 0 && is_behind(errors->lines[at - 1], line); at--)
			errors->lines[at] = errors->lines[at - 1];
		errors->lines[at] = line;
	}
}

bool config_errors_is_full(const struct config_errors *errors)
{
	return errors->total >= CONFIG_ERRORS_MAX;
}

void config_errors_finish(struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		free_line(errors->lines[i]);
	*errors = (struct config_errors){0};
}
