/* SPDX-License-Identifier: MIT */
/* test_world - what the master tells workers about this machine, and that they only read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/addr.h"
#include "master/loop.h"
#include "master/world.h"

static union addr ipv4(const char *host, uint16_t port)
{
	union addr addr = {.in4 = {.sin_family = AF_INET, .sin_port = htons(port)}};

	assert_int_equal(inet_pton(AF_INET, host, &addr.in4.sin_addr), 1);
	return addr;
}

static union addr ipv6(const char *host, uint16_t port)
{
	union addr addr = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};

	assert_int_equal(inet_pton(AF_INET6, host, &addr.in6.sin6_addr), 1);
	return addr;
}

static void addresses_are_listed_without_ports(void **state)
{
	union addr four = ipv4("192.0.2.7", 9), six = ipv6("2001:db8::1", 9);
	struct ifaddrs second = {.ifa_addr = &six.sa};
	struct ifaddrs first = {.ifa_next = &second, .ifa_addr = &four.sa};
	struct world *world = calloc(1, sizeof(*world));

	(void)state;
	assert_non_null(world);
	world_fill(world, &first);
	assert_int_equal(world->locals, 2);
	four.in4.sin_port = 0;
	six.in6.sin6_port = 0;
	assert_true(addr_equal(&world->local[0], &four));
	assert_true(addr_equal(&world->local[1], &six));
	assert_int_equal(world->broadcasts, 0);
	free(world);
}

static void only_interfaces_that_broadcast_have_a_broadcast_address(void **state)
{
	union addr addr = ipv4("192.0.2.7", 0), all = ipv4("192.0.2.255", 0);
	struct ifaddrs point = {.ifa_addr = &addr.sa, .ifa_broadaddr = &all.sa};
	struct ifaddrs lan = {.ifa_next = &point,
			      .ifa_flags = IFF_BROADCAST,
			      .ifa_addr = &addr.sa,
			      .ifa_broadaddr = &all.sa};
	struct world *world = calloc(1, sizeof(*world));

	(void)state;
	assert_non_null(world);
	world_fill(world, &lan);
	assert_int_equal(world->broadcasts, 1);
	assert_int_equal(world->broadcast[0].s_addr, all.in4.sin_addr.s_addr);
	free(world);
}

static void interfaces_without_an_address_are_left_out(void **state)
{
	struct sockaddr other = {.sa_family = AF_PACKET};
	struct ifaddrs second = {.ifa_addr = &other};
	struct ifaddrs first = {.ifa_next = &second, .ifa_flags = IFF_BROADCAST};
	struct world *world = calloc(1, sizeof(*world));

	(void)state;
	assert_non_null(world);
	world_fill(world, &first);
	assert_int_equal(world->locals, 0);
	assert_int_equal(world->broadcasts, 0);
	free(world);
}

static void a_new_list_replaces_the_old_one(void **state)
{
	union addr addr = ipv4("192.0.2.7", 0);
	struct ifaddrs one = {.ifa_addr = &addr.sa};
	struct world *world = calloc(1, sizeof(*world));
	uint32_t before;

	(void)state;
	assert_non_null(world);
	world_fill(world, &one);
	before = world->generation;
	assert_int_equal(before % 2, 0);
	world_fill(world, NULL);
	assert_int_equal(world->locals, 0);
	assert_int_equal(world->generation, before + 2);
	free(world);
}

static void more_addresses_than_fit_are_cut(void **state)
{
	union addr addr = ipv4("192.0.2.7", 0);
	struct ifaddrs *list = calloc(WORLD_LOCALS + 1, sizeof(*list));
	struct world *world = calloc(1, sizeof(*world));

	(void)state;
	assert_non_null(list);
	assert_non_null(world);
	for (size_t i = 0; i <= WORLD_LOCALS; i++)
		list[i] = (struct ifaddrs){.ifa_next = i < WORLD_LOCALS ? &list[i + 1] : NULL,
					   .ifa_flags = IFF_BROADCAST,
					   .ifa_addr = &addr.sa,
					   .ifa_broadaddr = &addr.sa};
	world_fill(world, list);
	assert_int_equal(world->locals, WORLD_LOCALS);
	assert_int_equal(world->broadcasts, WORLD_BROADCASTS);
	free(world);
	free(list);
}

/* The one world of this process, as a worker sees it. */
static const struct world *map_world(void)
{
	const struct world *map =
		mmap(NULL, sizeof(struct world), PROT_READ, MAP_SHARED, world_fd(), 0);

	assert_true(map != MAP_FAILED);
	return map;
}

static int create_world(void **state)
{
	(void)state;
	return loop_init() == 0 ? world_init() : -1;
}

