/* SPDX-License-Identifier: MIT */
/* http - the parts of an HTTP/1 head that requests and responses share (RFC 9112). */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "http.h"

#define BLANKS	      " \t"
#define TOKEN_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TOKEN_OTHERS  "0123456789!#$%&'*+-.^_`|~"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t http_token_length(const char *text)
{
	return strspn(text, TOKEN_LETTERS TOKEN_OTHERS);
}

int http_parse_version(const char *text)
{
	if (strlen(text) != strlen("HTTP/1.1") || strncmp(text, "HTTP/", 5) != 0 ||
	    !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7])) {
		errno = EINVAL;
		return -1;
	}
	if (text[5] != '1') {
		errno = ENOTSUP;
		return -1;
	}
	return text[7] - '0';
}

int http_parse_field(char *line, const char **ret_name, const char **ret_value)
{
	size_t name = http_token_length(line);
	char *value, *end;

	if (name == 0 || line[name] != ':') {
		errno = EINVAL;
		return -1;
	}
	line[name] = '\0';
	value = line + name + 1;
	value += strspn(value, BLANKS);
	end = value + strlen(value);
	while (end > value && strchr(BLANKS, end[-1]) != NULL)
		end--;
	*end = '\0';
	*ret_name = line;
	*ret_value = value;
	return 0;
}
