/* SPDX-License-Identifier: MIT */
/* url - takes the http:// address of a target apart. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "url.h"

#define DIGITS	    "0123456789"
#define LETTERS	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HOST_BYTES  LETTERS DIGITS "-_."
#define URL_BYTES   HOST_BYTES "~:/?[]@!$&'()*+,;=%"
#define MAX_HOST    253
#define PORT_DIGITS 5

static const char host_why[] = "the host must be a name, an IPv4 address like 192.0.2.7 or an "
			       "IPv6 address in brackets";

static int refuse(const char *why, const char **ret_why)
{
	*ret_why = why;
	errno = EINVAL;
	return -1;
}

/* Cuts "http://" off; NULL with *ret_why for every other scheme. */
static const char *skip_scheme(const char *text, const char **ret_why)
{
	if (strncasecmp(text, "http://", 7) == 0)
		return text + 7;
	if (strncasecmp(text, "https://", 8) == 0)
		(void)refuse("https is not supported; name an http:// address", ret_why);
	else
		(void)refuse("must begin with http://", ret_why);
	return NULL;
}

/* libc would read 10.1, 0x7f.1 or 2130706433 as addresses too: such names are none of ours. */
static bool is_number_like(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *label = dot != NULL ? dot + 1 : host;

	return label[strspn(label, DIGITS)] == '\0' || strncasecmp(label, "0x", 2) == 0;
}

static bool is_name(const char *host)
{
	size_t len = strlen(host);

	return len > 0 && host[strspn(host, HOST_BYTES)] == '\0' && host[0] != '.' &&
	       host[len - 1] != '.' && host[0] != '-' && strstr(host, "..") == NULL;
}

static bool is_host(char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	size_t len = strlen(host);
	bool is_ipv6;

	if (host[0] != '[')
		return is_name(host) &&
		       (!is_number_like(host) || inet_pton(AF_INET, host, address) == 1);
	if (host[len - 1] != ']')
		return false;
	host[len - 1] = '\0';
	is_ipv6 = inet_pton(AF_INET6, host + 1, address) == 1;
	host[len - 1] = ']';
	return is_ipv6;
}

/* The port of ":8080"; the default if there is none; 0 if it is wrong. */
static unsigned int parse_port(const char *text, size_t len)
{
	char digits[PORT_DIGITS + 1] = "";
	unsigned long port;

	if (len == 0)
		return URL_HTTP_PORT;
	if (text[0] != ':' || len - 1 > PORT_DIGITS || strspn(text + 1, DIGITS) < len - 1)
		return 0;
	memcpy(digits, text + 1, len - 1);
	port = strtoul(digits, NULL, 10);
	return port <= UINT16_MAX ? (unsigned int)port : 0;
}

int url_parse(const char *text, struct url *ret, const char **ret_why)
{
	const char *start = skip_scheme(text, ret_why);
	size_t len, host;

	if (start == NULL)
		return -1;
	if (strchr(start, '#') != NULL)
		return refuse("a fragment (\"#\") is not allowed", ret_why);
	if (start[strspn(start, URL_BYTES)] != '\0')
		return refuse("write blanks and special characters as %XX", ret_why);
	len = strcspn(start, "/?");
	if (memchr(start, '@', len) != NULL)
		return refuse("a user name (\"@\") is not allowed", ret_why);
	host = *start == '[' ? strcspn(start, "]") + 1 : strcspn(start, ":/?");
	if (host > len || host > MAX_HOST)
		return refuse(host_why, ret_why);
	memcpy(ret->host, start, host);
	ret->host[host] = '\0';
	if (!is_host(ret->host))
		return refuse(host_why, ret_why);
	ret->port = parse_port(start + host, len - host);
	if (ret->port == 0)
		return refuse("the port must be 1 to 65535", ret_why);
	ret->path = start + len;
	return 0;
}
