/* SPDX-License-Identifier: MIT */
/* response - reads and checks the head of an HTTP response. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../common/http.h"
#include "response.h"

#define MALFORMED_STATUS "malformed status line"
#define MALFORMED_FIELD	 "malformed header line"
#define TOO_LARGE	 "toolarge headers>" LIMIT_TEXT(LIMIT_HEAD_BYTES)
#define TOO_MANY	 "toolarge headers>" LIMIT_TEXT(LIMIT_HEADER_LINES) " lines"
#define LINE_TOO_LONG	 "toolarge line>" LIMIT_TEXT(LIMIT_LINE_BYTES)

/* Where the next line goes: head is filled from its start, left is what all lines may use. */
struct reader {
	struct cservd_conn *conn;
	char *next;
	size_t left; /* [bytes] with line ends */
};

/* What to say when a line could not be read.  end: for end of file; bad: for wrong bytes. */
static const char *failure(int got, const char *end, const char *bad, const struct reader *reader)
{
	if (got == 0 || errno == ECONNRESET)
		return end;
	switch (errno) {
	case ETIMEDOUT: return "timeout response " LIMIT_TEXT(LIMIT_RESPONSE_MS) "ms";
	case EMSGSIZE: return reader->left > LIMIT_LINE_BYTES ? LINE_TOO_LONG : TOO_LARGE;
	case EILSEQ: return bad;
	default: return RESPONSE_INTERNAL;
	}
}

/* As cservd_readline(), within the limits; a CR inside the line is EILSEQ as well. */
static int read_line(struct reader *reader, char **ret_line)
{
	size_t room = reader->left < LIMIT_LINE_BYTES ? reader->left : LIMIT_LINE_BYTES;
	int got = cservd_readline(reader->conn, reader->next, room + 1);
	size_t used;

	if (got != 1)
		return got;
	used = strlen(reader->next) + 2;
	if (strchr(reader->next, '\r') != NULL || used > reader->left) {
		errno = used > reader->left ? EMSGSIZE : EILSEQ;
		return -1;
	}
	reader->left -= used;
	*ret_line = reader->next;
	reader->next += used;
	return 1;
}

static bool is_digits(const char *text, size_t len)
{
	return strspn(text, "0123456789") == len;
}

/* "HTTP/1.1 200 OK"; servers leave the reason out, some with its blank. */
static int parse_status_line(char *line, struct response *ret)
{
	char *code = strchr(line, ' ');

	if (code == NULL)
		return -1;
	*code++ = '\0';
	ret->minor = http_parse_version(line);
	if (ret->minor < 0 || ret->minor > 1 || !is_digits(code, 3))
		return -1;
	if ((code[3] != '\0' && code[3] != ' ') || code[0] < '1' || code[0] > '5')
		return -1;
	ret->status = (unsigned int)((code[0] - '0') * 100 + (code[1] - '0') * 10 + code[2] - '0');
	return 0;
}

static const char *read_fields(struct reader *reader, struct response *ret)
{
	for (;;) {
		struct response_field *field = &ret->fields[ret->field_count];
		char *line;
		int got = read_line(reader, &line);

		if (got != 1)
			return failure(got, "closed before end of headers", MALFORMED_FIELD,
				       reader);
		if (*line == '\0')
			return NULL;
		if (ret->field_count == LIMIT_HEADER_LINES)
			return TOO_MANY;
		if (http_parse_field(line, &field->name, &field->value) == -1)
			return MALFORMED_FIELD;
		ret->field_count++;
	}
}

static const char *read_response(struct reader *reader, struct response *ret)
{
	char *line;
	int got;

	ret->field_count = 0;
	reader->next = ret->head;
	got = read_line(reader, &line);
	if (got != 1)
		return failure(got, "closed before status line", MALFORMED_STATUS, reader);
	(void)clock_gettime(CLOCK_MONOTONIC, &ret->first); /* cannot fail for this clock */
	if (parse_status_line(line, ret) == -1)
		return MALFORMED_STATUS;
	return read_fields(reader, ret);
}

const char *response_read(struct cservd_conn *conn, struct response *ret)
{
	struct reader reader = {.conn = conn, .left = LIMIT_HEAD_BYTES};
	const char *problem;

	do {
		problem = read_response(&reader, ret);
	} while (problem == NULL && ret->status < 200);
	return problem;
}

const char *response_value(const struct response *response, const char *name)
{
	for (unsigned int i = 0; i < response->field_count; i++)
		if (strcasecmp(response->fields[i].name, name) == 0)
			return response->fields[i].value;
	return NULL;
}
