/* SPDX-License-Identifier: MIT */
/* test_ban - whom a worker refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "worker/ban.h"
#include "worker/service.h"

static struct world world;

static union addr address(const char *host)
{
	union addr addr = {.in4 = {.sin_family = AF_INET, .sin_port = htons(4711)}};

	assert_int_equal(inet_pton(AF_INET, host, &addr.in4.sin_addr), 1);
	return addr;
}

static union addr source(const char *host)
{
	union addr addr = address(host);

	return addr_source(&addr);
}

static void ban(const char *name, const char *host, int64_t until_ms)
{
	struct ban *entry = &world.ban[world.bans++];

	*entry = (struct ban){.source = source(host), .until_ms = until_ms};
	(void)strncpy(entry->service, name, sizeof(entry->service) - 1);
}

static int setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	ban("other", "192.0.2.7", 2000);
	ban("www", "192.0.2.8", 2000);
	return 0;
}

static int find(const char *host, int64_t now_ms)
{
	union addr addr = source(host);
	struct ban found;

	return ban_find(&world, "www", &addr, now_ms, &found);
}

static void finds_the_source_whatever_its_port(void **state)
{
	(void)state;
	assert_int_equal(find("192.0.2.8", 1000), 1);
}

static void a_ban_is_of_one_service_only(void **state)
{
	(void)state;
	assert_int_equal(find("192.0.2.7", 1000), -1);
}

static void others_are_welcome(void **state)
{
	(void)state;
	assert_int_equal(find("192.0.2.9", 1000), -1);
}

static void a_ban_that_is_over_is_none(void **state)
{
	(void)state;
	assert_int_equal(find("192.0.2.8", 1999), 1);
	assert_int_equal(find("192.0.2.8", 2000), -1);
}

static void refuses_who_is_banned_and_nobody_else(void **state)
{
	static const struct settings settings = {.name = "www"};
	union addr bad = address("192.0.2.8"), good = address("192.0.2.7");

	(void)state;
	service.settings = &settings;
	service.world = &world;
	world.ban[1].until_ms = INT64_MAX;
	assert_true(ban_refuses(&bad));
	assert_false(ban_refuses(&good));
	world.bans = 0;
	assert_false(ban_refuses(&bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(finds_the_source_whatever_its_port, setup),
		cmocka_unit_test_setup(a_ban_is_of_one_service_only, setup),
		cmocka_unit_test_setup(others_are_welcome, setup),
		cmocka_unit_test_setup(a_ban_that_is_over_is_none, setup),
		cmocka_unit_test_setup(refuses_who_is_banned_and_nobody_else, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
