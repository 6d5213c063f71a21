/* SPDX-License-Identifier: MIT */
/* probing - steps that the tests of headprobe share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "probing.h"

int probing_reset(void **state)
{
	(void)state;
	fakehost_reset();
	return 0;
}

void probing_serve_bytes(const void *bytes, size_t len, enum fake_end end)
{
	fakehost_peer(&(struct fake_peer){.script = {.bytes = bytes, .len = len, .end = end}});
}

void probing_serve(const char *response)
{
	probing_serve_bytes(response, strlen(response), FAKE_EOF);
}

void probing_configure(const char *option, const char *value)
{
	fakehost_option("target", PROBING_URL);
	fakehost_option("min_interval", "0s");
	if (option != NULL)
		fakehost_option(option, value);
	assert_int_equal(fakehost_config(), 0);
}

const char *probing_ask(const char *line)
{
	struct fake_script client = {.bytes = line, .len = strlen(line), .end = FAKE_SILENCE};
	struct fake_answer answer = fakehost_stream(&client);

	assert_int_equal(answer.result, 0);
	assert_int_equal(answer.len, strlen(answer.bytes));
	assert_int_equal(fakehost_open_conns(), 0);
	return answer.bytes;
}

void assert_begins(const char *text, const char *start)
{
	if (strncmp(text, start, strlen(start)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", text, start);
}

void assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", text, part);
}
