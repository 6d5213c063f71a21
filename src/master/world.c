/* SPDX-License-Identifier: MIT */
/* world - what every worker may know about this machine: struct world of common/board.h. */
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>

#include "common/log.h"
#include "common/memory.h"
#include "master/loop.h"
#include "master/world.h"

static struct {
	int fd;
	struct world *map;
	struct loop_watch changes; /* a netlink socket */
	struct loop_timer ban_over;
} memory = {.fd = -1, .changes = {.fd = -1}};

/* Writers of a sequence lock: odd while they write, and fences that keep the order. */
static void begin_write(_Atomic uint32_t *generation)
{
	(void)atomic_fetch_add_explicit(generation, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void end_write(_Atomic uint32_t *generation)
{
	(void)atomic_fetch_add_explicit(generation, 1, memory_order_release);
}

static bool is_ip(const struct sockaddr *addr)
{
	return addr != NULL && (addr->sa_family == AF_INET || addr->sa_family == AF_INET6);
}

static void add_local(struct world *world, const struct sockaddr *addr)
{
	union addr *local = &world->local[world->locals];

	if (!is_ip(addr) || world->locals == WORLD_LOCALS)
		return;
	memset(local, 0, sizeof(*local));
	memcpy(local, addr, addr->sa_family == AF_INET ? sizeof(local->in4) : sizeof(local->in6));
	if (addr->sa_family == AF_INET)
		local->in4.sin_port = 0;
	else
		local->in6.sin6_port = 0;
	world->locals++;
}

static void add_broadcast(struct world *world, const struct ifaddrs *interface)
{
	struct sockaddr_in addr;

	if ((interface->ifa_flags & IFF_BROADCAST) == 0 || interface->ifa_broadaddr == NULL ||
	    interface->ifa_broadaddr->sa_family != AF_INET || world->broadcasts == WORLD_BROADCASTS)
		return;
	memcpy(&addr, interface->ifa_broadaddr, sizeof(addr));
	world->broadcast[world->broadcasts++] = addr.sin_addr;
}

static void refresh(void)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0) {
		log_warning("cannot read the addresses of this machine: %m");
		return;
	}
	world_fill(memory.map, list);
	freeifaddrs(list);
}

static void read_changes(struct loop_watch *watch, uint32_t events)
{
	char buffer[8192];
	ssize_t size;

	(void)events;
	/* What changed does not matter, nor that some news were lost (ENOBUFS): all is read anew.
	 */
	do {
		size = recv(watch->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	} while (size > 0 || (size < 0 && (errno == ENOBUFS || errno == EINTR)));
	refresh();
}

/* Drops the bans that are over and waits for the next that will be. */
static void end_bans(struct loop_timer *timer)
{
	struct world *world = memory.map;
	uint32_t count = atomic_load(&world->bans), kept = 0;
	int64_t now = util_now_ms(), next = INT64_MAX;

	begin_write(&world->ban_generation);
	for (uint32_t i = 0; i < count; i++) {
		if (world->ban[i].until_ms <= now)
			continue;
		world->ban[kept] = world->ban[i];
		if (world->ban[kept++].until_ms < next)
			next = world->ban[kept - 1].until_ms;
	}
	atomic_store(&world->bans, kept);
	end_write(&world->ban_generation);
	if (next != INT64_MAX)
		loop_set_timer(timer, (uint64_t)(next - now));
}

/* Where a ban is to be written: over an older one of the same source, at the end, or over the one
 * that ends first. */
static uint32_t find_place(const struct world *world, const char *service, const union addr *source)
{
	uint32_t count = atomic_load(&world->bans), first = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct ban *ban = &world->ban[i];

		if (addr_same_host(&ban->source, source) && strcmp(ban->service, service) == 0)
			return i;
		if (ban->until_ms < world->ban[first].until_ms)
			first = i;
	}
	return count < WORLD_BANS ? count : first;
}

static int follow_changes(void)
{
	struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};

	memory.changes.ready = read_changes;
	memory.changes.fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (memory.changes.fd < 0)
		return -1;
	if (bind(memory.changes.fd, (const struct sockaddr *)&groups, sizeof(groups)) < 0)
		return -1;
	return loop_add(&memory.changes, EPOLLIN);
}

int world_init(void)
{
	/* Our own mapping stays writable; no later one can be (fcntl(2), F_SEAL_FUTURE_WRITE). */
	const int seals = F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	memory.fd = memory_create("cservd-world");
	if (memory.fd < 0 || ftruncate(memory.fd, sizeof(struct world)) < 0)
		return -1;
	memory.map =
		mmap(NULL, sizeof(struct world), PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd, 0);
	if (memory.map == MAP_FAILED || fcntl(memory.fd, F_ADD_SEALS, seals) < 0)
		return -1;
	if (follow_changes() < 0)
		log_warning("cannot follow changes of addresses: %m");
	refresh();
	return 0;
}

int world_fd(void)
{
	return memory.fd;
}

void world_add_listener(const union addr *addr)
{
	struct world *world = memory.map;

	if (world->listeners == WORLD_LISTENERS)
		return;
	begin_write(&world->generation);
	world->listener[world->listeners++] = *addr;
	end_write(&world->generation);
}

void world_set_listeners(const union addr *list, size_t count)
{
	struct world *world = memory.map;

	if (count > WORLD_LISTENERS)
		count = WORLD_LISTENERS;
	begin_write(&world->generation);
	for (size_t i = 0; i < count; i++)
		world->listener[i] = list[i];
	world->listeners = (uint32_t)count;
	end_write(&world->generation);
}

void world_ban(const char *service, const union addr *source, int64_t until_ms)
{
	struct world *world = memory.map;
	uint32_t at = find_place(world, service, source);
	struct ban *ban = &world->ban[at];

	begin_write(&world->ban_generation);
	*ban = (struct ban){.source = *source, .until_ms = until_ms};
	memcpy(ban->service, service, strnlen(service, sizeof(ban->service) - 1));
	if (at == atomic_load(&world->bans))
		atomic_store(&world->bans, at + 1);
	end_write(&world->ban_generation);
	memory.ban_over.expired = end_bans;
	end_bans(&memory.ban_over);
}

void world_fill(struct world *world, const struct ifaddrs *list)
{
	begin_write(&world->generation);
	world->locals = world->broadcasts = 0;
	for (; list != NULL; list = list->ifa_next) {
		add_local(world, list->ifa_addr);
		add_broadcast(world, list);
	}
	end_write(&world->generation);
}
