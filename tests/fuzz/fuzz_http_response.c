/* SPDX-License-Identifier: MIT */
/* fuzz_http_response - whatever a target answers, headprobe's client gets harmless lines. */
#include <stdlib.h>
#include <string.h>

#include "../unit/fakehost.h"

#define LINES_MAX 101 /* the status line and 100 header lines */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct fake_answer *answer)
{
	unsigned int lines = 0;

	require(answer->result == 0 && answer->writes == 1 && answer->len > 0);
	for (size_t i = 0; i < answer->len; i++) {
		char byte = answer->bytes[i];

		lines += byte == '\n';
		require(byte == '\n' || (byte >= ' ' && byte <= '~'));
	}
	require(answer->bytes[answer->len - 1] == '\n' && lines <= LINES_MAX);
	if (strncmp(answer->bytes, "ERR ", 4) == 0)
		require(lines == 1);
	else
		require(strstr(answer->bytes, " HTTP/1.") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_script client = {.bytes = ""};
	struct fake_answer answer;

	fakehost_option("target", "http://192.0.2.7/");
	require(fakehost_config() == 0);
	fakehost_peer(&(struct fake_peer){.script = {.bytes = data, .len = size}});
	answer = fakehost_stream(&client);
	check(&answer);
	require(fakehost_open_conns() == 0);
	fakehost_reset();
	return 0;
}
