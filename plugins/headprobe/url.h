/* SPDX-License-Identifier: MIT */
/* url - takes the http:// address of a target apart. */
#ifndef HEADPROBE_URL_H
#define HEADPROBE_URL_H

#include <cservd/plugin.h>

#define URL_HOST_SIZE 256 /* a DNS name has at most 253 characters */
#define URL_HTTP_PORT 80

struct url {
	char host[URL_HOST_SIZE]; /* name, dotted quad, or [IPv6] with its brackets */
	unsigned int port;
	const char *path; /* into the text, with the query; "" if there is none */
};

/* 0, or -1 with errno EINVAL and *ret_why what the user should write instead. */
int url_parse(const char *text, struct url *ret, const char **ret_why) CSERVD_CHECKED;

#endif
