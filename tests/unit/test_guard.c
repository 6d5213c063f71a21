/* SPDX-License-Identifier: MIT */
/* test_guard - which datagrams are not answered, and how much may be answered. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/settings.h"
#include "worker/guard.h"

static struct world world;
static struct guard guard;

static union addr address(const char *text, uint16_t port)
{
	union addr addr = {0};

	if (strchr(text, ':') != NULL) {
		addr.in6.sin6_family = AF_INET6;
		addr.in6.sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, text, &addr.in6.sin6_addr), 1);
	} else {
		addr.in4.sin_family = AF_INET;
		addr.in4.sin_port = htons(port);
		assert_int_equal(inet_pton(AF_INET, text, &addr.in4.sin_addr), 1);
	}
	return addr;
}

static int check(const char *peer, uint16_t port, const char *dest)
{
	union addr from = address(peer, port), to = address(dest, 7);

	return guard_check(&guard, &from, &to);
}

/* A machine 192.0.2.1/24 and 2001:db8::1 that listens on [any]:7007 and 192.0.2.1:7008. */
static int setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.listener[world.listeners++] = address("0.0.0.0", 7007);
	world.listener[world.listeners++] = address("::", 7007);
	world.listener[world.listeners++] = address("192.0.2.1", 7008);
	world.local[world.locals++] = address("192.0.2.1", 0);
	world.local[world.locals++] = address("2001:db8::1", 0);
	assert_int_equal(inet_pton(AF_INET, "192.0.2.255", &world.broadcast[0]), 1);
	world.broadcasts = 1;
	guard_init(&guard, &world);
	return 0;
}

static void answers_an_ordinary_client(void **state)
{
	(void)state;
	assert_int_equal(check("192.0.2.7", 1024, "192.0.2.1"), -1);
	assert_int_equal(check("2001:db8::7", 65535, "2001:db8::1"), -1);
	assert_int_equal(check("127.0.0.1", 40000, "127.0.0.1"), -1);
}

static void refuses_source_ports_of_services(void **state)
{
	static const uint16_t ports[] = {0, 7, 19, 53, 1023, 1900, 2049, 3702, 5353, 11211};

	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		assert_int_equal(check("192.0.2.7", ports[i], "192.0.2.1"), DROP_PORT);
}

static void refuses_multicast_on_either_side(void **state)
{
	(void)state;
	assert_int_equal(check("224.0.0.1", 4000, "192.0.2.1"), DROP_MULTICAST);
	assert_int_equal(check("192.0.2.7", 4000, "239.1.2.3"), DROP_MULTICAST);
	assert_int_equal(check("2001:db8::7", 4000, "ff02::1"), DROP_MULTICAST);
}

static void refuses_broadcast_on_either_side(void **state)
{
	(void)state;
	assert_int_equal(check("192.0.2.255", 4000, "192.0.2.1"), DROP_BROADCAST);
	assert_int_equal(check("192.0.2.7", 4000, "192.0.2.255"), DROP_BROADCAST);
	assert_int_equal(check("192.0.2.7", 4000, "255.255.255.255"), DROP_BROADCAST);
	assert_int_equal(check("127.0.0.1", 4000, "127.255.255.255"), DROP_BROADCAST);
	assert_int_equal(check("0.0.0.0", 4000, "192.0.2.1"), DROP_BROADCAST);
	assert_int_equal(check("0.1.2.3", 4000, "192.0.2.1"), DROP_BROADCAST);
	assert_int_equal(check("::", 4000, "2001:db8::1"), DROP_BROADCAST);
	assert_int_equal(check("::ffff:192.0.2.7", 4000, "2001:db8::1"), DROP_BROADCAST);
}

static void refuses_our_own_listeners(void **state)
{
	(void)state;
	assert_int_equal(check("192.0.2.1", 7007, "192.0.2.1"), DROP_LOOP);
	assert_int_equal(check("127.0.0.1", 7007, "127.0.0.1"), DROP_LOOP);
	assert_int_equal(check("127.9.9.9", 7007, "127.0.0.1"), DROP_LOOP);
	assert_int_equal(check("2001:db8::1", 7007, "2001:db8::1"), DROP_LOOP);
	assert_int_equal(check("192.0.2.1", 7008, "192.0.2.1"), DROP_LOOP);
}

static void answers_the_same_port_of_another_machine_or_address(void **state)
{
	(void)state;
	assert_int_equal(check("192.0.2.7", 7007, "192.0.2.1"), -1);
	assert_int_equal(check("127.0.0.1", 7008, "127.0.0.1"), -1);
	assert_int_equal(check("2001:db8::1", 7008, "2001:db8::1"), -1);
}

static void sees_what_the_master_changed(void **state)
{
	(void)state;
	world.listener[world.listeners++] = address("0.0.0.0", 9000);
	assert_int_equal(check("127.0.0.1", 9000, "127.0.0.1"), -1);
	atomic_fetch_add(&world.generation, 2);
	guard_refresh(&guard);
	assert_int_equal(check("127.0.0.1", 9000, "127.0.0.1"), DROP_LOOP);
}

static void survives_counts_out_of_range(void **state)
{
	(void)state;
	world.listeners = world.locals = world.broadcasts = UINT32_MAX;
	atomic_fetch_add(&world.generation, 2);
	guard_refresh(&guard);
	assert_int_equal(check("192.0.2.7", 4000, "192.0.2.1"), -1);
}

static void budget_is_the_multiple_but_at_least_64_bytes(void **state)
{
	(void)state;
	assert_int_equal(guard_budget(0, 1), 64);
	assert_int_equal(guard_budget(64, 1), 64);
	assert_int_equal(guard_budget(65, 1), 65);
	assert_int_equal(guard_budget(100, 3), 300);
	assert_int_equal(guard_budget(1, SETTINGS_UNLIMITED), UINT64_MAX);
	assert_int_equal(guard_budget(65507, UINT64_MAX / 2), UINT64_MAX);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_an_ordinary_client),
		TEST(refuses_source_ports_of_services),
		TEST(refuses_multicast_on_either_side),
		TEST(refuses_broadcast_on_either_side),
		TEST(refuses_our_own_listeners),
		TEST(answers_the_same_port_of_another_machine_or_address),
		TEST(sees_what_the_master_changed),
		TEST(survives_counts_out_of_range),
		TEST(budget_is_the_multiple_but_at_least_64_bytes),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
