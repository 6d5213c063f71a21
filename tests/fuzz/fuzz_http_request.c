/* SPDX-License-Identifier: MIT */
/* fuzz_http_request - any bytes sent to health get one correct response or none. */
#include <stdlib.h>
#include <string.h>

#include "../unit/fakehost.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct fake_answer *answer)
{
	const char *end;

	require(answer->result == 0 && answer->writes <= 1);
	if (answer->writes == 0)
		return;
	end = strstr(answer->bytes, "\r\n\r\n");
	require(strncmp(answer->bytes, "HTTP/1.1 ", 9) == 0 && end != NULL);
	require(strlen(end) <= 4 + strlen("HTTP version not supported\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_script client = {.bytes = data, .len = size};
	struct fake_answer whole, bytewise;

	fakehost_option("path", "/, /healthz");
	require(fakehost_config() == 0);
	whole = fakehost_stream(&client);
	check(&whole);
	client.chunk = 1;
	bytewise = fakehost_stream(&client);
	check(&bytewise);
	require(strncmp(whole.bytes, bytewise.bytes, strlen("HTTP/1.1 200")) == 0);
	fakehost_reset();
	return 0;
}
