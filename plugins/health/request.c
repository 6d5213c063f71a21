/* SPDX-License-Identifier: MIT */
/* request - reads and checks the head of an HTTP request. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "../common/http.h"
#include "../common/lines.h"
#include "request.h"

/* Beside HTTP statuses. */
#define CLOSED	0 /* before the first byte */
#define READ_ON 1 /* the head goes on */

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			return true;
	return false;
}

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* Cuts the word before the next blank out of *cursor; NULL if there is none or it is empty. */
static char *next_word(char **cursor)
{
	char *word = *cursor;
	char *blank = strchr(word, ' ');

	if (blank == NULL || blank == word)
		return NULL;
	*blank = '\0';
	*cursor = blank + 1;
	return word;
}

/* The path of "/path?query" or "http://host/path?query"; NULL if it is neither. */
static const char *target_path(char *target)
{
	target[strcspn(target, "?")] = '\0';
	if (strncasecmp(target, "http://", 7) == 0) {
		target += 7 + strcspn(target + 7, "/");
		return *target == '\0' ? "/" : target;
	}
	return *target == '/' ? target : NULL;
}

static int parse_request_line(char *line, struct request *ret)
{
	char *rest = line, *target;

	if (!is_printable(line))
		return 400;
	ret->method = next_word(&rest);
	if (ret->method == NULL || ret->method[http_token_length(ret->method)] != '\0')
		return 400;
	ret->is_head = strcmp(ret->method, "HEAD") == 0;
	target = next_word(&rest);
	if (target == NULL)
		return 400;
	ret->minor = http_parse_version(rest);
	if (ret->minor == -1)
		return errno == ENOTSUP ? 505 : 400;
	ret->path = target_path(target);
	return READ_ON;
}

/* The status for a line that could not be read, or -1 if nobody can be answered any more. */
static int failure_status(void)
{
	switch (errno) {
	case ETIMEDOUT: return 408;
	case EMSGSIZE: return 431;
	case EILSEQ: return 400;
	default: return -1;
	}
}

/* Empty lines before the request are skipped: some clients end a body with one too many. */
static int read_request_line(struct lines *lines, struct request *ret)
{
	char *line;
	int got;

	do {
		got = lines_next(lines, &line);
	} while (got == 1 && *line == '\0');
	if (got == 1)
		return parse_request_line(line, ret);
	if (got == 0)
		return lines->end == 0 ? CLOSED : 400;
	return failure_status();
}

static int read_fields(struct lines *lines, const struct request *request)
{
	unsigned int hosts = 0;

	for (;;) {
		const char *name, *value;
		char *line;
		int got = lines_next(lines, &line);

		if (got == -1)
			return failure_status();
		if (got == 0)
			return 400;
		if (*line == '\0')
			break;
		if (http_parse_field(line, &name, &value) == -1 || has_control(value))
			return 400;
		hosts += strcasecmp(name, "Host") == 0;
	}
	return hosts > 1 || (hosts == 0 && request->minor > 0) ? 400 : 200;
}

int request_read(struct cservd_conn *conn, struct request *ret)
{
	struct lines lines;
	int status;

	ret->method = NULL;
	ret->path = NULL;
	ret->is_head = false;
	lines_init(&lines, conn, ret->head, sizeof(ret->head), REQUEST_HEAD_MS);
	status = read_request_line(&lines, ret);
	return status == READ_ON ? read_fields(&lines, ret) : status;
}
