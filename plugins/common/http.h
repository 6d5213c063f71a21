/* SPDX-License-Identifier: MIT */
/* http - the parts of an HTTP/1 head that requests and responses share (RFC 9112). */
#ifndef PLUGINS_COMMON_HTTP_H
#define PLUGINS_COMMON_HTTP_H

#include <cservd/plugin.h>
#include <stddef.h>

/* How many characters at the start of text may be part of a method or a field name. */
size_t http_token_length(const char *text);

/*
 * The minor version of a text that is "HTTP/1." and one digit; -1 with errno EINVAL if it is no
 * version at all, ENOTSUP if it is another major one.
 */
int http_parse_version(const char *text) CSERVD_CHECKED;

/*
 * Splits a line "Name: value" in place, without the blanks around the value.  0, or -1 with
 * errno EINVAL; so for a continuation line and for a blank before the colon, which receivers
 * have read differently and attackers made use of.
 */
int http_parse_field(char *line, const char **ret_name, const char **ret_value) CSERVD_CHECKED;

#endif
