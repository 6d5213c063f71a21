/* SPDX-License-Identifier: MIT */
/* world - what every worker may know about this machine: struct world of common/board.h. */
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>

#include "common/log.h"
#include "master/loop.h"
#include "master/world.h"

static struct {
	int fd;
	struct world *map;
	struct loop_watch changes; /* a netlink socket */
} memory = {.fd = -1, .changes = {.fd = -1}};

/* Writers of a sequence lock: odd while they write, and fences that keep the order. */
static void begin_write(struct world *world)
{
	(void)atomic_fetch_add_explicit(&world->generation, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void end_write(struct world *world)
{
	(void)atomic_fetch_add_explicit(&world->generation, 1, memory_order_release);
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

	memory.fd = memfd_create("cservd-world", MFD_CLOEXEC | MFD_ALLOW_SEALING);
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
	begin_write(world);
	world->listener[world->listeners++] = *addr;
	end_write(world);
}

void world_fill(struct world *world, const struct ifaddrs *list)
{
	begin_write(world);
	world->locals = world->broadcasts = 0;
	for (; list != NULL; list = list->ifa_next) {
		add_local(world, list->ifa_addr);
		add_broadcast(world, list);
	}
	end_write(world);
}