static void a_reader_sees_loopback_and_later_listeners(void **state)
{
	const struct world *map = map_world();
	union addr loopback = ipv4("127.0.0.1", 0), listener = ipv6("::", 7007);
	bool has_loopback = false;

	(void)state;
	for (uint32_t i = 0; i < map->locals; i++)
		has_loopback |= addr_equal(&map->local[i], &loopback);
	assert_true(has_loopback);
	assert_int_equal(map->listeners, 0);
	world_add_listener(&listener);
	assert_int_equal(map->listeners, 1);
	assert_true(addr_equal(&map->listener[0], &listener));
	assert_int_equal(map->generation % 2, 0);
	assert_int_equal(munmap((void *)(uintptr_t)map, sizeof(*map)), 0);
}

static void a_reader_can_neither_write_nor_resize_it(void **state)
{
	(void)state;
	assert_true(mmap(NULL, sizeof(struct world), PROT_READ | PROT_WRITE, MAP_SHARED, world_fd(),
			 0) == MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(pwrite(world_fd(), "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(world_fd(), 0), -1);
	assert_int_equal(errno, EPERM);
}

static void stop_loop(struct loop_timer *timer)
{
	(void)timer; /* its owner needs it no more */
	loop_stop();
}

static void run_loop(uint64_t ms)
{
	struct loop_timer end = {.expired = stop_loop};

	loop_set_timer(&end, ms);
	assert_int_equal(loop_run(), 0);
}

static void bans_are_seen_by_readers_and_end_in_time(void **state)
{
	const struct world *map = map_world();
	union addr source = ipv4("192.0.2.7", 0), other = ipv4("192.0.2.8", 0);
	int64_t now = util_now_ms();

	(void)state;
	world_ban("www", &source, now + 50);
	world_ban("www", &other, now + 3600000);
	assert_int_equal(map->bans, 2);
	assert_string_equal(map->ban[0].service, "www");
	assert_true(addr_equal(&map->ban[0].source, &source));
	assert_int_equal(map->ban_generation % 2, 0);
	run_loop(100);
	assert_int_equal(map->bans, 1);
	assert_true(addr_equal(&map->ban[0].source, &other));
	world_ban("www", &other, util_now_ms()); /* over at once */
	assert_int_equal(map->bans, 0);
	assert_int_equal(munmap((void *)(uintptr_t)map, sizeof(*map)), 0);
}

static void a_ban_is_made_longer_not_doubled(void **state)
{
	const struct world *map = map_world();
	union addr source = ipv4("192.0.2.7", 0);
	int64_t now = util_now_ms();

	(void)state;
	world_ban("www", &source, now + 3600000);
	world_ban("mail", &source, now + 3600000);
	world_ban("www", &source, now + 7200000);
	assert_int_equal(map->bans, 2);
	assert_true(map->ban[0].until_ms == now + 7200000);
	world_ban("www", &source, now);
	world_ban("mail", &source, now);
	assert_int_equal(map->bans, 0);
	assert_int_equal(munmap((void *)(uintptr_t)map, sizeof(*map)), 0);
}

static void of_too_many_bans_the_first_to_end_gives_way(void **state)
{
	const struct world *map = map_world();
	int64_t now = util_now_ms();
	union addr source;

	(void)state;
	for (uint16_t i = 0; i <= WORLD_BANS; i++) {
		char host[32];

		(void)snprintf(host, sizeof(host), "192.0.2.%d", i + 1); /* it fits */
		source = ipv4(host, 0);
		world_ban("www", &source, now + 3600000 + i);
	}
	assert_int_equal(map->bans, WORLD_BANS);
	assert_true(addr_equal(&map->ban[0].source, &source));
	assert_int_equal(munmap((void *)(uintptr_t)map, sizeof(*map)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_listed_without_ports),
		cmocka_unit_test(only_interfaces_that_broadcast_have_a_broadcast_address),
		cmocka_unit_test(interfaces_without_an_address_are_left_out),
		cmocka_unit_test(a_new_list_replaces_the_old_one),
		cmocka_unit_test(more_addresses_than_fit_are_cut),
		cmocka_unit_test(a_reader_sees_loopback_and_later_listeners),
		cmocka_unit_test(a_reader_can_neither_write_nor_resize_it),
		cmocka_unit_test(bans_are_seen_by_readers_and_end_in_time),
		cmocka_unit_test(a_ban_is_made_longer_not_doubled),
		cmocka_unit_test(of_too_many_bans_the_first_to_end_gives_way),
	};

	return cmocka_run_group_tests(tests, create_world, NULL);
}
