/* SPDX-License-Identifier: MIT */
/* probing - steps that the tests of headprobe share. */
#ifndef UNIT_PROBING_H
#define UNIT_PROBING_H

#include "fakehost.h"

#define PROBING_URL "http://192.0.2.7/"
#define PROBING_OK  "HTTP/1.1 200 OK\r\n\r\n"

/* A cmocka teardown: forgets everything. */
int probing_reset(void **state);

/* Mode fixed, with one more option unless it is NULL; every client has a probe of its own. */
void probing_configure(const char *option, const char *value);

/* What the target answers from now on.  The bytes must live as long. */
void probing_serve(const char *response);
void probing_serve_bytes(const void *bytes, size_t len, enum fake_end end);

/* What a client gets who says this and waits; lives until probing_reset(). */
const char *probing_ask(const char *line);

void assert_begins(const char *text, const char *start);
void assert_contains(const char *text, const char *part);

#endif
